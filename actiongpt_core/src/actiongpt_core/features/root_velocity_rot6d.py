"""Root height, planar root velocity and 6D joint rotations: the "globalvelandy" features of TEMOS and TEACH."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

from actiongpt_core.geometry.clips import heading
from actiongpt_core.geometry.rotations import matrix_to_rot6d, rot6d_to_matrix, rotation_about_z
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY, Skeleton


@attrs.frozen
class RootVelocityRot6d:
    """F = 3 + 6 J numbers a frame.

    | index | content |
    |---|---|
    | 0 | root height, m |
    | 1, 2 | planar root velocity, metres per frame, in the canonical frame; 0 at the first frame |
    | 3 .. | J rotations in 6D (first two rows), the root's in the canonical frame |

    The canonical frame turns the clip about Z so that the z component of the first root orientation's axis-angle vector
    becomes -pi/2. That is the originals' rule; it uses that component, not the facing direction.

    Source: Petrovich et al., "TEMOS", ECCV 2022, section 3.1; Athanasiou et al., "TEACH", 3DV 2022, section 3.
    """

    num_joints: int = 22
    canonicalise: bool = True
    #: add pi/2 to the canonical turn; False turns the component to 0
    offset: bool = True

    @property
    def num_features(self) -> int:
        """F."""
        return 3 + 6 * self.num_joints

    @property
    def groups(self) -> tuple[int, ...]:
        """Sizes of the groups of numbers that have one unit: height, planar velocity, each joint's rotation."""
        return (1, 2, *[6] * self.num_joints)

    def encode(self, rotations: Tensor, translation: Tensor) -> Tensor:
        """Rotations (T, J, 3, 3), translation (T, 3) in metres -> (T, F), not normalised."""
        velocity = torch.cat([translation.new_zeros(1, 2), translation[1:, :2] - translation[:-1, :2]])
        root = rotations[:, 0]
        if self.canonicalise:
            turn = rotation_about_z(heading(root[0]) + (math.pi / 2 if self.offset else 0.0))
            root, velocity = turn.T @ root, velocity @ turn[:2, :2]
        rot6d = matrix_to_rot6d(torch.cat([root[:, None], rotations[:, 1:]], dim=1)).flatten(1)
        return torch.cat([translation[:, 2:], velocity, rot6d], dim=1)

    def decode(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(..., T, F), not normalised -> rotations (..., T, J, 3, 3), translation (..., T, 3); starts above the origin.

        The canonical turn is not undone.
        """
        path = torch.cumsum(features[..., 1:3], dim=-2)
        translation = torch.cat([path - path[..., :1, :], features[..., :1]], dim=-1)
        return rot6d_to_matrix(features[..., 3:].unflatten(-1, (self.num_joints, 6))), translation

    def from_motion(self, motion: Motion) -> Tensor:
        """The features of a motion, (T, F), not normalised; its root is the pelvis."""
        return self.encode(motion.rotations, motion.translation)

    def to_motion(self, features: Tensor, *, fps: float, skeleton: Skeleton = SMPL_BODY) -> Motion:
        """The motion that features (T, F), not normalised, tell of."""
        rotations, translation = self.decode(features)
        return Motion(rotations=rotations, translation=translation, fps=fps, skeleton=skeleton)

    def turn(self, features: Tensor, angle: Tensor) -> Tensor:
        """The same motion in a frame turned by `angle` about Z: the body turns by -angle.

        Args:
            features: (B, T, F), not normalised.
            angle: (B,), radians.

        Returns:
            (B, T, F).
        """
        turn = rotation_about_z(angle)[:, None]
        root = turn.mT @ rot6d_to_matrix(features[..., 3:9])
        velocity = (features[..., None, 1:3] @ turn[..., :2, :2]).squeeze(-2)
        return torch.cat([features[..., :1], velocity, matrix_to_rot6d(root), features[..., 9:]], dim=-1)
