"""Training the small checkpoint, on random weights and parametric clips: no real capture is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from actiongpt_core.data.clip import LabelledClip
from actiongpt_core.data.mixture import TrainingClip
from actiongpt_core.data.procedural import sample
from actiongpt_core.errors import ConfigError
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.training.batches import ActionBatches, Actions, ActionSampler
from actiongpt_core.training.optimiser import OptimiserSettings
from actiongpt_core.training.statistics import fit_basis, fit_coefficients, fit_normalizer
from actiongpt_core.training.text_bank import TextBank
from actiongpt_motionclip import MotionClip, MotionClipConfig
from actiongpt_motionclip.recipe import with_hands
from actiongpt_motionclip.training import MotionClipTraining, SmallWeights

_NAMES = ("raise the left arm", "raise the right arm", "turn left", "bow")
_FRAMES = 60


def _clip(name: str) -> TrainingClip:
    made = sample(name, np.random.default_rng(0), seconds=2.0)
    clip = LabelledClip(
        rotations=axis_angle_to_matrix(torch.from_numpy(made.poses)),
        translation=torch.from_numpy(made.trans),
        fps=30.0,
        texts=(name,),
        source=f"procedural:{name}",
    )
    return TrainingClip(clip, "procedural", name, (0,))


@pytest.fixture
def model() -> MotionClip:
    torch.manual_seed(0)
    options = {"frames_per_token": 5, "basis_components": 4, "basis_hidden": 8, "max_frames": _FRAMES}
    return MotionClip(MotionClipConfig.tiny(**options, trained_frames=_FRAMES))


@pytest.fixture
def sampler(model: MotionClip) -> ActionSampler:
    return ActionSampler([_clip(name) for name in _NAMES], lambda r, t: model.features.encode(with_hands(r), t), seed=0)


@pytest.fixture
def bank(sampler: ActionSampler, tmp_path: Path) -> TextBank:
    bank = TextBank({}, FakeTextEncoder(16), seed=0)
    bank.encode_all([item.clip.texts for item in sampler.clips], tmp_path / "states.pt")
    return bank


@pytest.fixture
def batch(sampler: ActionSampler, bank: TextBank) -> Actions:
    return next(iter(ActionBatches(sampler, bank, 8, _FRAMES)))


def _training(model: MotionClip, **options: Any) -> MotionClipTraining:
    return MotionClipTraining(model, SmallWeights(), OptimiserSettings(), **options)


def _value(module: MotionClipTraining, batch: Actions) -> torch.Tensor:
    terms = module.step_terms(batch)
    return torch.stack([getattr(module.weights, group) * value for group, _, value in terms]).sum()


def test_a_few_steps_lower_the_objective(model: MotionClip, sampler: ActionSampler, batch: Actions) -> None:
    model.normalizer = fit_normalizer([sampler.draw(_FRAMES).features for _ in range(8)], model.features.groups)
    module = _training(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    before = float(_value(module, batch).detach())
    for _ in range(15):
        optimiser.zero_grad()
        _value(module, batch).backward()
        optimiser.step()
    assert float(_value(module, batch).detach()) < 0.9 * before


def test_the_latent_of_a_motion_is_drawn_to_that_of_its_text(model: MotionClip, batch: Actions) -> None:
    terms = {name: value for _, name, value in _training(model).terms(batch)}
    terms["cosine"].backward()
    assert model.motion_encoder.mu_token.grad is not None
    assert model.motion_decoder.final_layer.weight.grad is None


def test_the_first_steps_can_teach_the_basis_alone(model: MotionClip, batch: Actions) -> None:
    assert [name for _, name, _ in _training(model, basis_steps=1).step_terms(batch)] == ["basis"]
    plain = MotionClip(MotionClipConfig.tiny(max_frames=_FRAMES, trained_frames=_FRAMES))
    with pytest.raises(ConfigError, match="basis_components"):
        _training(plain, basis_steps=1).step_terms(batch)


def test_a_basis_starts_from_the_best_linear_map_of_texts(
    model: MotionClip, sampler: ActionSampler, bank: TextBank
) -> None:
    """With a latent of its own for each clip nearly all is explained."""
    basis = model.motion_decoder.basis
    assert basis is not None
    segments = [sampler.draw(_FRAMES) for _ in range(40)]
    clips = [segment.features for segment in segments]
    model.normalizer = fit_normalizer(clips, model.features.groups)
    fit_basis(basis, clips, model.normalizer)
    owners = torch.tensor([_NAMES.index(segment.texts[0]) for segment in segments])
    latents = torch.nn.functional.one_hot(owners, 16).float()
    with_texts = fit_coefficients(basis, latents, clips, model.normalizer, ridge=1e-6)
    without = fit_coefficients(basis, torch.zeros(40, 16), clips, model.normalizer)
    assert with_texts > 0.5 > without
