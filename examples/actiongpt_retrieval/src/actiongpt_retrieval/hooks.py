"""The registration. Nothing heavy is imported here: this module is read at every start."""

from __future__ import annotations

from typing import Any

from actiongpt_core import CommandSpec, MotionModelSpec, hookimpl


@hookimpl
def actiongpt_motion_models() -> list[MotionModelSpec]:
    """The backbone."""
    return [
        MotionModelSpec(
            name="retrieval",
            load=_load_model,
            summary="The stored clip with the nearest text, stretched to the asked length.",
            capabilities={"sequence"},
        )
    ]


@hookimpl
def actiongpt_commands() -> list[CommandSpec]:
    """The command that builds an index."""
    return [CommandSpec(name="retrieval", load=_load_commands, summary="Build the index of the backbone `retrieval`.")]


def _load_model() -> Any:
    from actiongpt_retrieval.model import Retrieval

    return Retrieval


def _load_commands() -> Any:
    from actiongpt_retrieval.commands import app

    return app
