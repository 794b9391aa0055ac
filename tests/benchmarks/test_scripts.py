"""The benchmark scripts: their tables, and that they start."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from actiongpt_core.evaluation.probe_table import COLUMNS, Cell, ProbeTable, Row
from actiongpt_core.evaluation.real_clips import STORED, RealClips

FOLDER = Path(__file__).parents[2] / "benchmarks"


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return _load("probes")


@pytest.fixture
def table() -> ProbeTable:
    def row(name: str, passed: int) -> Row:
        return Row(
            name=name,
            phrase=name,
            wordings=("a", "b"),
            other="sit",
            unit="m/s",
            required=True,
            cells=dict.fromkeys(COLUMNS, Cell(passed, 8, 1.234)),
            foot_skate=0.25,
            jitter=None,
            variety=0.1,
        )

    return ProbeTable(seeds=tuple(range(8)), seconds=4.0, noise_scale=None, rows=(row("walk", 6), row("squat", 5)))


@pytest.fixture
def real() -> RealClips:
    return RealClips.from_dict(json.loads(STORED.read_text(encoding="utf-8")))


def test_required_probes_below_six_of_eight_are_not_reached(script: ModuleType, table: ProbeTable) -> None:
    assert script.missing(table) == ["squat"]


def test_a_table_has_a_row_a_probe_and_a_cell_a_column(script: ModuleType, table: ProbeTable, real: RealClips) -> None:
    for grid in (script.probe_grid, script.quality_grid):
        _, head, rows = grid(table, real)
        assert [row[0].split(" *")[0] for row in rows] == ["walk", "squat"]
        assert all(len(row) == len(head) for row in rows)


def test_without_the_set_the_metrics_of_the_stored_clips_are_shown(script: ModuleType, real: RealClips) -> None:
    title, head, rows = script.metrics_grid(None, real)
    assert "ACTIONGPT_CMU" in title
    assert head == ["metric", "training clip with the nearest text"]
    assert len(rows) == 8


def test_markdown_is_one_line_a_row_below_the_title(script: ModuleType) -> None:
    assert script.as_markdown(("Title", ["a", "b"], [["1", "2"]])).splitlines() == [
        "Title",
        "",
        "| a | b |",
        "| --- | --- |",
        "| 1 | 2 |",
    ]


@pytest.mark.parametrize("name", ["probes", "speed"])
def test_a_script_says_what_it_takes(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit, match="0"):
        _load(name).main()
    assert "--checkpoint" in capsys.readouterr().out
