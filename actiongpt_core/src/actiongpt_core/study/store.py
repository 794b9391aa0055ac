"""The folder of a study: a file for each cell, whole or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from actiongpt_core.errors import ConfigError

CELLS, EXAMPLES, MODELS, PAGE, RESULTS = "cells", "examples", "models", "index.html", "results.json"
FORMAT = 1  #: of the files of cells


class Store:
    """What was measured so far.

    A file is written beside its place and moved there, so that a run which ends early, however it ends, leaves whole
    files only; the next one measures what is missing.

    Args:
        folder: Where it is; made when there is something to keep.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def result(self, name: str, settings: dict[str, Any], content: dict[str, str] | None) -> dict[str, Any] | None:
        """What was measured of a cell; None if that is not there, or was measured with other settings or files.

        Args:
            name: Of the cell.
            settings: Of the cell.
            content: Digests of its files; None where they are not at hand, so that they cannot be compared.
        """
        found = self._read(self.folder / CELLS / f"{name}.json")
        if found is None or found.get("format") != FORMAT or found.get("settings") != as_json(settings):
            return None
        return found if content is None or found.get("content") == content else None

    def keep(self, name: str, result: dict[str, Any]) -> None:
        """Write what was measured of a cell.

        Raises:
            ConfigError: The folder cannot be written.
        """
        self.write(f"{CELLS}/{name}.json", to_text({"format": FORMAT, **result}))

    def examples(self, name: str, key: Any) -> dict[str, Any] | None:
        """Motions that the page plays; None if those of this key are not there."""
        found = self._read(self.folder / EXAMPLES / f"{name}.json")
        return found if found is not None and found.get("key") == as_json(key) else None

    def keep_examples(self, name: str, key: Any, motions: dict[str, Any]) -> None:
        """Write motions that the page plays."""
        self.write(f"{EXAMPLES}/{name}.json", to_text({"key": key, "motions": motions}))

    def write(self, file: str, text: str) -> Path:
        """Write a file of the folder, whole.

        Raises:
            ConfigError: It cannot be written.
        """
        path = self.folder / file
        # One name for all runs, so that a killed one leaves nothing that the next does not take over.
        unfinished = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.replace(path)
        except OSError as error:
            raise ConfigError(f"Cannot write {str(path)!r}: {error.strerror or error}.") from error
        return path

    def _read(self, path: Path) -> dict[str, Any] | None:
        """A file that is no JSON object counts as missing: it is made anew."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None


def as_json(value: Any) -> Any:
    """As it is when it comes back from a file."""
    return json.loads(json.dumps(value))


def to_text(value: Any) -> str:
    """As it is written."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False) + "\n"
