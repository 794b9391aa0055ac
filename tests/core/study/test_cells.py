"""Which cells a grid has, and which of them answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_study import STRIDE, write_grid

from actiongpt_core.study.cells import all_cells, answers, bases_of, content
from actiongpt_core.study.grid import Grid
from actiongpt_core.study.grid_file import read_grid

MODELS = [{"name": "ours", "backbone": "stride", "versus": "raw"}, {"name": "raw", "backbone": "stride"}]


@pytest.fixture
def grid(install: Any, tmp_path: Path) -> Grid:
    install("stride", STRIDE)
    providers = [
        {"name": "pack", "llm": "pack"},
        {"name": "model", "llm": "openai", "strategies": ["few-shot", "action-gpt"]},
    ]
    return read_grid(
        write_grid(tmp_path, models=MODELS, providers=providers, k=[4, 2, 1], aggregators=["mean", "concat"])
    )


def test_every_combination_is_there_once(grid: Grid) -> None:
    cells = all_cells(grid)
    # 2 models x (1 baseline + 3 ways to be told x (k 4 and 2 with two aggregators, k 1 with one)).
    assert len(cells) == 2 * (1 + 3 * 5)
    assert len({cell.name.lower() for cell in cells}) == len(cells), "files are called by these names"


def test_with_one_description_nothing_is_aggregated(grid: Grid) -> None:
    assert {cell.aggregator for cell in all_cells(grid) if cell.k == 1} == {"mean"}


def test_baselines_come_first_and_then_what_answers(grid: Grid) -> None:
    kinds = [0 if cell.is_baseline else 1 if answers(grid, cell) else 2 for cell in all_cells(grid)]
    assert kinds == sorted(kinds)


def test_only_the_first_of_each_list_answers_and_no_model_that_others_are_set_against(grid: Grid) -> None:
    told = [cell for cell in all_cells(grid) if not cell.is_baseline and answers(grid, cell)]
    assert [cell.name for cell in told] == ["ours--pack--k4--mean", "ours--model--few-shot--k4--mean"]


def test_a_cell_is_compared_with_its_own_model_and_with_the_one_that_it_is_set_against(grid: Grid) -> None:
    by_name = {cell.name: [base.name for base in bases_of(grid, cell)] for cell in all_cells(grid)}
    assert by_name["ours--pack--k4--mean"] == ["ours--phrase-alone--k1--mean", "raw--phrase-alone--k1--mean"]
    assert by_name["ours--pack--k2--mean"] == ["ours--phrase-alone--k1--mean"]
    assert by_name["ours--phrase-alone--k1--mean"] == []


def test_settings_hold_no_path_of_this_machine(grid: Grid, tmp_path: Path) -> None:
    assert not any(str(tmp_path) in str(cell.settings(grid)) for cell in all_cells(grid))


def test_other_weights_have_another_digest(grid: Grid, tmp_path: Path) -> None:
    (folder := tmp_path / "weights").mkdir()
    (folder / "model.safetensors").write_bytes(b"one")
    (folder / "curves.png").write_bytes(b"a picture")
    cell = all_cells(grid)[0]
    before = content(grid, cell, folder)
    (folder / "curves.png").write_bytes(b"another picture")
    assert content(grid, cell, folder) == before
    (folder / "model.safetensors").write_bytes(b"two")
    assert content(grid, cell, folder) != before
