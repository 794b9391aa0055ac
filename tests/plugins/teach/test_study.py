"""A study that trains its models: once, with the settings of the grid, and measured by its own weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.study.grid_file import read_grid
from actiongpt_core.study.running import run
from actiongpt_core.types.segments import Segment

TRAIN = {"preset": "tiny", "max_steps": 2, "settings": {"training": {"pictures_every": 0}}}
GRID: dict[str, Any] = {
    "data": "procedural",
    "data_options": {"variants": 1, "seconds": 1.0},
    "max_clips": 2,
    "num_samples": 1,
    "probe_seeds": 0,
    "examples": 0,
    "models": [{"name": "ours", "backbone": "teach", "train": TRAIN}],
    "providers": [{"name": "pack", "llm": "pack"}],
}


@pytest.fixture(autouse=True)
def _few_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole: Callable[[ProceduralSet, str], Sequence[Segment]] = ProceduralSet.segments
    monkeypatch.setattr(ProceduralSet, "segments", lambda self, split: whole(self, split)[:3])


def write_grid(folder: Path, **train: Any) -> Path:
    file = folder / "grid.json"
    models = [GRID["models"][0] | {"train": TRAIN | train}]
    file.write_text(json.dumps(GRID | {"models": models}), encoding="utf-8")
    return file


def weights_of(out: Path) -> str:
    cell = json.loads((out / "cells" / "ours--pack--k4--mean.json").read_text(encoding="utf-8"))
    return str(cell["evaluation"]["model"]["weights"])


def test_a_model_is_trained_once_and_other_settings_are_another_model(tmp_path: Path) -> None:
    out = tmp_path / "out"
    _, count = run(read_grid(write_grid(tmp_path)), out, device="cpu")
    assert (count.measured, count.problems) == (2, {})
    folder = next((out / "models").glob("ours-*/"))
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["result"]["steps"] == 2
    first, written = weights_of(out), (folder / "model.safetensors").stat().st_mtime_ns

    _, again = run(read_grid(write_grid(tmp_path)), out, device="cpu")
    assert (again.measured, again.before) == (0, 2)
    assert (folder / "model.safetensors").stat().st_mtime_ns == written

    _, other = run(
        read_grid(write_grid(tmp_path, settings={"training": {"description_share": 0.0, "pictures_every": 0}})),
        out,
        device="cpu",
    )
    assert (other.measured, other.problems) == (2, {})
    assert weights_of(out) != first


def test_settings_that_cannot_work_are_said_for_every_cell_of_the_model(tmp_path: Path) -> None:
    grid = read_grid(write_grid(tmp_path, settings={"training": {"desciption_share": 0.0}}))
    _, count = run(grid, tmp_path / "out", device="cpu")
    assert count.measured == 0
    assert set(count.problems) == {"ours--phrase-alone--k1--mean", "ours--pack--k4--mean"}
    assert all("Did you mean 'description_share'" in reason for reason in count.problems.values())
