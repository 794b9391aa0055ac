"""A labelled clip: frames in memory, or to be read from a data set; and mirroring."""

from __future__ import annotations

from typing import Protocol

import attrs
import torch
from torch import Tensor

from actiongpt_core.geometry.clips import CANONICAL_FACING, facing
from actiongpt_core.geometry.rotations import rotation_about_z
from actiongpt_core.interfaces import DataSet
from actiongpt_core.text.sides import mirror_text
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.segments import Segment
from actiongpt_core.types.skeleton import SMPL_BODY


class Clip(Protocol):
    """Frames with texts, wherever the frames are."""

    @property
    def num_frames(self) -> int:
        """T."""
        ...

    @property
    def texts(self) -> tuple[str, ...]:
        """Phrases that say what happens."""
        ...

    def __getitem__(self, frames: slice) -> LabelledClip:
        """Some frames, same texts."""
        ...


@attrs.frozen(eq=False, kw_only=True)
class LabelledClip:
    """One clip of the 22 SMPL body joints with its texts; Z up, metres."""

    rotations: Tensor  #: (T, 22, 3, 3), parent-relative
    translation: Tensor  #: (T, 3), the pelvis
    fps: float
    texts: tuple[str, ...]  #: phrases that say what happens
    source: str  #: where it comes from, e.g. "cmu:01_01" or "procedural:bow"
    mirrored: bool = False

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.rotations)

    @property
    def motion(self) -> Motion:
        """The clip without its texts."""
        return Motion(rotations=self.rotations, translation=self.translation, fps=self.fps)

    def __getitem__(self, frames: slice) -> LabelledClip:
        """Some frames, same texts."""
        return attrs.evolve(self, rotations=self.rotations[frames], translation=self.translation[frames])


@attrs.frozen(eq=False, kw_only=True)
class RecordedClip:
    """A clip whose frames are read from its data set when they are asked for."""

    data: DataSet
    recording: str
    start: int  #: its first frame in the recording
    num_frames: int
    own_texts: tuple[str, ...]
    mirrored: bool = False  #: left and right swapped, in the motion and in the words

    @property
    def texts(self) -> tuple[str, ...]:
        """Phrases that say what happens."""
        return tuple(map(mirror_text, self.own_texts)) if self.mirrored else self.own_texts

    def __getitem__(self, frames: slice) -> LabelledClip:
        """Some frames, same texts."""
        first, end, _ = frames.indices(self.num_frames)
        motion = self.data.motion(self.recording, self.start + first, self.start + end)
        rotations, translation = motion.rotations, motion.translation
        if self.mirrored:
            rotations, translation = mirror_motion(rotations, translation)
        return LabelledClip(
            rotations=rotations,
            translation=translation,
            fps=self.data.fps,
            texts=self.texts,
            source=f"{self.data.name}:{self.recording}",
            mirrored=self.mirrored,
        )


def labelled_clip(data: DataSet, segment: Segment) -> LabelledClip:
    """The frames and texts of a segment, read from its data set.

    Raises:
        ConfigError: The set has no such recording, or not these frames.
    """
    motion = data.motion(segment.recording, segment.start, segment.end)
    return LabelledClip(
        rotations=motion.rotations,
        translation=motion.translation,
        fps=data.fps,
        texts=segment.texts,
        source=f"{data.name}:{segment.key}",
    )


def mirror_motion(rotations: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
    """Reflect a motion left to right (x of the body and of the world). Exact on a symmetric body.

    Args:
        rotations: (T, J, 3, 3).
        translation: (T, 3).

    Returns:
        The same shapes.
    """
    flip = torch.diag(rotations.new_tensor([-1.0, 1.0, 1.0]))
    twins = list(SMPL_BODY.mirror)
    return flip @ rotations[:, twins] @ flip, translation @ flip


def face_canonically(rotations: Tensor, translation: Tensor, frame: int = 0) -> tuple[Tensor, Tensor]:
    """Turn a motion about Z so that one frame faces -y, with that frame's pelvis above the origin.

    Args:
        rotations: (T, J, 3, 3).
        translation: (T, 3).
        frame: The frame that faces -y afterwards.

    Returns:
        The same shapes.
    """
    turn = rotation_about_z(facing(rotations[frame, 0]) - CANONICAL_FACING)
    origin = translation[frame] * translation.new_tensor([1.0, 1.0, 0.0])
    root = turn.T @ rotations[:, :1]
    return torch.cat([root, rotations[:, 1:]], dim=1), (translation - origin) @ turn
