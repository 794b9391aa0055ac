"""The registration; nothing heavy is imported before somebody uses the model."""

from __future__ import annotations

from typing import Any

from actiongpt_core.hookspecs import MotionModelSpec, hookimpl


@hookimpl
def actiongpt_motion_models() -> list[MotionModelSpec]:
    """TEMOS."""
    return [
        MotionModelSpec(
            name="temos",
            load=_load,
            summary="One action, many motions: a text and motion VAE (TEMOS, ECCV 2022).",
            capabilities={"sequence", "training"},
            default_rank=50,
            checkpoint_converter=_load_converter,
            training=_load_training,
        )
    ]


def _load() -> Any:
    from actiongpt_temos.model import Temos

    return Temos


def _load_converter() -> Any:
    from actiongpt_temos.convert import convert

    return convert


def _load_training() -> Any:
    from actiongpt_temos.training import TemosRecipe

    return TemosRecipe()
