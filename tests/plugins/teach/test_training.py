"""The published settings, value by value, and the recipe's samples and losses on parametric clips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor

from actiongpt_core.data.mixture import TrainingClip
from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.errors import ConfigError
from actiongpt_core.geometry.clips import CANONICAL_FACING, facing
from actiongpt_core.geometry.rotations import rot6d_to_matrix
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.testing.training import Few
from actiongpt_core.text.aggregators import mean
from actiongpt_core.training.losses import VaeLosses
from actiongpt_core.training.samples import ActionSample, Sample
from actiongpt_core.training.vae import encode_clip
from actiongpt_core.types.segments import Pair
from actiongpt_core.types.text import TextFeatures
from actiongpt_teach import Teach, TeachConfig
from actiongpt_teach.objective import TeachObjective
from actiongpt_teach.pairs import PairMixture, PairWindows, encode_pair
from actiongpt_teach.training import TeachRecipe

PAPER = TeachRecipe().presets["action-gpt"]
BODY = VaeLosses(joints=1.0, velocity=0.1, contact=0.1)


@pytest.mark.parametrize(
    ("setting", "value"),
    # Action-GPT-TEACH as it was released.
    {
        "model.latent_dim": 256,
        "model.num_heads": 4,  # its config says 6, which its classes ignore
        "model.text_layers": 6,
        "model.motion_layers": 6,
        "model.decoder_layers": 6,
        "model.ff_size": 1024,
        "model.dropout": 0.1,
        "model.hist_frames": 5,
        "model.text_encoder": "distilbert-base-uncased",
        "model.fps": 30.0,
        "model.min_frames": 15,
        "model.max_frames": 750,
        "model.padding": "additive",
        "model.motion_lengths": False,
        "model.root": "smpl",
        "model.heading": "axis_angle",
        "model.frames_per_token": 1,
        "model.basis_components": 0,
        "model.keyword_detectors": 0,
        "training.batch_size": 16,  # 4 on each of 4 GPUs
        "training.learning_rate": 7e-5,
        "training.weight_decay": 0.01,
        "training.schedule": "constant",
        "training.gradient_clip": None,
        "training.ema": None,
        "training.precision": "32-true",
        "training.seed": 42,
        "training.k": 4,
        "training.min_k": None,
        "training.description_share": 1.0,
        "training.states": "float32",
        "sampling.by_length": False,
        "sampling.last_batch": "keep",
        "objective.reconstruction": 1.0,
        "objective.kl_between": 1e-5,
        "objective.kl_prior": 1e-5,
        "objective.latent": 1e-5,
        "objective.joints": 0.0,
        "objective.velocity": 0.0,
        "objective.contact": 0.0,
        "objective.motion_share": 1.0,
        "objective.basis_steps": 0,
    }.items(),
)
def test_the_papers_preset_has_the_released_value(setting: str, value: object) -> None:
    section, name = setting.split(".")
    assert getattr(getattr(PAPER, section), name) == value


def test_the_papers_preset_lasts_1003_epochs_of_the_archived_runs_pairs() -> None:
    assert PAPER.training.max_steps == 1003 * -(-5672 // PAPER.training.batch_size)


# --- whole pairs ----------------------------------------------------------------------------------------------------


class Paired(Few):
    """A set whose clips are told to be two actions and a transition each."""

    def pairs(self, split: str) -> list[Pair]:
        return [
            Pair(
                key=f"{item.key}-pair",
                recording=item.recording,
                start=2,
                durations=(20, 7, item.num_frames - 29),
                texts=(item.texts, ("stand still",)),
            )
            for item in self.segments(split)
        ]


@pytest.fixture
def paired() -> Paired:
    return Paired(ProceduralSet(variants=1), segments=9)


@pytest.fixture
def small() -> Teach:
    torch.manual_seed(0)
    return Teach(TeachConfig.tiny(heading="axis_angle"))


def test_pairs_are_taken_whole_with_the_transition_before_the_second_action(paired: Paired, small: Teach) -> None:
    sampler = TeachRecipe().sampler(PAPER, small, paired, "val", 0)
    assert sampler.num_samples == 9
    for sample, pair in zip(sampler.draw(0, 9, range(9)), paired.pairs("val"), strict=True):
        motion = paired.motion(pair.recording, pair.start, pair.end)
        whole = encode_clip(small, motion.rotations, motion.translation)
        first, second = (action.features for action in sample.actions)
        assert len(first) == 20
        torch.testing.assert_close(torch.cat([first, second]), whole)
        assert second[0, 1:3].norm() == whole[20, 1:3].norm()  # the second action's first velocity is real
        assert [action.texts for action in sample.actions] == [*pair.texts]


def test_pairs_with_an_action_of_no_fitting_length_are_left_out_and_counted(paired: Paired, small: Teach) -> None:
    long = Teach(attrs.evolve(small.config, max_frames=60))
    kept = TeachRecipe().sampler(PAPER, long, paired, "train", 0)
    assert kept.num_samples == sum(sum(pair.durations[1:]) <= 60 for pair in paired.pairs("train"))
    with pytest.raises(ConfigError, match="9 with an action shorter than 25 frames"):
        TeachRecipe().sampler(PAPER, Teach(attrs.evolve(small.config, min_frames=25)), paired, "train", 0)


def test_a_set_without_pairs_is_refused_by_the_preset_that_needs_them(small: Teach) -> None:
    with pytest.raises(ConfigError, match=r"'procedural' knows no pairs.*preset default"):
        TeachRecipe().sampler(PAPER, small, ProceduralSet(variants=1), "train", 0)


# --- composed pairs -------------------------------------------------------------------------------------------------


def _model(**changes: Any) -> Teach:
    torch.manual_seed(0)
    options: dict[str, Any] = {"heading": "facing", "frames_per_token": 5, "max_frames": 90, "transition_frames": 8}
    options |= {"motion_lengths": True, "basis_components": 4}
    return Teach(TeachConfig.tiny(**options | changes))


def _windows(names: Sequence[str] | None = None, **sampling: Any) -> PairWindows:
    data, model = ProceduralSet(variants=2), _model()

    class Named(Few):
        def segments(self, split: str):  # type: ignore[no-untyped-def]
            return [item for item in data.segments(split) if names is None or item.texts[0] in names]

    settings = PairMixture(variants=0, **sampling)
    clips = settings.clips(Named(data), min_frames=15, max_frames=90, fps=30.0, seed=0)
    return PairWindows(model, clips, 0, settings)


@pytest.fixture(scope="module")
def windows() -> PairWindows:
    return _windows(("raise the left arm", "turn left", "bow", "sit down", "stand up"), pair_share=0.8)


@pytest.fixture(scope="module")
def samples(windows: PairWindows) -> list[Sample]:
    return windows.draw(0, 80, range(80))


def test_every_first_action_starts_facing_the_canonical_direction(samples: list[Sample]) -> None:
    for sample in samples:
        root = rot6d_to_matrix(sample.actions[0].features[0, 3:9])
        assert float(facing(root)) == pytest.approx(CANONICAL_FACING, abs=1e-3)


def test_the_share_of_pairs_is_that_which_was_asked_for(samples: list[Sample]) -> None:
    pairs = sum(len(sample.actions) == 2 for sample in samples)
    assert 0.55 < pairs / len(samples) <= 0.9  # some stay alone: their heights do not fit
    assert {len(sample.actions) for sample in _windows(pair_share=0.0).draw(0, 20, range(20))} == {1}


def test_nobody_walks_off_a_chair(samples: list[Sample]) -> None:
    seated = [it for it in samples if len(it.actions) == 2 and float(it.actions[0].features[-1, 0]) < 0.6]
    assert seated
    assert all(float(sample.actions[1].features[0, 0]) < 0.8 for sample in seated)


def test_the_second_action_continues_the_heading_of_the_first(samples: list[Sample]) -> None:
    """Its features are turned by the last frame before the gap, so it starts close to the canonical direction."""
    turned = [it for it in samples if len(it.actions) == 2 and it.actions[0].texts[0] == "turn left"]
    assert turned
    for sample in turned:
        turn = float(facing(rot6d_to_matrix(sample.actions[1].features[0, 3:9]))) - CANONICAL_FACING
        assert abs(math.atan2(math.sin(turn), math.cos(turn))) < 0.6


def test_a_recording_that_goes_on_gives_pairs_as_they_were_recorded(windows: PairWindows) -> None:
    whole = windows.clips[0].clip[:]
    first, after = whole[:50], whole[50:]
    item = TrainingClip(first, "other", "turn left", (0,), pair=(first, after))
    settings = PairMixture(variants=0, pair_share=1.0, consecutive_share=1.0)
    sample = PairWindows(windows.model, [item], 0, settings).draw(0, 1, [0])[0]
    gap, head = windows.gap, len(sample.actions[0].features)
    assert head + gap + len(sample.actions[1].features) <= whole.num_frames
    expected = encode_clip(windows.model, whole.rotations, whole.translation, frame=49)[50 + gap :]
    torch.testing.assert_close(sample.actions[1].features, expected[: len(sample.actions[1].features)])


def test_features_of_pairs_are_turned_by_frames_that_generation_will_know(windows: PairWindows) -> None:
    whole = windows.clips[0].clip[:]
    first, second = encode_pair(windows.model, whole.rotations, whole.translation, 30, 8)
    assert (len(first), len(second)) == (30, whole.num_frames - 38)
    alone = encode_clip(windows.model, whole.rotations[:30], whole.translation[:30])
    torch.testing.assert_close(first, alone)


# --- objective ------------------------------------------------------------------------------------------------------


def _tell(actions: Sequence[ActionSample], indices: Sequence[int]) -> list[TextFeatures]:
    return [mean(FakeTextEncoder(8).encode(action.texts[:1])) for action in actions]


def _noise(indices: Sequence[int], dim: int) -> Tensor:
    return torch.stack([torch.randn(dim, generator=torch.Generator().manual_seed(index)) for index in indices])


def _objective(losses: VaeLosses = BODY, **changes: Any) -> TeachObjective:
    model = _model(**changes)
    if model.motion_decoder.basis is not None:
        model.motion_decoder.basis.fit(torch.randn(20, 90, 135))
    torch.nn.init.normal_(model.motion_decoder.final_layer.weight, std=0.1)
    recipe = TeachRecipe()
    preset = attrs.evolve(recipe.presets["tiny"], model=model.config, objective=losses)
    return recipe.objective(preset, model)  # type: ignore[return-value]


def test_every_parameter_of_the_model_gets_a_gradient(samples: list[Sample]) -> None:
    its = _objective()
    batch = its.collate(samples[:12], _tell)
    assert batch.second is not None
    torch.stack([term.weight * term.value for term in its.terms(batch, _noise, 0)]).sum().backward()
    silent = [name for name, weight in its.model.named_parameters() if weight.grad is None or not weight.grad.any()]
    # Softmax over one memory token is 1: its query and key are never used, and a key's bias never matters.
    assert [name for name in silent if "multihead_attn" not in name] == []


def test_the_second_action_reaches_the_first_ones_text_through_its_history(samples: list[Sample]) -> None:
    its = _objective()
    batch = its.collate([item for item in samples if len(item.actions) == 2][:4], _tell)
    tokens = batch.first.tokens.requires_grad_()
    terms = {term.name: term.value for term in its.terms(batch, _noise, 0)}
    assert torch.autograd.grad(terms["text2motion_1"], tokens, retain_graph=True)[0].any()
    assert torch.autograd.grad(terms["motion2motion_1"], tokens, allow_unused=True)[0] is None


def test_a_batch_without_pairs_has_terms_of_first_actions_alone(samples: list[Sample]) -> None:
    its = _objective()
    batch = its.collate([item for item in samples if len(item.actions) == 1][:3], _tell)
    assert {term.name[-2:] for term in its.terms(batch, _noise, 0)} == {"_0"}


def test_the_first_steps_can_teach_the_linear_basis_alone(samples: list[Sample]) -> None:
    its = _objective(VaeLosses(basis_steps=1))
    batch = its.collate(samples[:4], _tell)
    assert [term.name for term in its.terms(batch, _noise, 0)] == ["basis"]
    assert len(its.terms(batch, _noise, 1)) > 7
    with pytest.raises(ConfigError, match="basis_components"):
        _objective(VaeLosses(basis_steps=1), basis_components=0)
