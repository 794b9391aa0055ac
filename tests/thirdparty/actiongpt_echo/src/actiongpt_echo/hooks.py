"""The registration; torch is imported by those who load the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actiongpt_core import CommandSpec, LLMProviderSpec, MotionModelSpec, hookimpl

if TYPE_CHECKING:
    import typer

    from actiongpt_echo.model import Echo
    from actiongpt_echo.parrot import Parrot


@hookimpl
def actiongpt_motion_models() -> list[MotionModelSpec]:
    """The one backbone of this package."""
    return [
        MotionModelSpec(
            name="echo", load=_load_echo, summary="Sways from side to side.", capabilities=frozenset({"sequence"})
        )
    ]


@hookimpl
def actiongpt_llm_providers() -> list[LLMProviderSpec]:
    """The one provider of this package."""
    return [LLMProviderSpec(name="parrot", load=_load_parrot, summary="Says the phrase again and again.")]


@hookimpl
def actiongpt_commands() -> list[CommandSpec]:
    """The one group of commands of this package."""
    return [CommandSpec(name="echo", load=_load_commands, summary="Says a phrase again and again.")]


def _load_echo() -> type[Echo]:
    from actiongpt_echo.model import Echo

    return Echo


def _load_parrot() -> type[Parrot]:
    from actiongpt_echo.parrot import Parrot

    return Parrot


def _load_commands() -> typer.Typer:
    from actiongpt_echo.commands import app

    return app
