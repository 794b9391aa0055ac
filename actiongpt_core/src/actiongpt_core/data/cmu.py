"""Reader of the prepared CMU text-motion set (environment variable ACTIONGPT_CMU)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from actiongpt_core.data.clip import LabelledClip
from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.segments import Segment

ENVIRONMENT = "ACTIONGPT_CMU"
SPLITS = ("train", "val", "test")


def cmu_folder(folder: str | Path | None = None) -> Path:
    """The folder of the set: the argument, else the environment variable.

    Raises:
        MissingAssetError: Neither is given, or it does not hold the set's files.
    """
    place = folder if folder is not None else os.environ.get(ENVIRONMENT)
    if not place:
        raise MissingAssetError(f"The prepared CMU set is needed: set {ENVIRONMENT} to its folder.")
    path = Path(place)
    for name in ("motions.npz", "recordings.json", "clips.json"):
        if not (path / name).is_file():
            raise MissingAssetError(f"{path} is not the prepared CMU set: {name} is missing.")
    return path


@attrs.frozen(eq=False)
class CmuClip:
    """A clip and what the set says of it."""

    clip: LabelledClip
    recording: str
    start_frame: int  #: in the recording
    scope: str  #: how far the text may be trusted: "clip", "segment" or "window"
    action: str | None  #: keyword-derived, no human label
    suspect: bool


class CmuSet:
    """The set, in memory: 30 frames a second, 22 joints."""

    name = "cmu"
    splits = SPLITS

    def __init__(self, folder: str | Path | None = None) -> None:
        path = cmu_folder(folder)
        with np.load(path / "motions.npz", allow_pickle=False) as arrays:
            self._poses: np.ndarray[Any, Any] = arrays["poses"]
            self._scale = float(arrays["pose_scale"])
            self._translation: np.ndarray[Any, Any] = arrays["trans"]
            self.fps = float(arrays["fps"])
        self._recordings = {item["id"]: item for item in json.loads((path / "recordings.json").read_text("utf-8"))}
        self._clips = json.loads((path / "clips.json").read_text("utf-8"))

    def frames(self, recording: str, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Frames [start, end) of a recording: rotations (T, 22, 3, 3), translation of the pelvis (T, 3)."""
        first = self._recordings[recording]["offset"]
        rows = slice(first + start, first + end)
        axis_angle = torch.from_numpy(self._poses[rows].astype(np.float32) * self._scale)
        return axis_angle_to_matrix(axis_angle), torch.from_numpy(self._translation[rows].astype(np.float32))

    def motion(self, recording: str, start: int, end: int) -> Motion:
        """Frames [start, end) of a recording."""
        rotations, translation = self.frames(recording, start, end)
        return Motion(rotations=rotations, translation=translation, fps=self.fps)

    def segments(self, split: str) -> list[Segment]:
        """What is known of the clips of one split."""
        return [
            Segment(
                key=item["id"],
                recording=item["recording"],
                start=item["start_frame"],
                end=item["end_frame"],
                texts=tuple(item["texts"]),
                scope=item["text_scope"],
                suspect=bool(self._recordings[item["recording"]]["suspect"]),
                categories=(item["action"],) if item["action"] else (),
            )
            for item in self._clips
            if item["split"] == split
        ]

    def clips(self, split: str) -> list[CmuClip]:
        """The clips of one split.

        Raises:
            ConfigError: There is no such split.
        """
        if split not in SPLITS:
            raise ConfigError(f"The CMU set has no split {split!r}: {', '.join(SPLITS)}.")
        return [self._clip(item) for item in self._clips if item["split"] == split]

    def _clip(self, item: dict[str, Any]) -> CmuClip:
        rotations, translation = self.frames(item["recording"], item["start_frame"], item["end_frame"])
        clip = LabelledClip(
            rotations=rotations,
            translation=translation,
            fps=self.fps,
            texts=tuple(item["texts"]),
            source=f"cmu:{item['id']}",
        )
        suspect = bool(self._recordings[item["recording"]]["suspect"])
        return CmuClip(clip, item["recording"], item["start_frame"], item["text_scope"], item["action"], suspect)
