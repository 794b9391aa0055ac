"""The registration; nothing heavy is imported before somebody uses the model."""

from __future__ import annotations

from typing import Any

from actiongpt_core.hookspecs import MotionModelSpec, hookimpl


@hookimpl
def actiongpt_motion_models() -> list[MotionModelSpec]:
    """TEACH."""
    return [
        MotionModelSpec(
            name="teach",
            load=_load,
            summary="Sequences of actions with past-conditioned transitions (TEACH, 3DV 2022).",
            capabilities={"sequence", "training"},
            default_rank=100,
            checkpoint_converter=_load_converter,
            training=_load_training,
        )
    ]


def _load() -> Any:
    from actiongpt_teach.model import Teach

    return Teach


def _load_converter() -> Any:
    from actiongpt_teach.convert import convert

    return convert


def _load_training() -> Any:
    from actiongpt_teach.training import TeachRecipe

    return TeachRecipe()
