"""The registration; nothing heavy is imported before somebody uses a command."""

from __future__ import annotations

from typing import Any

from actiongpt_core.hookspecs import CommandSpec, hookimpl


@hookimpl
def actiongpt_commands() -> list[CommandSpec]:
    """`actiongpt studio` and `actiongpt serve`."""
    return [
        CommandSpec(name="studio", load=_load_studio, summary="A studio in the browser: type, look, save."),
        CommandSpec(name="serve", load=_load_serve, summary="An HTTP service that turns texts into motions."),
    ]


def _load_studio() -> Any:
    from actiongpt_studio.studio.command import studio

    return studio


def _load_serve() -> Any:
    from actiongpt_studio.service.command import serve

    return serve
