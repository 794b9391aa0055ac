"""BABEL's segments as training samples."""

from __future__ import annotations

from pathlib import Path

import attrs
import torch
from babel_files import write_small_set

from actiongpt_core.data.prepare import prepare
from actiongpt_core.registry import get_registry
from actiongpt_core.training.vae import encode_clip
from actiongpt_temos import Temos, TemosConfig
from actiongpt_temos.training import TemosRecipe


def test_the_published_recipe_takes_whole_segments_of_babel(tmp_path: Path) -> None:
    prepare(get_registry().open_data_source("babel", write_small_set(tmp_path)), tmp_path / "set")
    babel = get_registry().open_data_set("babel", tmp_path / "set")
    recipe = TemosRecipe()
    config = TemosConfig.tiny(root=TemosConfig().root)
    preset = attrs.evolve(recipe.presets["action-gpt"], model=config)
    model = Temos(config)
    samples = recipe.sampler(preset, model, babel, "val", seed=0).draw(0, 4, range(4))
    told = [(action.texts, len(action.features)) for sample in samples for action in sample.actions]
    assert told == [(("walk",), 78), (("sit down",), 123)]
    motion = babel.motion("7", 12, 90)
    assert torch.equal(samples[0].actions[0].features, encode_clip(model, motion.rotations, motion.translation))
