"""The published settings, value by value, and the rest of the recipe."""

from __future__ import annotations

import attrs
import pytest

from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_temos import Temos
from actiongpt_temos.training import TemosRecipe

PRESET = TemosRecipe().presets["action-gpt"]


@pytest.mark.parametrize(
    ("setting", "value"),
    # Action-GPT-TEMOS as it was released: TEACH's values, but for what is marked.
    {
        "model.latent_dim": 256,
        "model.num_heads": 4,  # its config says 6, which its classes ignore
        "model.text_layers": 6,
        "model.motion_layers": 6,
        "model.decoder_layers": 6,
        "model.ff_size": 1024,
        "model.dropout": 0.1,
        "model.text_encoder": "distilbert-base-uncased",
        "model.fps": 30.0,
        "model.min_frames": 15,
        "model.max_frames": 750,
        "model.padding": "additive",
        "model.root": "smpl",
        "model.canonicalise": True,
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
        "sampling.actions_only": True,  # not TEACH's
        "objective.reconstruction": 1.0,
        "objective.kl_between": 32e-5,  # TEACH: 1e-5
        "objective.kl_prior": 32e-5,
        "objective.latent": 1e-5,
        "objective.joints": 0.0,
        "objective.velocity": 0.0,
        "objective.contact": 0.0,
        "objective.motion_share": 1.0,
        "objective.basis_steps": 0,
        "objective.padded_mean": True,  # not TEACH's
    }.items(),
)
def test_the_papers_preset_has_the_released_value(setting: str, value: object) -> None:
    section, name = setting.split(".")
    assert getattr(getattr(PRESET, section), name) == value


def test_the_papers_preset_lasts_1003_epochs_of_the_archived_runs_size() -> None:
    assert PRESET.training.max_steps == 1003 * -(-5672 // PRESET.training.batch_size)


def test_whole_segments_are_trained_on_with_the_papers_preset() -> None:
    recipe, data = TemosRecipe(), ProceduralSet(variants=1)
    small = attrs.evolve(PRESET, model=attrs.evolve(PRESET.model, text_layers=1, motion_layers=1, decoder_layers=1))
    sampler = recipe.sampler(small, Temos(small.model), data, "train", 0)
    assert sampler.num_samples == len(data.segments("train"))
    count = sampler.num_samples
    lengths = [len(sample.actions[0].features) for sample in sampler.draw(0, count, range(count))]
    assert sorted(lengths) == sorted(item.num_frames for item in data.segments("train"))
