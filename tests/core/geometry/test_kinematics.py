import pytest
import torch

from actiongpt_core.errors import ShapeError
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.types.skeleton import SMPL_BODY


def _pose(num_frames: int = 5) -> torch.Tensor:
    return axis_angle_to_matrix(torch.randn(num_frames, 22, 3, generator=torch.Generator().manual_seed(0)))


def test_the_rest_pose_adds_up_the_offsets() -> None:
    joints, _ = forward_kinematics(torch.eye(3).expand(1, 22, 3, 3), torch.zeros(1, 3), SMPL_BODY)
    offsets = torch.tensor(SMPL_BODY.rest_offsets)
    hip, knee = SMPL_BODY.index("left_hip"), SMPL_BODY.index("left_knee")
    torch.testing.assert_close(joints[0, knee], offsets[hip] + offsets[knee])


def test_the_root_stands_at_the_translation() -> None:
    translation = torch.randn(5, 3)
    joints, _ = forward_kinematics(_pose(), translation, SMPL_BODY)
    torch.testing.assert_close(joints[:, 0], translation)


def test_bones_keep_their_lengths_in_every_pose() -> None:
    joints, _ = forward_kinematics(_pose(), torch.zeros(5, 3), SMPL_BODY)
    bones = joints[:, 1:] - joints[:, list(SMPL_BODY.parents[1:])]
    expected = torch.tensor(SMPL_BODY.rest_offsets)[1:].norm(dim=-1)
    torch.testing.assert_close(bones.norm(dim=-1), expected.expand(5, 21), atol=1e-5, rtol=0)


def test_turning_the_root_turns_every_joint() -> None:
    pose = _pose()
    turn = axis_angle_to_matrix(torch.tensor([0.0, 0.0, 0.7]))
    turned = torch.cat([turn @ pose[:, :1], pose[:, 1:]], dim=1)
    joints, _ = forward_kinematics(pose, torch.zeros(5, 3), SMPL_BODY)
    moved, _ = forward_kinematics(turned, torch.zeros(5, 3), SMPL_BODY)
    torch.testing.assert_close(moved, joints @ turn.T, atol=1e-5, rtol=0)


def test_another_number_of_joints_is_an_error() -> None:
    with pytest.raises(ShapeError, match="22 joints"):
        forward_kinematics(torch.eye(3).expand(1, 21, 3, 3), torch.zeros(1, 3), SMPL_BODY)
