"""What values of a grid must be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.errors import ConfigError, did_you_mean

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


class GridError(ConfigError):
    """A grid that cannot work.

    Args:
        where: Part of the grid.
        what: What is wrong with it.
        culprit: The key or value that is wrong, as it stands in the file.
    """

    def __init__(self, where: str, what: str, culprit: object = None) -> None:
        super().__init__(f"The grid, {where}: {what}")
        self.where, self.what, self.culprit = where, what, culprit

    def in_file(self, file: Path, text: str) -> ConfigError:
        """The same, with the file; and with the line, if the culprit stands in one line only."""
        word = re.compile(rf"(?<![\w.-]){re.escape(str(self.culprit))}(?![\w.-])")
        lines = [number for number, line in enumerate(text.splitlines(), start=1) if word.search(line)]
        line = f", line {lines[0]}" if self.culprit is not None and len(lines) == 1 else ""
        return ConfigError(f"The grid {file}{line}, {self.where}: {self.what}")


Field = attrs.Attribute  #: what a check is told about


def a_name(_: Any, __: Any, value: Any) -> None:
    """Names a model or a provider; files are called by it."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        what = f"a name of a model or a provider is made of letters, digits, '.' and '-'; got {value!r}."
        raise GridError("name", what, value)


def a_text(_: Any, field: Field[Any], value: Any) -> None:
    """Not empty."""
    if not isinstance(value, str) or not value.strip():
        raise GridError(field.name, f"a text is expected, got {value!r}.", field.name)


def a_table(_: Any, field: Field[Any], value: Any) -> None:
    """Names and values."""
    if not isinstance(value, dict):
        raise GridError(field.name, f"a table of names and values is expected, got {value!r}.", field.name)


def at_least(least: int) -> Any:
    """A whole number."""

    def check(_: Any, field: Field[Any], value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise GridError(field.name, f"a whole number of at least {least} is expected, got {value!r}.", field.name)

    return check


def listed(value: Any) -> Any:
    """A list as a tuple; anything else as it is."""
    return tuple(value) if isinstance(value, (list, tuple)) else value


def each(check: Any) -> Any:
    """A list of different values that pass; not an empty one."""

    def check_all(grid: Any, field: Field[Any], value: Any) -> None:
        if not isinstance(value, tuple) or not value:
            raise GridError(field.name, f"a list with one value or more is expected, got {value!r}.", field.name)
        for item in value:
            check(grid, field, item)
        if len(set(value)) < len(value):
            raise GridError(field.name, f"a list of different values is expected, got {list(value)!r}.", field.name)

    return check_all


def one_of(known: Sequence[str]) -> Any:
    """A name out of some."""

    def check(_: Any, field: Field[Any], value: Any) -> None:
        if value not in known:
            near = did_you_mean(str(value), known)
            raise GridError(field.name, f"{value!r} is none of {', '.join(known)}.{near}", value)

    return check


def or_none(check: Any) -> Any:
    """What passes, or None."""
    return attrs.validators.optional(check)
