"""The settings of a run: a preset, and what a user changes of it."""

from __future__ import annotations

import json
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.errors import ConfigError, did_you_mean
from actiongpt_core.training.recipe import Preset, TrainingRecipe

SECTIONS = ("model", "training", "sampling", "objective")

#: section -> setting -> value
Changes = Mapping[str, Mapping[str, Any]]


def find_preset(recipe: TrainingRecipe, name: str) -> Preset:
    """A preset by name.

    Raises:
        ConfigError: There is none of this name.
    """
    if name not in recipe.presets:
        raise ConfigError(
            f"No preset {name!r}; there are {', '.join(recipe.presets)}.{did_you_mean(name, recipe.presets)}"
        )
    return recipe.presets[name]


def change(preset: Preset, changes: Changes) -> Preset:
    """A preset with other values.

    Raises:
        ConfigError: A section or a setting is not known, or a value has the wrong type or range.
    """
    for section, values in changes.items():
        if section not in SECTIONS:
            raise ConfigError(
                f"Settings are in the sections {', '.join(SECTIONS)}; got {section!r}.{did_you_mean(section, SECTIONS)}"
            )
        if not isinstance(values, Mapping):
            raise ConfigError(f"The section {section!r} holds settings by name, got {values!r}.")
        preset = attrs.evolve(preset, **{section: _changed(getattr(preset, section), section, values)})
    return preset


def read_changes(file: Path) -> Changes:
    """Settings from a file: TOML with a table for each section, or JSON with an object for each.

    Raises:
        ConfigError: The file is not there, or is neither.
    """
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"The settings cannot be read: {error}.") from None
    except ValueError as error:
        raise ConfigError(f"{file} is no {'JSON' if file.suffix == '.json' else 'TOML'}: {error}.") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{file} must hold the sections {', '.join(SECTIONS)}.")
    return found


def differences(now: Mapping[str, Any], then: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The settings of two runs that are not the same, as "training.seed: 1, was 0"."""
    found = []
    for name in sorted({*now, *then}):
        new, old = now.get(name), then.get(name)
        if isinstance(new, Mapping) and isinstance(old, Mapping):
            found += differences(new, old, f"{prefix}{name}.")
        elif new != old:
            found.append(f"{prefix}{name}: {new!r}, was {old!r}")
    return found


def _changed(settings: Any, section: str, values: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(type(settings))
    known = [field.name for field in attrs.fields(type(settings))]
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"Unknown setting {section}.{name}.{did_you_mean(name, known)}")
        if not _fits(value, hints[name]):
            wanted = getattr(hints[name], "__name__", None) or str(hints[name]).replace("typing.", "")
            raise ConfigError(f"{section}.{name} must be {wanted}, got {value!r}.")
    lists = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    try:
        return attrs.evolve(settings, **lists)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{section}: {error}") from None


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value from a file can stand for an annotated one."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in inner)
    if origin is typing.Literal:
        return value in inner
    if origin in (tuple, list):
        return isinstance(value, (list, tuple)) and all(_fits(item, inner[0]) for item in value)
    if hint in (None, type(None)):
        return value is None
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)
