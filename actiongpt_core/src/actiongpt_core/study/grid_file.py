"""Reading a grid from a file, with errors that say where."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

from actiongpt_core.errors import ConfigError, MissingAssetError, UnknownPluginError, did_you_mean
from actiongpt_core.registry import get_registry
from actiongpt_core.study.checks import GridError
from actiongpt_core.study.grid import Baseline, Grid, Model, Provider, Train

T = TypeVar("T")


def read_grid(file: Path, places: Mapping[str, str] | None = None) -> Grid:
    """Read a grid file, TOML or JSON by its suffix.

    Args:
        file: The file.
        places: What ${NAME} in its paths stands for.

    Raises:
        MissingAssetError: The file is not there.
        ConfigError: It is not TOML or JSON, a key or the name of a plugin's part is unknown (with a suggestion), or a
            value cannot work. The message names the file, and the line where it is sure of it.
    """
    text = _text(file)
    try:
        grid = _grid(_parsed(file, text), file.resolve().parent, dict(places or {}))
        _check_parts(grid)
    except GridError as error:
        raise error.in_file(file, text) from None
    return grid


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingAssetError(f"There is no grid file {file}. See docs/how-to/study.md for one.") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"The grid {file} cannot be read: {error}") from error


def _parsed(file: Path, text: str) -> dict[str, Any]:
    is_json = file.suffix.lower() == ".json"
    try:
        values = json.loads(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"The grid {file} cannot be read as {'JSON' if is_json else 'TOML'}: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"The grid {file} must be a table of settings, got {type(values).__name__}.")
    return values


def _grid(values: dict[str, Any], folder: Path, places: dict[str, str]) -> Grid:
    for name in ("folder", "places"):
        if name in values:
            raise GridError("top level", f"unknown key {name!r}; paths start at the grid file.", name)
    parts = {
        "models": tuple(_model(item, place) for place, item in enumerate(_tables(values, "models"), start=1)),
        "providers": tuple(
            _build(Provider, item, f"provider {place}")
            for place, item in enumerate(_tables(values, "providers"), start=1)
        ),
        "baseline": _build(Baseline, values.get("baseline", {}), "baseline"),
    }
    return _build(Grid, values | parts | {"folder": folder, "places": places}, "top level")


def _tables(values: dict[str, Any], name: str) -> list[Any]:
    found = values.get(name, [])
    if not isinstance(found, list) or not found:
        raise GridError(name, f"one [[{name}]] table or more is expected, got {found!r:.60}.", name)
    return found


def _model(values: Any, place: int) -> Model:
    where = f"model {place}"
    if isinstance(values, dict) and values.get("train") is not None:
        values = values | {"train": _build(Train, values["train"], f"{where}, train")}
    return _build(Model, values, where)


def _build(cls: type[T], values: Any, where: str) -> T:
    if not isinstance(values, dict):
        raise GridError(where, f"a table is expected, got {values!r:.60}.")
    fields = attrs.fields(cls)  # type: ignore[arg-type]
    known = [field.name for field in fields if field.name not in ("folder", "places")]
    for key, value in values.items():
        if key not in (*known, "folder", "places"):
            what = f"unknown key {key!r}. Known: {', '.join(known)}.{did_you_mean(key, known)}"
            raise GridError(where, what, key)
        if isinstance(value, float) and not math.isfinite(value):
            raise GridError(where, f"{key} must be finite, got {value}.", key)
    missing = [field.name for field in fields if field.default is attrs.NOTHING and field.name not in values]
    if missing:
        raise GridError(where, f"{', '.join(missing)} must be given.")
    return cls(**values)


def _check_parts(grid: Grid) -> None:
    """Every name of a plugin's part is one that is installed: a misspelt one is found before hours of work."""
    named = [("data", "data", grid.data), ("baseline", "llm", grid.baseline.llm)]
    named += [("baseline", "aggregator", grid.baseline.aggregator)]
    named += [("aggregators", "aggregator", name) for name in grid.aggregators]
    named += [(f"model {it.name}", "backbone", it.backbone) for it in grid.models if it.backbone is not None]
    named += [(f"provider {it.name}", "llm", it.llm) for it in grid.providers]
    for where, kind, name in named:
        try:
            get_registry().part(kind, name)
        except UnknownPluginError as error:
            raise GridError(where, str(error), name) from None
