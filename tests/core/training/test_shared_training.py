"""What the training of all backbones shares, on random weights and parametric clips: no real capture is needed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from actiongpt_core.data.clip import LabelledClip
from actiongpt_core.data.mixture import TrainingClip
from actiongpt_core.data.procedural import sample
from actiongpt_core.features.root_velocity_rot6d import RootVelocityRot6d
from actiongpt_core.geometry.clips import CANONICAL_FACING, facing
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, rot6d_to_matrix
from actiongpt_core.nn.basis import MotionBasis
from actiongpt_core.nn.distributions import DiagonalGaussian
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.training.batches import ActionBatches, ActionSampler
from actiongpt_core.training.losses import body_losses, latent_losses, reconstruction_loss
from actiongpt_core.training.optimiser import OptimiserSettings
from actiongpt_core.training.statistics import fit_basis, fit_normalizer, fit_statistics
from actiongpt_core.training.text_bank import TextBank
from actiongpt_core.types.skeleton import SMPL_BODY

_FEATURES = RootVelocityRot6d(canonicalise=False)
_DESCRIPTIONS = {
    "raise the left arm": [
        "The left arm goes up.",
        "Up goes the left arm, slowly.",
        "A left arm rises.",
        "Left arm, up.",
    ],
    "bow": ["The person bows.", "The trunk tips forward.", "A deep bow.", "The head goes down, then up."],
}


def _clip(name: str, seed: int) -> TrainingClip:
    made = sample(name, np.random.default_rng(seed), seconds=3.0)
    clip = LabelledClip(
        rotations=axis_angle_to_matrix(torch.from_numpy(made.poses)),
        translation=torch.from_numpy(made.trans),
        fps=30.0,
        texts=(name,),
        source=f"procedural:{name}",
    )
    return TrainingClip(clip, "procedural", name, (0,))


@pytest.fixture
def sampler() -> ActionSampler:
    names = ("raise the left arm", "raise the right arm", "turn left", "bow")
    return ActionSampler([_clip(name, seed) for name in names for seed in range(2)], _FEATURES.encode, seed=0)


@pytest.fixture
def bank(sampler: ActionSampler, tmp_path: Path) -> TextBank:
    bank = TextBank(_DESCRIPTIONS, FakeTextEncoder(8), seed=0)
    bank.encode_all([item.clip.texts for item in sampler.clips], tmp_path / "states.pt")
    return bank


# --- batches --------------------------------------------------------------------------------------------------------


def test_every_action_starts_facing_the_canonical_direction(sampler: ActionSampler) -> None:
    for _ in range(20):
        root = rot6d_to_matrix(sampler.draw(90).features[0, 3:9])
        assert float(facing(root)) == pytest.approx(CANONICAL_FACING, abs=1e-3)


def test_a_batch_is_padded_with_zeros_up_to_its_longest_action(sampler: ActionSampler, bank: TextBank) -> None:
    batch = next(iter(ActionBatches(sampler, bank, 8, 90)))
    assert batch.features.shape[:2] == (8, int(batch.lengths.max()))
    assert batch.tokens.shape[:2] == batch.mask.shape
    for rows, length in zip(batch.features, batch.lengths.tolist(), strict=True):
        assert not rows[length:].any()
        assert rows[length - 1].any()


# --- statistics -----------------------------------------------------------------------------------------------------


def test_the_numbers_of_one_group_share_their_spread(sampler: ActionSampler) -> None:
    clips = [sampler.draw(90).features for _ in range(8)]
    fitted = fit_normalizer(clips, _FEATURES.groups)
    joints = fitted.std[3:].unflatten(0, (-1, 6))
    assert (joints == joints[:, :1]).all()
    torch.testing.assert_close(fitted.mean, torch.cat(clips).mean(0))


def test_a_linear_basis_gives_back_the_clips_that_it_was_fitted_to(sampler: ActionSampler) -> None:
    clips = [sampler.draw(60).features for _ in range(6)]
    normalizer = fit_normalizer(clips, _FEATURES.groups)
    basis = MotionBasis(8, 6, 60, _FEATURES.num_features)
    assert fit_basis(basis, clips, normalizer) > 0.99


def test_statistics_are_fitted_from_clips_as_long_as_the_model_takes(sampler: ActionSampler) -> None:
    decoder = SimpleNamespace(basis=MotionBasis(8, 6, 60, _FEATURES.num_features))
    model = SimpleNamespace(features=_FEATURES, max_frames=60, normalizer=None, motion_decoder=decoder)
    fit_statistics(model, sampler, count=8)
    clip = model.normalizer.normalise(sampler.draw(60).features)
    assert float(clip.mean().abs()) < 1
    assert decoder.basis.components.any()


def test_the_rate_warms_up_stays_and_falls_to_zero() -> None:
    settings = OptimiserSettings(warmup_steps=10, total_steps=100, decay_steps=20)
    assert [settings.factor(step) for step in (0, 9, 50, 80, 90, 100)] == pytest.approx([0.1, 1, 1, 1, 0.5, 0])


# --- texts ----------------------------------------------------------------------------------------------------------


def test_a_sided_phrase_without_an_entry_uses_its_twins_descriptions(bank: TextBank) -> None:
    found = bank.descriptions("raise the right arm")
    assert found is not None
    assert found[0] == "The right arm goes up."


def test_draws_tell_a_clip_by_descriptions_and_by_its_phrase(bank: TextBank) -> None:
    lengths = {len(bank.draw(("bow",)).tokens) for _ in range(60)}
    assert 1 in lengths  # the phrase
    assert len(lengths) > 2  # subsets of the descriptions


def test_encoded_states_are_read_back_from_the_file(bank: TextBank, sampler: ActionSampler, tmp_path: Path) -> None:
    class Silent(FakeTextEncoder):
        def encode(self, texts):  # type: ignore[no-untyped-def]
            raise AssertionError("nothing is left to encode")

    again = TextBank(_DESCRIPTIONS, Silent(8), seed=0)
    again.encode_all([item.clip.texts for item in sampler.clips], tmp_path / "states.pt")
    assert again.draw(("bow",)).tokens.shape[-1] == 8


# --- objective ------------------------------------------------------------------------------------------------------


def test_frames_beyond_a_motions_end_do_not_count() -> None:
    predicted, target = torch.randn(2, 10, 135), torch.randn(2, 10, 135)
    mask = torch.arange(10) < torch.tensor([[10], [6]])
    changed = predicted.clone()
    changed[1, 6:] += 5
    torch.testing.assert_close(reconstruction_loss(predicted, target, mask), reconstruction_loss(changed, target, mask))
    pose = _FEATURES.decode(target)
    assert body_losses(pose, pose, mask, 30.0, SMPL_BODY)["joints"] == 0


def test_equal_posteriors_have_no_divergence() -> None:
    gaussian = DiagonalGaussian(torch.randn(3, 4), torch.randn(3, 4))
    losses = latent_losses(gaussian, gaussian)
    assert float(losses["kl_text2motion"]) == pytest.approx(0.0, abs=1e-6)
    assert float(losses["kl_text"]) > 0


def test_sliding_feet_cost_and_standing_feet_do_not() -> None:
    made = sample("stand still", np.random.default_rng(0), seconds=2.0)
    rotations = axis_angle_to_matrix(torch.from_numpy(made.poses))
    still = (rotations[None], torch.from_numpy(made.trans)[None])
    slide = torch.zeros_like(still[1])
    slide[..., 0] = 0.02 * torch.arange(slide.shape[1])
    mask = torch.ones(1, slide.shape[1], dtype=torch.bool)
    assert float(body_losses((still[0], still[1] + slide), still, mask, 30.0, SMPL_BODY)["contact"]) > 0.15
    assert float(body_losses(still, still, mask, 30.0, SMPL_BODY)["contact"]) < 0.05
