"""Settings of a run: a preset, a file, single values; what is wrong is told with what is right."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import attrs
import pytest

from actiongpt_core.errors import ConfigError
from actiongpt_core.training.config import TrainingConfig
from actiongpt_core.training.recipe import Preset
from actiongpt_core.training.settings import change, differences, find_preset, read_changes


@attrs.frozen(kw_only=True)
class Model:
    width: int = 8
    kind: Literal["small", "large"] = "small"
    name: str | None = None
    sizes: tuple[int, ...] = (1, 2)
    is_deep: bool = False


PRESET = Preset(model=Model(), training=TrainingConfig(), sampling=Model(), objective=Model())


def test_values_of_a_preset_are_changed_and_the_others_kept() -> None:
    changed = change(PRESET, {"training": {"learning_rate": 1e-3}, "model": {"width": 16, "sizes": [3]}})
    assert (changed.training.learning_rate, changed.model.width, changed.model.sizes) == (1e-3, 16, (3,))
    assert changed.training.batch_size == PRESET.training.batch_size
    assert PRESET.model.width == 8


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"traning": {}}, "Did you mean 'training'"),
        ({"training": {"learning_rat": 1.0}}, "Did you mean 'learning_rate'"),
        ({"training": 3}, "holds settings by name"),
        ({"training": {"max_steps": "many"}}, "training.max_steps must be int, got 'many'"),
        ({"training": {"max_steps": 1.5}}, "training.max_steps must be int"),
        ({"training": {"max_steps": True}}, "training.max_steps must be int"),
        ({"training": {"max_steps": 0}}, "training: 'max_steps' must be > 0"),
        ({"training": {"schedule": "cosine"}}, "training.schedule must be"),
        ({"model": {"is_deep": 1}}, "model.is_deep must be bool"),
        ({"model": {"sizes": [1, "two"]}}, "model.sizes must be"),
        ({"model": {"kind": "huge"}}, "model.kind must be"),
    ],
)
def test_what_cannot_work_is_told(changes: Mapping[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        change(PRESET, changes)
    assert told in str(caught.value)


def test_none_and_whole_numbers_stand_where_they_may() -> None:
    changed = change(PRESET, {"training": {"gradient_clip": 1, "ema": None}, "model": {"name": "x"}})
    assert (changed.training.gradient_clip, changed.training.ema, changed.model.name) == (1, None, "x")


@pytest.mark.parametrize(
    ("name", "text"),
    [("run.toml", "[training]\nmax_steps = 5\n"), ("run.json", json.dumps({"training": {"max_steps": 5}}))],
)
def test_a_file_holds_sections(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert change(PRESET, read_changes(tmp_path / name)).training.max_steps == 5


@pytest.mark.parametrize(("name", "text"), [("a.toml", "[training"), ("a.json", "{"), ("b.json", "[1]")])
def test_a_file_that_is_none_is_told(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=name):
        read_changes(tmp_path / name)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_changes(tmp_path / "none.toml")


def test_an_unknown_preset_is_told_with_those_that_there_are() -> None:
    recipe: Any = SimpleNamespace(presets={"tiny": PRESET, "default": PRESET})
    with pytest.raises(ConfigError, match="Did you mean 'tiny'"):
        find_preset(recipe, "tini")


def test_differences_are_named_by_their_path() -> None:
    now, then = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 5}, "d": 3}
    assert differences(now, then) == ["a.c: 2, was 5"]
