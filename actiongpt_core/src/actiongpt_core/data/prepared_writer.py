"""A prepared set while it is written: one process, one recording after the other, nothing that is half there.

A recording is written under another name, brought to the disk and renamed; then the index gets its line. A process
that is killed at any moment leaves at most a file without a line, which the next run writes anew, and the beginning of
a line, which it drops.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from actiongpt_core.data.prepared_index import (
    FORMAT,
    HEADER,
    INDEX,
    RECORDINGS,
    Entry,
    Rejection,
    is_prepared,
    read_header,
    read_index,
)
from actiongpt_core.data.recording import Recording
from actiongpt_core.errors import ActionGPTError, ConfigError, DataError
from actiongpt_core.interfaces import DataSource
from actiongpt_core.types.segments import Pair, Segment
from actiongpt_core.types.skeleton import SMPL_BODY

_LOCK, _PART = ".lock", ".part"
_NPY_HEADER = 128  #: bytes before the numbers: what numpy writes for two dimensions, filled up to a multiple of 64


class PreparedWriter:
    """A prepared set while it is written, by this process alone; a context manager.

    Args:
        path: Its folder; made where there is none.
        source: Names the set and its frame rate.
        settings: What it is made from; a set that was begun with others is refused.

    Raises on entering:
        ConfigError: The folder holds something else, or a set that was begun otherwise; another process writes it; it
            cannot be written.
        DataError: The set that is there is damaged.
    """

    def __init__(self, path: Path, source: DataSource, settings: Mapping[str, Any]) -> None:
        self._path = path
        self._about: dict[str, Any] = {
            "format": FORMAT,
            "name": source.name,
            "fps": float(source.fps),
            "skeleton": SMPL_BODY.name,
            "source": json.loads(json.dumps(settings, default=str)),
        }
        self.known: dict[str, Entry | Rejection] = {}  #: what is in the index, by the recording's identifier
        self._keys: set[str] = set()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> PreparedWriter:
        with self._explained():
            self._path.mkdir(parents=True, exist_ok=True)
            self._compare()  # before anything is written among files of somebody else
            with contextlib.ExitStack() as stack:
                stack.enter_context(_alone(self._path))
                self._compare()  # and what another process did before it let go
                if not is_prepared(self._path):
                    self.write_header("unfinished", {})
                (self._path / RECORDINGS).mkdir(exist_ok=True)
                self._take_over()
                self._index = stack.enter_context((self._path / INDEX).open("ab", buffering=0))
                self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def check(self, name: str, recording: Recording) -> None:
        """Whether what is said of a recording fits in the set.

        Raises:
            DataError: It has no frames, speaks of another recording, or uses a key that was used before.
        """
        if not recording.num_frames:
            raise DataError(f"The recording {name!r} has no frames.")
        keys = [f"segment {item.key}" for item in recording.segments] + [f"pair {item.key}" for item in recording.pairs]
        told: list[Segment | Pair] = [*recording.segments, *recording.pairs]
        others = {item.recording for item in told} - {name}
        if others:
            raise DataError(f"The recording {name!r} has segments of another one: {', '.join(sorted(others))}.")
        for key, count in Counter(keys).items():
            if count > 1 or key in self._keys:
                raise DataError(f"The {key!r} of {name!r} is in the set before; keys must differ.")

    def add(self, name: str, recording: Recording, rows: np.ndarray[Any, Any]) -> None:
        """Write a recording, then its line.

        Raises:
            ConfigError: It cannot be written.
        """
        entry = Entry.of(recording, name, f"{RECORDINGS}/{len(self.known):06d}.npy")
        with self._explained():
            _write(self._path / entry.file, lambda file: np.save(file, rows))
            self._line(entry.to_dict())
        self._know(entry)

    def reject(self, name: str, reason: str) -> None:
        """Write that a recording is left out.

        Raises:
            ConfigError: It cannot be written.
        """
        with self._explained():
            self._line({"id": name, "rejected": reason})
        self._know(Rejection(name, reason))

    def write_header(self, state: str, summary: Mapping[str, Any]) -> None:
        """Write `prepared.json`.

        Raises:
            ConfigError: It cannot be written.
        """
        values = self._about | {"state": state} | dict(summary)
        text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
        # A file name that is no UTF-8 comes as a lone surrogate, whose escape is JSON too.
        content = text.encode("utf-8", "backslashreplace")
        with self._explained():
            _write(self._path / HEADER, lambda file: file.write(content))

    def _line(self, values: dict[str, Any]) -> None:
        line = json.dumps(values).encode() + b"\n"
        # Not buffered: what a full disk does not take must not be tried again when the file is closed.
        if self._index.write(line) != len(line):
            raise OSError(f"no room for the line of {values['id']!r} in {INDEX}")

    def _know(self, item: Entry | Rejection) -> None:
        self.known[item.id] = item
        if isinstance(item, Entry):
            self._keys.update(f"segment {segment.key}" for segment in item.segments)
            self._keys.update(f"pair {pair.key}" for pair in item.pairs)

    def _compare(self) -> None:
        """Compare with the set that is there."""
        if not is_prepared(self._path):
            own = (_LOCK, HEADER + _PART)
            others = sorted(item.name for item in self._path.iterdir() if not item.name.startswith(own))
            if others:
                raise ConfigError(f"{self._path} holds other files ({others[0]}, ...); give an empty or a new folder.")
            return
        found, now = (
            {name: about.get(name) for name in self._about if name != "source"} | dict(about["source"])
            for about in (read_header(self._path), self._about)
        )
        differing = [name for name in {**found, **now} if found.get(name) != now.get(name)]
        if differing:
            changes = "; ".join(f"{name} {found.get(name)!r}, now {now.get(name)!r}" for name in differing)
            raise ConfigError(
                f"{self._path} was begun otherwise: {changes}. Give the same to go on, or another folder (--out)."
            )

    def _take_over(self) -> None:
        """Know what earlier runs did; drop the beginning of a line."""
        index = self._path / INDEX
        if index.exists():
            whole = index.read_bytes().rfind(b"\n") + 1
            os.truncate(index, whole)
        for item in read_index(self._path):
            self._know(item)
            if isinstance(item, Entry) and not _is_whole(self._path / item.file, item):
                raise DataError(
                    f"{self._path / item.file} is missing or cut off. Remove {self._path} and prepare it again."
                )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ActionGPTError:
            raise
        except OSError as error:
            raise ConfigError(
                f"Cannot write in {str(self._path)!r}: {error.strerror or error}. What was done stays: make room, or "
                "make the folder writable, and give the same command again."
            ) from error


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Around what one process may do at a time. SQLite's lock, which all systems have and a killed process loses."""
    connection = sqlite3.connect(folder / _LOCK, timeout=0, isolation_level=None)
    try:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise OSError(f"{error}: {folder / _LOCK}") from error
            raise ConfigError(
                f"Another process is preparing {folder}. Wait for it, or give another folder (--out)."
            ) from error
        yield
    finally:
        connection.close()


def _write(path: Path, write: Callable[[Any], object]) -> None:
    """A file that is there as a whole, or not at all."""
    unfinished = path.with_name(path.name + _PART)
    with unfinished.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _is_whole(path: Path, entry: Entry) -> bool:
    """Whether the file has the numbers that the index promises, by its size."""
    return path.is_file() and path.stat().st_size == _NPY_HEADER + 4 * entry.frames * entry.columns
