"""A labelled clip: what all data sources give, and mirroring."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from actiongpt_core.geometry.clips import CANONICAL_FACING, facing
from actiongpt_core.geometry.rotations import rotation_about_z
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY


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
