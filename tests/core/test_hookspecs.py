from __future__ import annotations

import inspect
from typing import Any

import pytest

from actiongpt_core import hookspecs
from actiongpt_core.errors import ConfigError
from actiongpt_core.hookspecs import HOOKS, AggregatorSpec, LLMProviderSpec, MotionModelSpec


def _load() -> Any:
    return None


@pytest.mark.parametrize("name", ["teach", "my-model_2", "0"])
def test_a_name_of_small_letters_digits_and_dashes_is_accepted(name: str) -> None:
    assert LLMProviderSpec(name=name, load=_load, summary="").name == name


@pytest.mark.parametrize("name", ["", "Teach", "a b", "a:b", "ä", "a\n", None])
def test_a_name_that_cannot_be_typed_safely_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="name is made of"):
        AggregatorSpec(name=name, load=_load, summary="")


def test_any_set_of_capabilities_becomes_a_frozen_one() -> None:
    spec = MotionModelSpec(name="x", load=_load, summary="", capabilities={"sequence"})
    assert spec.capabilities == frozenset({"sequence"})


def test_capabilities_as_a_string_are_refused_and_not_split_into_letters() -> None:
    with pytest.raises(ConfigError, match="sequence"):
        MotionModelSpec(name="x", load=_load, summary="", capabilities="sequence")


def test_load_must_be_callable() -> None:
    with pytest.raises(ConfigError, match="load must be a function"):
        MotionModelSpec(name="x", load="package.module:Model", summary="")  # type: ignore[arg-type]


def test_every_hook_has_its_kind_and_its_spec_type() -> None:
    hooks = {name for name, _ in inspect.getmembers(hookspecs, inspect.isfunction) if name.startswith("actiongpt_")}
    assert hooks == set(HOOKS)
