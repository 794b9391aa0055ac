"""Forward kinematics."""

from __future__ import annotations

import torch
from torch import Tensor

from actiongpt_core.errors import ShapeError
from actiongpt_core.types.skeleton import Skeleton


def forward_kinematics(rotations: Tensor, translation: Tensor, skeleton: Skeleton) -> tuple[Tensor, Tensor]:
    """World positions and orientations of the joints.

    Args:
        rotations: Parent-relative rotations, (..., J, 3, 3).
        translation: World position of the root joint, metres, (..., 3).
        skeleton: J joints.

    Returns:
        joints (..., J, 3) in metres and global rotations (..., J, 3, 3).

    Raises:
        ShapeError: The number of joints differs from the skeleton's.
    """
    if rotations.shape[-3] != skeleton.num_joints:
        raise ShapeError(f"{skeleton.num_joints} joints expected, got rotations {tuple(rotations.shape)}.")
    offsets = rotations.new_tensor(skeleton.rest_offsets)
    local, globals_, positions = rotations.unbind(-3), [], []
    for joint, parent in enumerate(skeleton.parents):
        if parent < 0:
            globals_.append(local[joint])
            positions.append(translation)
        else:
            globals_.append(globals_[parent] @ local[joint])
            positions.append(positions[parent] + globals_[parent] @ offsets[joint])
    return torch.stack(positions, dim=-2), torch.stack(globals_, dim=-3)
