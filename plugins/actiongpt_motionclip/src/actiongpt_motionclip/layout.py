"""What published weights mean by a frame, where it differs from `PoseRot6d`: a motion in place, and its last row."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, matrix_to_rot6d
from actiongpt_core.types.skeleton import Skeleton

_UPRIGHT = (math.pi / 2, 0.0, 0.0)  # axis-angle: SMPL's y up to our z up, facing the canonical direction


def turn_root(rotations: Tensor, root_orientation: str) -> Tensor:
    """Rotations (..., J, 3, 3) as decoded -> with the root's as the setting `root_orientation` wants it, z up."""
    if root_orientation == "decoded":
        return rotations
    upright = axis_angle_to_matrix(rotations.new_tensor(_UPRIGHT))
    root = rotations[..., :1, :, :]
    root = upright @ root if root_orientation == "relative" else upright.expand_as(root)
    return torch.cat([root, rotations[..., 1:, :, :]], dim=-3)


def stand_in_place(rotations: Tensor, skeleton: Skeleton) -> Tensor:
    """A pelvis that does not leave its place, so high that in every frame the lowest joint is on the ground.

    Published weights know neither a path nor a height.

    Args:
        rotations: Parent-relative, z up, (..., J, 3, 3).
        skeleton: J joints.

    Returns:
        (..., 3), metres.
    """
    joints, _ = forward_kinematics(rotations, rotations.new_zeros(*rotations.shape[:-3], 3), skeleton)
    return pad(-joints[..., 2].amin(-1, keepdim=True), (2, 0))


def encode_in_place(rotations: Tensor, skeleton: Skeleton, *, relative: bool) -> Tensor:
    """A motion as published encoders read it.

    The last row is how far the right ankle has gone since the first frame, seen from the pelvis: the original took it
    for the pelvis's own path.

    Args:
        rotations: Parent-relative, the root's to the world (z up), (T, J, 3, 3).
        skeleton: J joints.
        relative: Seen from the first frame's root orientation (align_pose_frontview).

    Returns:
        (T, 6 (J + 1)).
    """
    joints, _ = forward_kinematics(rotations, rotations.new_zeros(len(rotations), 3), skeleton)
    ankle = joints[:, skeleton.index("right_ankle")]
    way = ankle - ankle[:1]
    if relative:
        first = rotations[0, 0]
        rotations = torch.cat([first.T @ rotations[:, :1], rotations[:, 1:]], dim=1)
        way = way @ first
    return torch.cat([matrix_to_rot6d(rotations).flatten(1), pad(way, (0, 3))], dim=1)
