"""The hooks of a plugin, and the spec objects that they return.

A plugin declares what it has and is not executed: a hook returns specs, and a spec's `load` is called by those who use
the part. So a module with hooks imports nothing heavy; torch is paid for inside `load`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import attrs
import pluggy

from actiongpt_core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    import typer

    from actiongpt_core.interfaces import Aggregator, DataSet, DataSource, LLMProvider, MotionModel
    from actiongpt_core.training.recipe import TrainingRecipe

PROJECT = "actiongpt"  #: pluggy's project name, and the entry-point group

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

#: What a backbone may declare in `MotionModelSpec.capabilities`; users and the core decide by these names, never by a
#: backbone's name. A plugin may declare others, for readers of its own.
CAPABILITIES: dict[str, str] = {
    "sequence": "Makes one motion of several actions; without it the pipeline refuses a prompt of more than one.",
    "training": "Comes with its training recipe (`MotionModelSpec.training`), so that `actiongpt train` can train it.",
    "deterministic": "Draws no noise: takes `generator` and `noise_scale` as all do, and neither changes the motion.",
}
#: The core's own commands; a plugin cannot have one of these names.
RESERVED_COMMANDS = frozenset(
    {"generate", "describe", "annotate", "cache", "plugins", "checkpoints"}
    | {"export", "data", "train", "sample", "evaluate", "study"}
)

_NAME = re.compile(r"[a-z0-9_-]+")


def _check_name(_: Any, __: Any, value: str) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ConfigError(f"A plugin part's name is made of a-z, 0-9, '_' and '-'; got {value!r}.")


def _check_callable(_: Any, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not callable(value):
        raise ConfigError(f"{attribute.name} must be a function without arguments, got {value!r}.")


def _check_not_reserved(_: Any, __: Any, value: str) -> None:
    if value in RESERVED_COMMANDS:
        raise ConfigError(f"The command {value!r} is the library's own; give the plugin's command another name.")


def _to_capabilities(value: Iterable[str]) -> frozenset[str]:
    if isinstance(value, str):
        raise ConfigError(f"capabilities must be a set of strings, got the string {value!r}; write {{{value!r}}}.")
    return frozenset(value)


@attrs.frozen(kw_only=True)
class PartSpec:
    """What the specs have in common: the name that users write, and how the part is loaded."""

    name: str = attrs.field(validator=_check_name)
    load: Callable[[], Any] = attrs.field(validator=_check_callable)
    summary: str = attrs.field(validator=attrs.validators.instance_of(str))  #: one line for `actiongpt plugins list`
    #: the highest one wins when the user names none
    default_rank: int = attrs.field(default=0, validator=attrs.validators.instance_of(int))


@attrs.frozen(kw_only=True)
class MotionModelSpec(PartSpec):
    """A backbone. `load()` returns the class, or a function that builds the model; see `MotionModel` for what it needs.

    `capabilities` says what the backbone can do; `CAPABILITIES` lists the names that the core knows.

    `checkpoint_converter()` returns a function that reads a published checkpoint and writes ours:
    `convert(source, target, *, text_encoder: str | None, stats: Path | None) -> Path`.

    `training()` returns what `actiongpt train` needs of the backbone: presets, samples, losses; see `TrainingRecipe`.
    """

    load: Callable[[], Callable[..., MotionModel]] = attrs.field(validator=_check_callable)
    capabilities: frozenset[str] = attrs.field(default=frozenset(), converter=_to_capabilities)
    checkpoint_converter: Callable[[], Callable[..., Path]] | None = attrs.field(
        default=None, validator=_check_callable
    )
    training: Callable[[], TrainingRecipe] | None = attrs.field(default=None, validator=_check_callable)


@attrs.frozen(kw_only=True)
class LLMProviderSpec(PartSpec):
    """A language model. `load()` returns a class, or a function that builds the provider.

    It is called without arguments, or with the options that a user gives, by keyword: `model` from `--model`, others
    from `-O name=value`. What it has no parameter for is refused with the list of its parameters.
    """

    load: Callable[[], Callable[..., LLMProvider]] = attrs.field(validator=_check_callable)


@attrs.frozen(kw_only=True)
class AggregatorSpec(PartSpec):
    """A way to make one text of K. `load()` returns the aggregator itself."""

    load: Callable[[], Aggregator] = attrs.field(validator=_check_callable)


@attrs.frozen(kw_only=True)
class DataSetSpec(PartSpec):
    """Motions with texts. `load()` returns a class, or a function that opens a set.

    It is called with the folder of the prepared set (`--data-dir`; None where none was given) and the options that a
    user gives, by keyword.

    `source()` returns a class, or a function, that opens the files as users have them; it is called with their folder
    and options, and `actiongpt data prepare` reads them through it. Without it the set needs no preparation.
    """

    load: Callable[[], Callable[..., DataSet]] = attrs.field(validator=_check_callable)
    source: Callable[[], Callable[..., DataSource]] | None = attrs.field(default=None, validator=_check_callable)
    default_rank: int = attrs.field(default=0, init=False)  # a data set is always named


@attrs.frozen(kw_only=True)
class CommandSpec(PartSpec):
    """A command of `actiongpt`. `load()` returns a `typer.Typer`, for `actiongpt NAME COMMAND`, or a function.

    The function is written as for typer: annotated parameters are the options, the docstring is the help. What it
    prints is the user's; an `ActionGPTError` that it raises ends the command with one message.
    """

    name: str = attrs.field(validator=[_check_name, _check_not_reserved])
    load: Callable[[], typer.Typer | Callable[..., Any]] = attrs.field(validator=_check_callable)
    default_rank: int = attrs.field(default=0, init=False)  # a command is always named


@hookspec
def actiongpt_motion_models() -> list[MotionModelSpec]:
    """The backbones of a plugin."""
    return []


@hookspec
def actiongpt_llm_providers() -> list[LLMProviderSpec]:
    """The language-model providers of a plugin."""
    return []


@hookspec
def actiongpt_aggregators() -> list[AggregatorSpec]:
    """The aggregators of a plugin."""
    return []


@hookspec
def actiongpt_data_sets() -> list[DataSetSpec]:
    """The data sets of a plugin."""
    return []


@hookspec
def actiongpt_commands() -> list[CommandSpec]:
    """The commands that a plugin adds to `actiongpt`."""
    return []


#: hook -> what it provides, as users read it, and the type of its specs
HOOKS: dict[str, tuple[str, type[PartSpec]]] = {
    "actiongpt_motion_models": ("backbone", MotionModelSpec),
    "actiongpt_llm_providers": ("llm", LLMProviderSpec),
    "actiongpt_aggregators": ("aggregator", AggregatorSpec),
    "actiongpt_data_sets": ("data", DataSetSpec),
    "actiongpt_commands": ("command", CommandSpec),
}
