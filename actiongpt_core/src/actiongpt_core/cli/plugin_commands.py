"""The commands that plugins add to `actiongpt`: listed from their specs, loaded when one is used."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

from actiongpt_core.errors import PluginError, UnknownPluginError, did_you_mean

if TYPE_CHECKING:
    from actiongpt_core.plugins import Part


def listed() -> list[tuple[str, str]]:
    """Name and summary of each, without loading any."""
    from actiongpt_core.registry import get_registry

    return [(label, part.spec.summary) for label, part in get_registry().labels("command")]


def find(name: str) -> Any:
    """The command of this name, as the root group holds its own; None if no plugin has it.

    Raises:
        PluginError: Two plugins have it, or it cannot be loaded.
    """
    from actiongpt_core.registry import get_registry, guard

    try:
        part = get_registry().part("command", name)
    except UnknownPluginError:
        return None
    loaded = part.spec.load()
    if not isinstance(loaded, typer.Typer) and not inspect.isroutine(loaded):
        raise PluginError(
            f"The command {part.spec.name!r} of {part.plugin.label} is {loaded!r:.60}; its `load` must return a "
            "typer.Typer or a function. Tell its authors."
        )
    with guard(part, "set up"):  # typer reads signatures here
        return _command(part, loaded)


def _command(part: Part, loaded: Any) -> Any:
    """Built inside a root of our settings, so that its help looks like ours."""
    root = typer.Typer(add_completion=False, rich_markup_mode=None)
    if isinstance(loaded, typer.Typer):
        root.add_typer(loaded, name=part.spec.name)
    else:
        root.command(part.spec.name)(loaded)
    return typer.main.get_group(root).commands[part.spec.name]


def unknown(name: str, own: Iterable[str]) -> str:
    """What to say of a name that is no command.

    Args:
        name: What the user wrote.
        own: The core's commands.
    """
    from actiongpt_core.registry import get_registry

    known = [*own, *(label for label, _ in listed())]
    return "\n".join([f"No such command {name!r}.{did_you_mean(name, known)}", *get_registry().left_out()])
