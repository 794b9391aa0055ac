"""The terms of a text and motion VAE."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from actiongpt_core.data.procedural import sample
from actiongpt_core.features.root_velocity_rot6d import RootVelocityRot6d
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.nn.distributions import DiagonalGaussian
from actiongpt_core.training.losses import VaeLosses, body_losses, latent_losses, reconstruction_loss
from actiongpt_core.types.skeleton import SMPL_BODY


def test_frames_beyond_a_motions_end_do_not_count() -> None:
    predicted, target = torch.randn(2, 10, 135), torch.randn(2, 10, 135)
    mask = torch.arange(10) < torch.tensor([[10], [6]])
    changed = predicted.clone()
    changed[1, 6:] += 5
    torch.testing.assert_close(reconstruction_loss(predicted, target, mask), reconstruction_loss(changed, target, mask))
    poses = [RootVelocityRot6d(canonicalise=False).decode(features) for features in (predicted, changed)]
    found = [body_losses(pose, poses[0], mask, 30.0, SMPL_BODY) for pose in poses]
    assert found[0]["joints"] == found[1]["joints"] == 0


def test_long_and_short_motions_weigh_the_same() -> None:
    mask = torch.arange(10) < torch.tensor([[10], [1]])
    predicted = torch.zeros(2, 10, 4)
    predicted[1, 0] = 3.0  # smooth L1 of 3 is 2.5
    assert reconstruction_loss(predicted, torch.zeros(2, 10, 4), mask).item() == pytest.approx(1.25)


def test_equal_posteriors_have_no_divergence() -> None:
    gaussian = DiagonalGaussian(torch.randn(3, 4), torch.randn(3, 4))
    losses = latent_losses(gaussian, gaussian)
    assert float(losses["kl_text2motion"]) == pytest.approx(0.0, abs=1e-6)
    assert float(losses["kl_text"]) > 0


def test_a_divergence_is_that_of_its_formula() -> None:
    # KL(N(1, 4) || N(0, 1)) = (4 + 1 - 1 - ln 4) / 2, and the other way round (1/4 + 1/4 - 1 + ln 4) / 2.
    wide = DiagonalGaussian(torch.ones(2, 3), torch.full((2, 3), 4.0).log())
    unit = DiagonalGaussian(torch.zeros(2, 3), torch.zeros(2, 3))
    found = latent_losses(wide, unit)
    expected = [(4 - np.log(4)) / 2, (0.5 - 1 + np.log(4)) / 2, (4 - np.log(4)) / 2, 0.0]
    assert [value.item() for value in found.values()] == pytest.approx(expected, abs=1e-6)


def test_sliding_feet_cost_and_standing_feet_do_not() -> None:
    made = sample("stand still", np.random.default_rng(0), seconds=2.0)
    rotations = axis_angle_to_matrix(torch.from_numpy(made.poses))
    still = (rotations[None], torch.from_numpy(made.trans)[None])
    slide = torch.zeros_like(still[1])
    slide[..., 0] = 0.02 * torch.arange(slide.shape[1])
    mask = torch.ones(1, slide.shape[1], dtype=torch.bool)
    assert float(body_losses((still[0], still[1] + slide), still, mask, 30.0, SMPL_BODY)["contact"]) > 0.15
    assert float(body_losses(still, still, mask, 30.0, SMPL_BODY)["contact"]) < 0.05


@pytest.mark.parametrize("setting", ["reconstruction", "kl_between", "kl_prior", "latent", "joints", "motion_share"])
def test_factors_are_not_negative(setting: str) -> None:
    with pytest.raises(ValueError, match=setting):
        VaeLosses(**{setting: -1.0})  # type: ignore[arg-type]
