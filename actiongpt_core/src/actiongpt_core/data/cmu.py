"""The CMU text-motion set: as it is published prepared, and as `actiongpt data prepare cmu` writes it."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from actiongpt_core.data.consecutive import consecutive_pairs
from actiongpt_core.data.prepared import prepared_set
from actiongpt_core.data.prepared_index import HEADER, is_prepared
from actiongpt_core.errors import ConfigError, DataError, MissingAssetError, did_you_mean
from actiongpt_core.types.segments import Pair, Segment

if TYPE_CHECKING:
    from actiongpt_core.interfaces import DataSet
    from actiongpt_core.types.motion import Motion

ENVIRONMENT = "ACTIONGPT_CMU"
SPLITS = ("train", "val", "test")
_FILES = ("motions.npz", "recordings.json", "clips.json")


def cmu_folder(folder: str | Path | None = None) -> Path:
    """The folder of the set: the argument, else the environment variable.

    Raises:
        MissingAssetError: Neither is given, or it does not hold the set's files.
    """
    place = folder if folder is not None else os.environ.get(ENVIRONMENT)
    if not place:
        raise MissingAssetError(
            f"The prepared CMU set is needed: give its folder (--data-dir), or set {ENVIRONMENT} to it."
        )
    path = Path(place)
    missing = [name for name in _FILES if not (path / name).is_file()]
    if missing and not is_prepared(path):
        raise MissingAssetError(
            f"{path} is not the prepared CMU set: {missing[0]} is missing, and so is {HEADER}. To prepare CMU's own "
            "files: actiongpt data prepare cmu --source DIR --out DIR."
        )
    return path


class CmuSet:
    """The set: 22 joints, 30 frames a second unless it was prepared otherwise.

    Args:
        folder: Of the set, in either layout; None for the one that ACTIONGPT_CMU names.

    Raises:
        MissingAssetError: No folder is known, or it does not hold the set.
        ConfigError: It holds another prepared set.
        DataError: A file of it is damaged.
    """

    name = "cmu"

    def __init__(self, folder: str | Path | None = None) -> None:
        path = cmu_folder(folder)
        self._set: DataSet = prepared_set(self.name)(path) if is_prepared(path) else _Published(path)

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self._set.fps

    @property
    def splits(self) -> Sequence[str]:
        """The splits, by subject: nobody is in two of them."""
        return self._set.splits

    def segments(self, split: str) -> Sequence[Segment]:
        """What is known of the clips of a split.

        Raises:
            ConfigError: There is no such split.
        """
        return self._set.segments(split)

    def pairs(self, split: str) -> Sequence[Pair]:
        """Clips that go on in each other: exercises that a person marked, and parts of longer recordings.

        Raises:
            ConfigError: There is no such split.
        """
        pairs: Sequence[Pair] = self._set.pairs(split)  # type: ignore[attr-defined]  # both layouts have it
        return pairs

    def motion(self, recording: str, start: int, end: int) -> Motion:
        """Frames [start, end) of a recording.

        Raises:
            ConfigError: There is no such recording, or it does not have these frames.
        """
        return self._set.motion(recording, start, end)


class _Published:
    """The set as it is published, in memory: motions.npz, recordings.json, clips.json."""

    name = "cmu"
    splits = SPLITS

    def __init__(self, path: Path) -> None:
        try:
            # Opened here: numpy does not close a file that it finds to be no archive.
            with (path / _FILES[0]).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                self._poses: np.ndarray[Any, Any] = arrays["poses"]
                self._scale = float(arrays["pose_scale"])
                self._translation: np.ndarray[Any, Any] = arrays["trans"]
                self.fps = float(arrays["fps"])
            recordings, clips = (json.loads((path / name).read_text("utf-8")) for name in _FILES[1:])
            self._spans = _spans(recordings, len(self._poses))
            suspects = {item["id"] for item in recordings if item["suspect"]}
            self._segments = {split: _segments(clips, split, suspects) for split in SPLITS}
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} cannot be read as the prepared CMU set: {error!r}. Get it again.") from error

    def segments(self, split: str) -> Sequence[Segment]:
        if split not in self._segments:
            raise ConfigError(f"The CMU set has no split {split!r}: {', '.join(SPLITS)}.")
        return self._segments[split]

    def pairs(self, split: str) -> Sequence[Pair]:
        return consecutive_pairs(self.segments(split))

    def motion(self, recording: str, start: int, end: int) -> Motion:
        import torch

        from actiongpt_core.geometry.rotations import axis_angle_to_matrix
        from actiongpt_core.types.motion import Motion

        if recording not in self._spans:
            raise ConfigError(f"The CMU set has no recording {recording!r}.{did_you_mean(recording, self._spans)}")
        first, last = self._spans[recording]
        if not 0 <= start < end <= last - first:
            raise ConfigError(f"{recording} has {last - first} frames; [{start}, {end}) are none of them.")
        rows = slice(first + start, first + end)
        axis_angle = torch.from_numpy(self._poses[rows].astype(np.float32) * self._scale)
        translation = torch.from_numpy(self._translation[rows].astype(np.float32))
        return Motion(rotations=axis_angle_to_matrix(axis_angle), translation=translation, fps=self.fps)


def _spans(recordings: list[dict[str, Any]], num_frames: int) -> dict[str, tuple[int, int]]:
    """First row and row after the last of each recording; they lie one after the other."""
    starts = [item["offset"] for item in recordings]
    return {
        item["id"]: (start, min([other for other in starts if other > start], default=num_frames))
        for item, start in zip(recordings, starts, strict=True)
    }


def _segments(clips: list[dict[str, Any]], split: str, suspects: set[str]) -> tuple[Segment, ...]:
    return tuple(
        Segment(
            key=item["id"],
            recording=item["recording"],
            start=item["start_frame"],
            end=item["end_frame"],
            texts=tuple(item["texts"]),
            scope=item["text_scope"],
            suspect=item["recording"] in suspects,
            categories=(item["action"],) if item["action"] else (),
        )
        for item in clips
        if item["split"] == split
    )
