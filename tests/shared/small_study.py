"""A study that takes seconds: a motion model without weights on parametric actions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STRIDE = """
from actiongpt_core.hookspecs import MotionModelSpec, hookimpl

def load():
    from actiongpt_core.testing.fakes import FakeMotionModel
    return FakeMotionModel

@hookimpl
def actiongpt_motion_models():
    return [MotionModelSpec(name="stride", load=load, summary="A fake.", default_rank=1000, capabilities={"sequence"})]
"""

GRID: dict[str, Any] = {
    "data": "procedural",
    "data_options": {"variants": 1, "seconds": 1.0, "fps": 20},
    "max_clips": 6,
    "num_samples": 2,
    "probe_seeds": 1,
    "examples": 2,
    "models": [{"name": "stride", "backbone": "stride", "about": "no weights"}],
    "providers": [{"name": "pack", "llm": "pack"}],
}


def write_grid(folder: Path, /, **changes: Any) -> Path:
    """The small grid, changed, as a file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "grid.json"
    path.write_text(json.dumps(GRID | changes, indent=1), encoding="utf-8")
    return path
