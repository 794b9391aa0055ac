"""What the page's player is fed with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actiongpt_core.study.cells import Cell, answers, baseline_of
from actiongpt_core.study.examples import FPS
from actiongpt_core.study.summary import Summary
from actiongpt_core.types.skeleton import SMPL_BODY

_LIMBS = ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist")


def player_data(summary: Summary, real: Mapping[str, Any], examples: Mapping[str, Any]) -> dict[str, Any]:
    """Real clips, phrase alone and descriptions of every model, side by side.

    Args:
        summary: What was found.
        real: The real clips, by key.
        examples: The motions, by cell, by key.
    """
    cells = summary.cells()
    models = []
    for model in summary.grid.models:
        base = baseline_of(summary.grid, model)
        own = [cell for cell in cells if cell.model == model and not cell.is_baseline and cell.name in examples]
        tellers = [
            {"name": cell.teller, "motions": _motions(summary, cell, examples)}
            for cell in own
            if answers(summary.grid, cell)
        ]
        if base.name in examples and tellers:
            models.append({"name": model.name, "phrase": _motions(summary, base, examples), "tellers": tellers})
    played = real if summary.grid.play_real else {}
    return {
        "fps": FPS,
        "measure": summary.grid.measures[0],
        "parents": list(SMPL_BODY.parents),
        "sides": [_side(name) for name in SMPL_BODY.joint_names],
        "head": SMPL_BODY.index("head"),
        "clips": [{"key": key, "text": motion["text"]} for key, motion in real.items()],
        "real": {key: {name: motion[name] for name in ("frames", "joints")} for key, motion in played.items()},
        "models": models,
    }


def _motions(summary: Summary, cell: Cell, examples: Mapping[str, Any]) -> dict[str, Any]:
    evaluation = summary.results[cell.name]["evaluation"]
    errors = dict(zip(evaluation["keys"], evaluation["per_clip"][summary.grid.measures[0]], strict=True))
    return {
        key: {
            "frames": motion["frames"],
            "joints": motion["joints"],
            "error": errors.get(key),
            "told": motion["told"],
            "note": _note(cell, motion["source"]),
        }
        for key, motion in examples[cell.name].items()
    }


def _note(cell: Cell, source: str) -> str:
    kind, _, other = source.partition(":")
    if kind == "phrase":
        return f"{cell.teller} has no descriptions of this text: it tells itself."
    if kind == "nearest":
        return f"Told by what {cell.teller} says of “{other}”:"
    return f"Told by {cell.teller}:"


def _side(joint: str) -> str:
    side, _, part = joint.partition("_")
    return side if side in ("left", "right") and part in _LIMBS else "middle"
