"""`actiongpt study`: what it prints, and how its errors reach the user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_study import STRIDE, write_grid
from typer.testing import CliRunner, Result

from actiongpt_core.cli.main import app

FEW: dict[str, Any] = {"max_clips": 2, "num_samples": 1, "probe_seeds": 0, "examples": 0}


@pytest.fixture(autouse=True)
def _backbone(install: Any) -> None:
    install("stride", STRIDE)


def study(grid: Path, *arguments: object) -> Result:
    out = grid.parent / "out"
    command = ["study", "--grid", str(grid), "--out", str(out), "--device", "cpu", *map(str, arguments)]
    return CliRunner().invoke(app, command)


def test_the_answer_is_printed_with_the_page_at_the_end(tmp_path: Path) -> None:
    result = study(write_grid(tmp_path, **FEW))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("2 cells measured in ")
    assert lines[-1] == str(tmp_path / "out" / "index.html")
    assert (tmp_path / "out" / "index.html").is_file()


def test_json_says_the_same_to_a_program(tmp_path: Path) -> None:
    grid = write_grid(tmp_path, **FEW)
    study(grid)
    told = json.loads(study(grid, "--json").stdout)
    assert (told["cells"], told["measured"], told["before"], told["problems"]) == (2, 0, 2, {})
    assert told["answer"]


def test_cells_that_cannot_run_are_listed_and_the_exit_code_says_so(tmp_path: Path) -> None:
    models = [{"name": "stride", "backbone": "stride"}, {"name": "raw", "checkpoint": "${raw}/it"}]
    result = study(write_grid(tmp_path, models=models, **FEW))
    assert result.exit_code == 1
    assert "raw--pack--k4--mean: ${raw}/it: it is not said what raw is; give -P raw=FOLDER." in result.stderr
    assert (tmp_path / "out" / "index.html").is_file()


def test_a_place_is_a_folder_of_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    models = [{"name": "raw", "checkpoint": "${raw}/it"}]
    result = study(write_grid(tmp_path, models=models, **FEW), "-P", "raw=runs")
    assert "There is no checkpoint folder ${raw}/it" in result.stderr
    (tmp_path / "runs" / "it").mkdir(parents=True)
    assert "no checkpoint folder" not in study(tmp_path / "grid.json", "-P", "raw=runs").stderr


@pytest.mark.parametrize("pair", ["raw", "=runs", "raw=", "a b=runs"])
def test_a_place_that_is_not_written_so_is_refused(tmp_path: Path, pair: str) -> None:
    result = study(write_grid(tmp_path, **FEW), "-P", pair)
    assert result.exit_code == 1
    assert "-P name=folder" in result.stderr


def test_a_grid_error_is_one_line_with_the_file(tmp_path: Path) -> None:
    result = study(write_grid(tmp_path, **(FEW | {"splt": "val"})))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: The grid {tmp_path / 'grid.json'}, line ")
    assert "Did you mean 'split'?" in result.stderr
    assert not (tmp_path / "out").exists()
