"""6D joint rotations and a row of root displacement: the 25 x 6 numbers of MotionCLIP."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from actiongpt_core.errors import ShapeError
from actiongpt_core.geometry.clips import CANONICAL_FACING, facing
from actiongpt_core.geometry.rotations import matrix_to_rot6d, rot6d_to_matrix, rotation_about_z
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL, Skeleton


@attrs.frozen
class PoseRot6d:
    """F = 6 (J + 1) numbers a frame, J + 1 rows of six.

    | row | content |
    |---|---|
    | 0 .. J-1 | joint rotations in 6D (first two rows), parent-relative; row 0 takes the rest frame to the world |
    | J | x, y: displacement of the root from the first frame; z: its height above the ground; metres; three zeros |

    The height is absolute, so that decoding gives the path in the world. The canonical turn makes the first frame face
    `CANONICAL_FACING`.

    Source: Tevet et al., "MotionCLIP", ECCV 2022, section 3, for the rows.
    # Differs from the paper: the published files hold another displacement in the last row, and no height.
    """

    num_joints: int = 24
    canonicalise: bool = True

    @property
    def num_features(self) -> int:
        """F."""
        return 6 * (self.num_joints + 1)

    @property
    def groups(self) -> tuple[int, ...]:
        """Sizes of the groups of numbers that have one unit: each rotation, planar displacement, height, the zeros."""
        return (*[6] * self.num_joints, 2, 1, 3)

    def encode(self, rotations: Tensor, translation: Tensor) -> Tensor:
        """Rotations (T, J, 3, 3), translation (T, 3) in metres, Z up -> (T, F), not normalised."""
        path = translation[:, :2] - translation[:1, :2]
        root = rotations[:, 0]
        if self.canonicalise:
            turn = rotation_about_z(CANONICAL_FACING - facing(root[0]))
            root, path = turn @ root, path @ turn[:2, :2].T
        rot6d = matrix_to_rot6d(torch.cat([root[:, None], rotations[:, 1:]], dim=1)).flatten(1)
        return torch.cat([rot6d, path, translation[:, 2:], path.new_zeros(len(path), 3)], dim=1)

    def decode(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(..., T, F), not normalised -> rotations (..., T, J, 3, 3), translation (..., T, 3); starts above the origin.

        The canonical turn is not undone.
        """
        rows = features.unflatten(-1, (self.num_joints + 1, 6))
        place = rows[..., -1, :3]
        path = place[..., :2] - place[..., :1, :2]
        return rot6d_to_matrix(rows[..., :-1, :]), torch.cat([path, place[..., 2:]], dim=-1)

    def from_motion(self, motion: Motion) -> Tensor:
        """The features of a motion, (T, F), not normalised; its root is the pelvis."""
        return self.encode(motion.rotations, motion.translation)

    def to_motion(self, features: Tensor, *, fps: float, skeleton: Skeleton = SMPL) -> Motion:
        """The motion that features (T, F), not normalised, tell of."""
        rotations, translation = self.decode(features)
        return Motion(rotations=rotations, translation=translation, fps=fps, skeleton=skeleton)


def to_rows(features: Tensor) -> Tensor:
    """Features (B, T, 6 R) -> rows before frames, (B, R, 6, T): the layout of the published files.

    Raises:
        ShapeError: There are not three sizes, or the last is no multiple of six.
    """
    if features.ndim != 3 or features.shape[-1] % 6:
        raise ShapeError(f"Features (B, T, 6 R) expected, got {tuple(features.shape)}.")
    return features.unflatten(-1, (-1, 6)).permute(0, 2, 3, 1)


def from_rows(rows: Tensor) -> Tensor:
    """Rows (B, R, 6, T) -> features (B, T, 6 R); undoes `to_rows`.

    Raises:
        ShapeError: There are not four sizes, or the third is not six.
    """
    if rows.ndim != 4 or rows.shape[2] != 6:
        raise ShapeError(f"Rows (B, R, 6, T) expected, got {tuple(rows.shape)}.")
    return rows.permute(0, 3, 1, 2).flatten(2)
