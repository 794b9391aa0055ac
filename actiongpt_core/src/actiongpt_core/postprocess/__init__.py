"""Clean-up of a motion, by name and off by default: nothing here is part of what a model was measured by."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from actiongpt_core.errors import ConfigError, did_you_mean

if TYPE_CHECKING:  # the CLI checks names without paying for torch
    from actiongpt_core.types.motion import Motion

#: name -> (module of this package, its function `(motion) -> motion`), in the order in which they are done: what moves
#: the whole body first, the feet last
POSTPROCESSES: dict[str, tuple[str, str]] = {
    "smooth": ("smoothing", "smooth"),
    "floor": ("floor", "stand_on_floor"),
    "foot-skate": ("feet", "remove_foot_skate"),
}


def check_postprocesses(names: Sequence[str]) -> tuple[str, ...]:
    """The names, in the order in which they are done.

    Raises:
        ConfigError: One is unknown, or the names are one string.
    """
    if isinstance(names, str):
        raise ConfigError(f"postprocess takes a list of names, got the string {names!r}.")
    for name in names:
        if name not in POSTPROCESSES:
            known = ", ".join(POSTPROCESSES)
            raise ConfigError(f"No clean-up {name!r}. Known: {known}.{did_you_mean(str(name), POSTPROCESSES)}")
    return tuple(name for name in POSTPROCESSES if name in names)


def postprocess(motion: Motion, names: Sequence[str]) -> Motion:
    """The motion, cleaned up.

    Args:
        motion: What to clean; it is not changed.
        names: Of `POSTPROCESSES`, in any order; each is done once, in their own order.

    Raises:
        ConfigError: A name is unknown, or the skeleton lacks joints that it needs.
    """
    for name in check_postprocesses(names):
        module, function = POSTPROCESSES[name]
        motion = getattr(importlib.import_module(f"{__name__}.{module}"), function)(motion)
    return motion
