from __future__ import annotations

import inspect
from typing import Any

import pytest

from actiongpt_core import hookspecs
from actiongpt_core.errors import ConfigError
from actiongpt_core.hookspecs import (
    CAPABILITIES,
    HOOKS,
    RESERVED_COMMANDS,
    AggregatorSpec,
    CommandSpec,
    LLMProviderSpec,
    MotionModelSpec,
)


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


def test_a_capability_that_the_core_does_not_know_may_be_declared() -> None:
    spec = MotionModelSpec(name="x", load=_load, summary="", capabilities={"sequence", "editing"})
    assert spec.capabilities - CAPABILITIES.keys() == {"editing"}


@pytest.mark.parametrize("name", sorted(RESERVED_COMMANDS))
def test_a_command_of_a_plugin_cannot_have_the_name_of_one_of_the_core(name: str) -> None:
    with pytest.raises(ConfigError, match="is the library's own"):
        CommandSpec(name=name, load=_load, summary="")
    assert MotionModelSpec(name=name, load=_load, summary="").name == name  # other parts may


def test_a_command_has_no_rank_since_it_is_always_named() -> None:
    with pytest.raises(TypeError, match="default_rank"):
        CommandSpec(name="x", load=_load, summary="", default_rank=1)  # type: ignore[call-arg]


def test_load_must_be_callable() -> None:
    with pytest.raises(ConfigError, match="load must be a function"):
        MotionModelSpec(name="x", load="package.module:Model", summary="")  # type: ignore[arg-type]


def test_every_hook_has_its_kind_and_its_spec_type() -> None:
    hooks = {name for name, _ in inspect.getmembers(hookspecs, inspect.isfunction) if name.startswith("actiongpt_")}
    assert hooks == set(HOOKS)
