"""What a user sets a language model to, checked when it is set."""

from __future__ import annotations

import math
from typing import Any

from actiongpt_core.errors import ConfigError

#: The kind of each setting of sampling, and the least that it can be.
_SETTINGS: dict[str, tuple[type, float]] = {
    "temperature": (float, 0),
    "top_p": (float, 0),
    "max_tokens": (int, 1),
    "seed": (int, 0),
}


def chosen(**settings: Any) -> dict[str, Any]:
    """The settings of sampling that are not None, under the names of the OpenAI protocol.

    Raises:
        ConfigError: A value cannot work.
    """
    return {name: number(name, value, *_SETTINGS[name]) for name, value in settings.items() if value is not None}


def number(name: str, value: Any, kind: type, least: float) -> Any:
    """A setting as it is; a whole number will do for a float.

    Raises:
        ConfigError: It is no number of this kind, or too small.
    """
    kinds = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value) or value < least:
        what = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name} must be {what} of at least {least:g}, got {value!r}.")
    return value
