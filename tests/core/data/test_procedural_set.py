"""The parametric actions as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from actiongpt_core.data.procedural import ACTIONS
from actiongpt_core.data.procedural_set import ProceduralSet, ProceduralSource, open_procedural
from actiongpt_core.errors import ConfigError
from actiongpt_core.registry import get_registry


def test_the_same_options_give_the_same_numbers_and_another_seed_others() -> None:
    one, same, other = (ProceduralSet(variants=1, seed=seed) for seed in (3, 3, 4))
    item = one.segments("train")[7]
    assert one.segments("train") == same.segments("train")
    first = one.motion(item.recording, 0, 40)
    assert torch.equal(first.rotations, same.motion(item.recording, 0, 40).rotations)
    assert not torch.equal(first.rotations, other.motion(item.recording, 0, 40).rotations)


def test_every_action_is_in_every_split_as_often_as_was_asked_for() -> None:
    data = ProceduralSet(variants=8)
    for split, count in (("train", 8), ("val", 2), ("test", 2)):
        named = [item.categories[0] for item in data.segments(split)]
        assert {name: named.count(name) for name in named} == dict.fromkeys(ACTIONS, count)


def test_a_performance_of_the_test_split_is_none_of_the_training_split() -> None:
    data = ProceduralSet(variants=1, seconds=2)
    one, other = (data.motion(data.segments(split)[0].recording, 0, 60) for split in ("train", "test"))
    assert not torch.equal(one.rotations, other.rotations)


def test_more_variants_change_none_that_were_there_before() -> None:
    few, many = ProceduralSet(variants=1), ProceduralSet(variants=3)
    assert set(few.segments("train")) <= set(many.segments("train"))


def test_lengths_are_between_the_limits_or_as_asked_for() -> None:
    lengths = {item.num_frames / 30 for item in ProceduralSet(variants=2).segments("train")}
    assert len(lengths) > 20
    assert min(lengths) >= 2.5 - 1 / 60
    assert max(lengths) <= 5.5 + 1 / 60
    assert {item.num_frames for item in ProceduralSet(variants=1, seconds=2, fps=20).segments("val")} == {40}


@pytest.mark.parametrize(
    "options", [{"variants": 0}, {"variants": 1.5}, {"variants": True}, {"seed": -1}, {"fps": "30"}, {"seconds": 0.001}]
)
def test_an_option_that_cannot_work_is_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        ProceduralSet(**options)


def test_it_needs_no_folder_and_takes_no_options_for_a_prepared_one(tmp_path: Path) -> None:
    assert get_registry().open_data_set("procedural", variants=1).splits == ("train", "val", "test")
    with pytest.raises(ConfigError, match="leave out seed"):
        open_procedural(tmp_path, seed=1)
    with pytest.raises(ConfigError, match="leave --source out"):
        ProceduralSource(tmp_path)
