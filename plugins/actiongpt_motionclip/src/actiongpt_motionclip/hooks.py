"""The registration; nothing heavy is imported before somebody uses the model."""

from __future__ import annotations

from typing import Any

from actiongpt_core.hookspecs import CommandSpec, DataSetSpec, MotionModelSpec, hookimpl


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
            training=_load_training,
        )
    ]


@hookimpl
def actiongpt_data_sets() -> list[DataSetSpec]:
    """BABEL in windows, and the originals' data bases."""
    return [
        DataSetSpec(
            name="babel-windows",
            load=_load_babel_windows,
            source=_load_babel_windows_source,
            summary="AMASS with BABEL's raw labels frame by frame, in windows of 100 frames.",
        ),
        DataSetSpec(
            name="motionclip-db",
            load=_load_database,
            summary="Data bases NAME_30fps_SPLIT.pt that MotionCLIP's own parser has made of AMASS and BABEL.",
        ),
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


def _load_training() -> Any:
    from actiongpt_motionclip.training import MotionClipRecipe

    return MotionClipRecipe()


def _load_babel_windows() -> Any:
    from actiongpt_motionclip.babel_windows import BabelWindows

    return BabelWindows


def _load_babel_windows_source() -> Any:
    from actiongpt_motionclip.babel_windows import BabelWindowsSource

    return BabelWindowsSource


def _load_database() -> Any:
    from actiongpt_motionclip.database_set import DatabaseSet

    return DatabaseSet


def _load_commands() -> Any:
    from actiongpt_motionclip.commands import app

    return app
