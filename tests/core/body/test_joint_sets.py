"""Named joint sets and axes of the originals; their numbers are in the golden tests."""

from __future__ import annotations

import pytest
import torch

from actiongpt_core.body.joint_sets import JOINT_SETS, convert_joints, shift_to_start, z_up_to_mmm_axes
from actiongpt_core.errors import ConfigError, ShapeError
from actiongpt_core.features.rifke import MMM_JOINTS
from actiongpt_core.types.skeleton import SMPL_BODY


@pytest.fixture
def joints() -> torch.Tensor:
    return torch.randn(5, 73, 3, generator=torch.Generator().manual_seed(0))


def test_each_set_has_its_number_of_joints(joints: torch.Tensor) -> None:
    counts = {name: convert_joints(joints, name).shape[-2] for name in JOINT_SETS}
    assert counts == {"smplh": 73, "smplnh": 22, "smplmmm": 21, "mmm": 21, "mmmns": 21}


@pytest.mark.parametrize(
    ("mmm", "smpl"),
    [("root", "pelvis"), ("BUN", "head"), ("LW", "left_wrist"), ("RK", "right_knee"), ("LF", "left_foot")],
)
def test_mmm_joints_stand_for_their_smpl_joints(joints: torch.Tensor, mmm: str, smpl: str) -> None:
    converted = convert_joints(joints, "smplmmm")
    torch.testing.assert_close(converted[:, MMM_JOINTS.index(mmm)], joints[:, SMPL_BODY.index(smpl)])


def test_heels_may_come_from_another_body(joints: torch.Tensor) -> None:
    converted = convert_joints(joints[:, :22], "smplmmm", heels=joints[:, [59, 62]])
    torch.testing.assert_close(converted, convert_joints(joints, "smplmmm"))


def test_up_is_y_in_the_mmm_axes_which_are_left_handed() -> None:
    change = z_up_to_mmm_axes(torch.eye(3)).T
    torch.testing.assert_close(change @ torch.tensor([0.0, 0.0, 1.0]), torch.tensor([0.0, 1.0, 0.0]))
    assert torch.linalg.det(change) == -1


def test_mmm_is_mmmns_in_about_millimetres(joints: torch.Tensor) -> None:
    torch.testing.assert_close(convert_joints(joints, "mmm"), convert_joints(joints, "mmmns") * 640)


def test_the_shift_puts_the_root_of_frame_0_at_the_translation_and_keeps_the_motion(joints: torch.Tensor) -> None:
    translation = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    shifted = shift_to_start(joints, translation)
    torch.testing.assert_close(shifted[0, 0], translation[0])
    torch.testing.assert_close(shifted - shifted[:1, :1], joints - joints[:1, :1], atol=1e-5, rtol=0)
    batch = shift_to_start(torch.stack([joints, joints + 1]), torch.stack([translation, translation]))
    torch.testing.assert_close(batch[1], shifted, atol=1e-5, rtol=0)


def test_an_unknown_set_and_missing_joints_are_refused(joints: torch.Tensor) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'mmmns'"):
        convert_joints(joints, "mmmn")
    with pytest.raises(ShapeError, match="heels"):
        convert_joints(joints[:, :22], "mmmns")
