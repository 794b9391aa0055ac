"""Files that grow while the work goes on, and appear when it is done."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from actiongpt_core.errors import ConfigError


class JsonObjectWriter:
    """A JSON object, written member by member beside its file; the members need no memory.

    Args:
        path: The file. It is replaced when `commit` is called, and left as it is without that.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_members = 0
        # One name for all runs, so that a killed one leaves nothing that the next does not take over.
        self._unfinished = path.with_name(f".{path.name}.part")
        self._file: TextIO | None = None

    def __enter__(self) -> JsonObjectWriter:
        """Open the file beside it.

        Raises:
            ConfigError: Nothing can be written there.
        """
        if self.path.is_dir():
            raise ConfigError(f"Cannot write {str(self.path)!r}: it is a folder. Give the name of a file.")
        with self._explained():
            self._file = self._unfinished.open("w", encoding="utf-8", newline="\n")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        self._unfinished.unlink(missing_ok=True)

    def add(self, key: str, value: object) -> None:
        """Write one more member.

        Raises:
            ConfigError: Writing failed, the disk being full, for example.
        """
        assert self._file is not None, "used as a context manager"
        with self._explained():
            self._file.write(",\n" if self.num_members else "{\n")
            self._file.write(f"  {_as_json(key)}: {_as_json(value)}")
        self.num_members += 1

    def commit(self) -> None:
        """Put what was written in the file's place; without a member there is no file, not even an old one.

        Raises:
            ConfigError: Writing failed.
        """
        assert self._file is not None, "used as a context manager"
        with self._explained():
            self._file.write("\n}\n")
            self._file.close()
            if self.num_members:
                self._unfinished.replace(self.path)
            else:
                self.path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigError(f"Cannot write {str(self.path)!r}: {error.strerror or error}.") from error


def _as_json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2).replace("\n", "\n  ")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half a character, in a phrase that was refused for it
        return json.dumps(value, indent=2).replace("\n", "\n  ")
    return text
