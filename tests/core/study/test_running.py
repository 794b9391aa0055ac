"""Running a study: done cells are kept however a run ends, and what cannot run is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from small_study import STRIDE, write_grid

from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_core.study import weights
from actiongpt_core.study.grid import Grid, Model
from actiongpt_core.study.grid_file import read_grid
from actiongpt_core.study.running import run
from actiongpt_core.study.store import Store

FEW: dict[str, Any] = {"max_clips": 2, "num_samples": 1, "probe_seeds": 0, "examples": 1}


@pytest.fixture(autouse=True)
def _backbone(install: Any) -> None:
    install("stride", STRIDE)


def small(folder: Path, **changes: Any) -> Grid:
    return read_grid(write_grid(folder, **(FEW | changes)))


def written(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in (folder / "cells").iterdir()}


def test_the_same_run_again_measures_nothing_and_writes_the_same_page(tmp_path: Path) -> None:
    grid, out = small(tmp_path), tmp_path / "out"
    _, first = run(grid, out, device="cpu")
    page, cells = (out / "index.html").read_bytes(), written(out)
    _, second = run(grid, out, device="cpu")
    assert (first.measured, first.before, second.measured, second.before) == (2, 0, 0, 2)
    assert written(out) == cells
    assert (out / "index.html").read_bytes() == page


def test_more_cells_keep_those_that_are_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(small(tmp_path), out, device="cpu")
    before = written(out)
    _, count = run(small(tmp_path, k=[4, 2]), out, device="cpu")
    assert (count.measured, count.before) == (1, 2)
    assert {name: it for name, it in written(out).items() if name in before} == before


def test_another_seed_is_measured_anew(tmp_path: Path) -> None:
    run(small(tmp_path), tmp_path / "out", device="cpu")
    _, count = run(small(tmp_path, seed=1), tmp_path / "out", device="cpu")
    assert (count.measured, count.before) == (2, 0)


@pytest.mark.parametrize("damage", [b"", b'{"format": 1, "settings": ', b"[]", b"\xff"])
def test_a_damaged_file_is_measured_anew(tmp_path: Path, damage: bytes) -> None:
    grid, out = small(tmp_path), tmp_path / "out"
    run(grid, out, device="cpu")
    whole = (out / "cells" / "stride--pack--k4--mean.json").read_bytes()
    (out / "cells" / "stride--pack--k4--mean.json").write_bytes(damage)
    _, count = run(grid, out, device="cpu")
    assert (count.measured, count.before) == (1, 1)
    assert (out / "cells" / "stride--pack--k4--mean.json").read_bytes() == whole


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    grid = write_grid(tmp_path, **(FEW | {"k": [4, 3, 2, 1], "aggregators": ["mean", "concat", "weighted", "first"]}))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "actiongpt_core.cli.main", "study", "--grid", str(grid), "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, "--device", "cpu"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 60
    while not len(list(out.glob("cells/[!.]*.json"))) >= 2 and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was still at work"
    before = written(out)
    assert not (out / "index.html").exists()
    _, count = run(read_grid(grid), out, device="cpu")
    assert count.before == len([name for name in before if not name.startswith(".")]) >= 2
    assert count.before + count.measured == count.cells == 14
    after = written(out)
    assert all(after[name] == it for name, it in before.items() if not name.startswith("."))
    whole = tmp_path / "whole"
    run(read_grid(grid), whole, device="cpu")
    assert {name: it[1] for name, it in written(whole).items()} == {name: it[1] for name, it in after.items()}


def test_weights_that_are_not_there_are_said_and_the_other_cells_run(tmp_path: Path) -> None:
    models = [{"name": "stride", "backbone": "stride"}, {"name": "later", "checkpoint": "./later"}]
    summary, count = run(small(tmp_path, models=models), tmp_path / "out", device="cpu")
    assert count.measured == 2
    assert set(count.problems) == {"later--phrase-alone--k1--mean", "later--pack--k4--mean"}
    assert "no checkpoint folder ./later" in count.problems["later--pack--k4--mean"]
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "What could not run" in page
    assert len(summary.comparisons) == 2, "APE_root and APE_mean_pose of the one model"


def test_a_result_stays_when_its_weights_are_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid, out = small(tmp_path), tmp_path / "out"
    run(grid, out, device="cpu")

    def missing(self: Any, model: Model) -> Path | None:
        raise MissingAssetError("They lie on another machine.")

    monkeypatch.setattr(weights.Weights, "folder", missing)
    _, count = run(grid, out, device="cpu")
    assert (count.before, count.measured, count.problems) == (2, 0, {})


def test_cells_of_different_weights_are_not_compared(tmp_path: Path) -> None:
    grid, out = small(tmp_path), tmp_path / "out"
    run(grid, out, device="cpu")
    file = out / "cells" / "stride--pack--k4--mean.json"
    cell = json.loads(file.read_text(encoding="utf-8"))
    cell["evaluation"]["model"]["weights"] = "others"
    file.write_text(json.dumps(cell), encoding="utf-8")
    summary, count = run(grid, out, device="cpu")
    assert summary.comparisons == ()
    assert "other weights" in summary.problems["stride--pack--k4--mean"]
    assert count.measured == 0


def test_cells_of_different_protocols_are_not_compared(tmp_path: Path) -> None:
    grid, out = small(tmp_path), tmp_path / "out"
    run(grid, out, device="cpu")
    file = out / "cells" / "stride--pack--k4--mean.json"
    cell = json.loads(file.read_text(encoding="utf-8"))
    cell["evaluation"]["protocol"] = cell["evaluation"]["protocol"].replace("fps=20", "fps=30")
    file.write_text(json.dumps(cell), encoding="utf-8")
    summary, _ = run(grid, out, device="cpu")
    assert summary.comparisons == ()
    assert "fps: 20 and 30" in summary.problems["stride--pack--k4--mean"]


def test_a_provider_that_describes_too_few_texts_is_compared_with_nothing(tmp_path: Path) -> None:
    (tmp_path / "texts.json").write_text(json.dumps({"juggle": ["A."] * 4}), encoding="utf-8")
    providers = [{"name": "few", "llm": "pack", "options": {"path": "./texts.json"}}]
    summary, count = run(small(tmp_path, providers=providers), tmp_path / "out", device="cpu")
    assert count.measured == 2
    assert summary.comparisons == ()


def test_a_new_description_file_is_measured_anew(tmp_path: Path) -> None:
    file = tmp_path / "texts.json"
    providers = [{"name": "mine", "llm": "pack", "options": {"path": "./texts.json"}}]
    for told, measured in (("A.", 2), ("A.", 0), ("B.", 1)):
        file.write_text(json.dumps({"juggle": [told] * 4}), encoding="utf-8")
        _, count = run(small(tmp_path, providers=providers), tmp_path / "out", device="cpu")
        assert count.measured == measured, told


def test_a_data_set_that_is_not_there_stops_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTIONGPT_CMU", raising=False)
    with pytest.raises(MissingAssetError, match="data set cannot be opened"):
        run(small(tmp_path, data="cmu", data_options={}), tmp_path / "out", device="cpu")


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="Cannot write"):
        Store(tmp_path / "file").keep("cell", {})
