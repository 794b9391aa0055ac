"""The registration; nothing heavy is imported before somebody uses the model."""

from __future__ import annotations

from typing import Any

from actiongpt_core.hookspecs import CommandSpec, MotionModelSpec, hookimpl


@hookimpl
def actiongpt_motion_models() -> list[MotionModelSpec]:
    """MotionCLIP."""
    return [
        MotionModelSpec(
            name="motionclip",
            load=_load,
            summary="A text's pooled vector decoded to motion; editing, interpolation (MotionCLIP, ECCV 2022).",
            capabilities={"sequence", "training", "deterministic"},
            default_rank=30,
            checkpoint_converter=_load_converter,
        )
    ]


@hookimpl
def actiongpt_commands() -> list[CommandSpec]:
    """`actiongpt motionclip`."""
    return [
        CommandSpec(
            name="motionclip",
            load=_load_commands,
            summary="MotionCLIP: text to motion, editing, interpolation, classification.",
        )
    ]


def _load() -> Any:
    from actiongpt_motionclip.model import MotionClip

    return MotionClip


def _load_converter() -> Any:
    from actiongpt_motionclip.convert import convert

    return convert


def _load_commands() -> Any:
    from actiongpt_motionclip.commands import app

    return app
