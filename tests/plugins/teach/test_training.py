"""The training objective and its data, on random weights and parametric clips: no real capture is needed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from actiongpt_core.data.clip import LabelledClip
from actiongpt_core.data.mixture import TrainingClip
from actiongpt_core.data.procedural import sample
from actiongpt_core.errors import ConfigError
from actiongpt_core.features.root_velocity_rot6d import RootVelocityRot6d
from actiongpt_core.geometry.clips import CANONICAL_FACING, facing
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, rot6d_to_matrix
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.training.losses import LossWeights
from actiongpt_core.training.optimiser import OptimiserSettings
from actiongpt_core.training.text_bank import TextBank
from actiongpt_teach import Teach, TeachConfig
from actiongpt_teach.pairs import PairSampler
from actiongpt_teach.training import PairBatches, TeachTraining

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


def _features(clip: LabelledClip) -> torch.Tensor:
    return RootVelocityRot6d(canonicalise=False).encode(clip.rotations, clip.translation)


@pytest.fixture
def sampler() -> PairSampler:
    names = ("raise the left arm", "raise the right arm", "turn left", "bow", "sit down", "stand up")
    clips = [_clip(name, seed) for name in names for seed in range(2)]
    return PairSampler(clips, gap=8, pair_share=0.8, consecutive_share=0.3, seed=0)


@pytest.fixture
def bank(sampler: PairSampler, tmp_path) -> TextBank:  # type: ignore[no-untyped-def]
    bank = TextBank(_DESCRIPTIONS, FakeTextEncoder(8), seed=0)
    bank.encode_all([item.clip.texts for item in sampler.clips], tmp_path / "states.pt")
    return bank


def _training(**options: int) -> TeachTraining:
    torch.manual_seed(0)
    config = TeachConfig.tiny(
        heading="facing", frames_per_token=5, basis_components=4, max_frames=90, motion_lengths=True
    )
    weights = LossWeights(joints=1.0, velocity=0.1, contact=0.1)
    model = Teach(config)
    assert model.motion_decoder.basis is not None
    model.motion_decoder.basis.fit(torch.randn(20, 90, 135))
    torch.nn.init.normal_(model.motion_decoder.final_layer.weight, std=0.1)
    return TeachTraining(model, weights, OptimiserSettings(learning_rate=1e-2, warmup_steps=1), **options)


def _value(module: TeachTraining, batch) -> torch.Tensor:  # type: ignore[no-untyped-def]
    terms = module.terms(batch)
    return torch.stack([getattr(module.weights, group) * value for group, _, value in terms]).sum()


# --- pairs ----------------------------------------------------------------------------------------------------------


def test_every_action_starts_facing_the_canonical_direction(sampler: PairSampler) -> None:
    for _ in range(20):
        root = rot6d_to_matrix(sampler.draw_sample(90).first.features[0, 3:9])
        assert float(facing(root)) == pytest.approx(CANONICAL_FACING, abs=1e-3)


def test_nobody_walks_off_a_chair(sampler: PairSampler) -> None:
    pairs = [pair for pair in (sampler.draw_sample(90) for _ in range(60)) if pair.second is not None]
    assert pairs
    seated = [pair for pair in pairs if pair.first.texts == ("sit down",) and float(pair.first.features[-1, 0]) < 0.7]
    assert all(pair.second.texts in (("stand up",), ("sit down",)) for pair in seated)  # type: ignore[union-attr]


def test_the_second_action_continues_the_heading_of_the_first(sampler: PairSampler) -> None:
    """Its features are turned by the last frame before the gap, so it starts close to the canonical direction."""
    for _ in range(60):
        pair = sampler.draw_sample(90)
        if pair.second is not None and pair.first.texts == ("turn left",):
            root = rot6d_to_matrix(pair.second.features[0, 3:9])
            turn = float(facing(root)) - CANONICAL_FACING
            assert abs(np.arctan2(np.sin(turn), np.cos(turn))) < 0.6


def test_a_recording_that_goes_on_gives_pairs_as_they_were_recorded() -> None:
    whole = _clip("turn left", 0).clip
    first = TrainingClip(whole[:50], "other", "turn left", (0,), following=whole[50:])
    sampler = PairSampler([first], gap=8, pair_share=1.0, consecutive_share=1.0, seed=0)
    pair = sampler.draw_sample(90)
    assert pair.second is not None
    assert len(pair.second.features) == whole.num_frames - 50 - 8
    torch.testing.assert_close(pair.second.features[:, 9:], _features(whole)[58:, 9:], atol=1e-5, rtol=0)


# --- objective ------------------------------------------------------------------------------------------------------


def test_a_few_steps_lower_the_objective(sampler: PairSampler, bank: TextBank) -> None:
    module = _training()
    module.model.normalizer.std.fill_(0.3)
    batch = next(iter(PairBatches(sampler, bank, 8, 90)))
    optimiser = torch.optim.AdamW(module.model.parameters(), lr=3e-3)
    torch.manual_seed(0)
    before = float(_value(module, batch).detach())
    for _ in range(15):
        optimiser.zero_grad()
        _value(module, batch).backward()
        optimiser.step()
    assert float(_value(module, batch).detach()) < 0.8 * before


def test_every_parameter_of_the_model_gets_a_gradient(sampler: PairSampler, bank: TextBank) -> None:
    module = _training()
    batch = next(iter(PairBatches(sampler, bank, 12, 90)))
    assert batch.second is not None
    _value(module, batch).backward()
    silent = [name for name, weight in module.model.named_parameters() if weight.grad is None or not weight.grad.any()]
    # Softmax over one memory token is 1: its query and key are never used, and a key's bias never matters.
    assert [name for name in silent if "multihead_attn" not in name] == []


def test_the_first_steps_can_teach_the_linear_basis_alone(sampler: PairSampler, bank: TextBank) -> None:
    batch = next(iter(PairBatches(sampler, bank, 4, 90)))
    assert [name for _, name, _ in _training(basis_steps=1).step_terms(batch)] == ["basis"]
    plain = TeachTraining(Teach(TeachConfig.tiny()), LossWeights(), OptimiserSettings(), basis_steps=1)
    with pytest.raises(ConfigError, match="basis_components"):
        plain.step_terms(batch)
