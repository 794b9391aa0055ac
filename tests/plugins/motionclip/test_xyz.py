"""Rows of rotations to points of a body: what holds for any body. Parity with the original is in the golden tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from actiongpt_core.body.joint_sets import SMPL_JOINT_SETS
from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.errors import ConfigError, ShapeError
from actiongpt_core.features.pose_rot6d import to_rows
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, matrix_to_rot6d
from actiongpt_motionclip.xyz import rows_to_xyz

SETS = [*SMPL_JOINT_SETS, "vertices"]


@pytest.fixture(scope="module")
def body(synthetic_smpl: Path) -> SmplBody:
    folder = synthetic_smpl / "smpl"
    return SmplBody(folder / "SMPL_NEUTRAL.pkl", extra_regressor=folder / "J_regressor_extra.npy")


@pytest.fixture
def x() -> Tensor:
    """Two motions of 5 frames, the second with 3 real ones."""
    generator = torch.Generator().manual_seed(0)
    rot6d = matrix_to_rot6d(axis_angle_to_matrix(torch.randn(2, 5, 24, 3, generator=generator) * 0.4)).flatten(2)
    place = torch.cat([torch.randn(2, 5, 3, generator=generator), torch.zeros(2, 5, 3)], dim=-1)
    return to_rows(torch.cat([rot6d, place], dim=-1))


@pytest.fixture
def mask() -> Tensor:
    return torch.tensor([[True] * 5, [True] * 3 + [False] * 2])


@pytest.mark.parametrize("joint_set", SETS)
@pytest.mark.parametrize("vertstrans", [False, True])
def test_padding_is_zero_and_changes_nothing(
    x: Tensor, mask: Tensor, body: SmplBody, joint_set: Any, vertstrans: bool
) -> None:
    found = rows_to_xyz(x, mask, body, joint_set=joint_set, vertstrans=vertstrans)
    assert not found[1, ..., 3:].any()
    x[1, ..., 3:] = torch.nan
    assert torch.equal(rows_to_xyz(x, mask, body, joint_set=joint_set, vertstrans=vertstrans), found)
    alone = rows_to_xyz(x[1:, ..., :3], mask[1:, :3], body, joint_set=joint_set, vertstrans=vertstrans)
    torch.testing.assert_close(alone[0], found[1, ..., :3], atol=1e-6, rtol=0)


@pytest.mark.parametrize("joint_set", SMPL_JOINT_SETS)
def test_joints_are_relative_to_the_pelvis_and_take_the_displacement_on_demand(
    x: Tensor, mask: Tensor, body: SmplBody, joint_set: Any
) -> None:
    still, moving = (rows_to_xyz(x, mask, body, joint_set=joint_set, vertstrans=moves) for moves in (False, True))
    chosen = SMPL_JOINT_SETS[joint_set]
    assert chosen.indices[chosen.root] == 0
    assert not still[:, chosen.root].any()
    displacement = (x[:, -1, :3] - x[:, -1, :3, :1]) * mask[:, None]
    torch.testing.assert_close(moving - still, displacement[:, None].expand_as(still), atol=1e-6, rtol=0)


@pytest.mark.parametrize("joint_set", ["smpl", "vertices"])
def test_gradients_reach_the_real_frames_alone(x: Tensor, mask: Tensor, body: SmplBody, joint_set: Any) -> None:
    x.requires_grad_()
    rows_to_xyz(x, mask, body, joint_set=joint_set, vertstrans=True).square().sum().backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())
    reached = x.grad.abs().amax((1, 2)) > 0
    assert torch.equal(reached, mask)


def test_shapes_of_a_batch_are_those_of_its_items(x: Tensor, mask: Tensor, body: SmplBody) -> None:
    betas = torch.tensor([[0.0, 2.0], [1.0, -1.0]])
    both = rows_to_xyz(x, mask, body, betas=betas)
    for item in range(2):
        alone = rows_to_xyz(x[item, None], mask[item, None], body, betas=betas[item])
        torch.testing.assert_close(alone[0], both[item], atol=1e-6, rtol=0)


def test_what_does_not_fit_is_refused(x: Tensor, mask: Tensor, body: SmplBody, synthetic_smpl: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'vertices'"):
        rows_to_xyz(x, mask, body, joint_set="vertex")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="Did you mean 'rotquat'"):
        rows_to_xyz(x, mask, body, representation="rotquart")  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match=r"rot6d rows must be \(B, 24, 6, T\), got \(2, 25, 6, 5\)"):
        rows_to_xyz(x, mask, body, translation=False)
    with pytest.raises(ShapeError, match="mask must be boolean"):
        rows_to_xyz(x, mask.float(), body)
    without = SmplBody(synthetic_smpl / "smpl" / "SMPL_NEUTRAL.pkl")
    assert rows_to_xyz(x, mask, without).shape == (2, 24, 3, 5)
    with pytest.raises(ConfigError, match="extra_regressor"):
        rows_to_xyz(x, mask, without, joint_set="a2m")
    with pytest.raises(ConfigError, match="the body is SMPL-H"):
        rows_to_xyz(x, mask, SmplBody(synthetic_smpl / "smplh" / "neutral" / "model.npz"))
