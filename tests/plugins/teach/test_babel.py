"""BABEL's pairs as training samples."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
import torch
from babel_files import write_small_set

from actiongpt_core.data.prepare import prepare
from actiongpt_core.interfaces import DataSet
from actiongpt_core.registry import get_registry
from actiongpt_core.training.vae import encode_clip
from actiongpt_teach import Teach, TeachConfig
from actiongpt_teach.training import TeachRecipe


@pytest.fixture
def babel(tmp_path: Path) -> DataSet:
    prepare(get_registry().open_data_source("babel", write_small_set(tmp_path)), tmp_path / "set")
    return get_registry().open_data_set("babel", tmp_path / "set")


@pytest.mark.parametrize("split", ["train", "val"])
def test_the_published_recipe_takes_whole_pairs_of_babel(babel: DataSet, split: str) -> None:
    recipe = TeachRecipe()
    config = TeachConfig.tiny(root=TeachConfig().root)
    preset = attrs.evolve(recipe.presets["action-gpt"], model=config)
    model = Teach(config)
    sampler = recipe.sampler(preset, model, babel, split, seed=0)
    assert list(sampler.texts()) == [("walk",), ("sit down",)]
    (sample,) = sampler.draw(0, 4, range(4))
    first, second = sample.actions
    # 12 to 87, then the transition 88 to 101 and the second action without its last frame
    assert (len(first.features), len(second.features)) == (76, 137)
    whole = babel.motion({"train": "12", "val": "7"}[split], 12, 225)
    features = encode_clip(model, whole.rotations, whole.translation)
    assert torch.equal(torch.cat([first.features, second.features]), features)
