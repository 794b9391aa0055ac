"""A data set in the library's own format, as `actiongpt data prepare` writes it; the frames stay on the disk."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from actiongpt_core.data.prepared_index import (
    HEADER,
    NUM_MOTION,
    NUM_POSE,
    Entry,
    columns_of,
    is_prepared,
    read_header,
    read_index,
)
from actiongpt_core.errors import ConfigError, DataError, MissingAssetError, did_you_mean

if TYPE_CHECKING:
    from actiongpt_core.types.motion import Motion
    from actiongpt_core.types.segments import Pair, Segment

_FIRST = ("train", "val", "test")


def prepared_set(name: str) -> Callable[..., PreparedSet]:
    """What opens the prepared set of one name, for `DataSetSpec.load`: with the folder, as `PreparedSet` is.

    It raises ConfigError for a folder that holds another set, and else what `PreparedSet` raises.
    """

    def opened(folder: str | Path | None = None) -> PreparedSet:
        found = PreparedSet(folder)
        if found.name != name:
            raise ConfigError(f"{folder} holds the set {found.name!r}, not {name!r}: --data {found.name}.")
        return found

    return opened


class PreparedSet:
    """A prepared set: what is said of the recordings is in memory, their frames are mapped when they are read.

    Processes and threads may share it, and it can be pickled.

    Args:
        folder: As `actiongpt data prepare` wrote it.

    Raises:
        MissingAssetError: There is no prepared set.
        DataError: Its preparation was not finished, or a file of it is damaged.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        if folder is None:
            raise MissingAssetError("This data set has to be prepared: give the folder that holds it (--data-dir).")
        self.folder = Path(folder)
        if not is_prepared(self.folder):
            raise MissingAssetError(
                f"{self.folder} holds no {HEADER}, so it is no prepared set. Make one: "
                f"actiongpt data prepare NAME --source DIR --out {self.folder}."
            )
        self.header = read_header(self.folder)
        if self.header["state"] != "complete":
            raise DataError(f"The preparation of {self.folder} was not finished: give the same command again.")
        self.name: str = self.header["name"]
        self.fps: float = self.header["fps"]
        self._entries = {item.id: item for item in read_index(self.folder) if isinstance(item, Entry)}
        names = {item.split for item in self._entries.values()}
        self.splits = (*(name for name in _FIRST if name in names), *sorted(names.difference(_FIRST)))

    @property
    def recordings(self) -> Sequence[Entry]:
        """What the index says of each recording, in its order."""
        return tuple(self._entries.values())

    def segments(self, split: str) -> tuple[Segment, ...]:
        """What is known of the clips of a split, in the order of the recordings.

        Raises:
            ConfigError: There is no such split.
        """
        return tuple(item for entry in self._of(split) for item in entry.segments)

    def pairs(self, split: str) -> tuple[Pair, ...]:
        """The pairs of consecutive actions of a split.

        Raises:
            ConfigError: There is no such split.
        """
        return tuple(item for entry in self._of(split) for item in entry.pairs)

    def motion(self, recording: str, start: int, end: int) -> Motion:
        """Frames [start, end) of a recording.

        Raises:
            ConfigError: There is no such recording, or it does not have these frames.
            DataError: Its file is missing or damaged.
        """
        import torch

        from actiongpt_core.geometry.rotations import axis_angle_to_matrix
        from actiongpt_core.types.motion import Motion

        rows = self._rows(recording, start, end)[:, :NUM_MOTION]
        values = torch.from_numpy(np.array(rows))  # a copy: what is mapped can't be written
        poses, translation = values[:, :NUM_POSE], values[:, NUM_POSE:]
        rotations = axis_angle_to_matrix(poses.unflatten(1, (-1, 3)))
        return Motion(rotations=rotations, translation=translation.clone(), fps=self.fps)

    def extra(self, recording: str, name: str, start: int, end: int) -> NDArray[np.float32]:
        """Frames [start, end) of an extra array of a recording, (end - start, ...).

        Raises:
            ConfigError: There is no such recording, array or frames.
            DataError: Its file is missing or damaged.
        """
        entry = self._entry(recording)
        if name not in entry.extra:
            known = ", ".join(entry.extra) or "none"
            raise ConfigError(f"{recording!r} of {self.name!r} has no extra array {name!r}; it has {known}.")
        rows = self._rows(recording, start, end)
        return np.array(rows[:, columns_of(entry, name)]).reshape(-1, *entry.extra[name])

    def _of(self, split: str) -> Sequence[Entry]:
        if split not in self.splits:
            raise ConfigError(f"{self.name!r} has no split {split!r}: {', '.join(self.splits)}.")
        return self._by_split[split]

    @functools.cached_property
    def _by_split(self) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {name: [] for name in self.splits}
        for entry in self._entries.values():
            found[entry.split].append(entry)
        return found

    def _entry(self, recording: str) -> Entry:
        if recording not in self._entries:
            hint = did_you_mean(recording, self._entries)
            raise ConfigError(f"{self.name!r} has no recording {recording!r}.{hint}")
        return self._entries[recording]

    def _rows(self, recording: str, start: int, end: int) -> NDArray[np.float32]:
        """Rows [start, end) of a recording, mapped anew each time: a map that is kept keeps a file open."""
        entry = self._entry(recording)
        if not 0 <= start < end <= entry.frames:
            raise ConfigError(f"{recording!r} has {entry.frames} frames; [{start}, {end}) are none of them.")
        path = self.folder / entry.file
        try:
            rows: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path} cannot be read: {error}. Remove {self.folder} and prepare it again.") from error
        if rows.shape != (entry.frames, entry.columns) or rows.dtype != np.float32:
            raise DataError(
                f"{path} holds {rows.dtype} {rows.shape}, the index says float32 {(entry.frames, entry.columns)}. "
                f"Remove {self.folder} and prepare it again."
            )
        return rows[start:end]
