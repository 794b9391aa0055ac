"""The benchmark scripts: their tables, and that they start."""

import importlib.util
import json
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import attrs
import pytest

from actiongpt_core.errors import CheckpointError
from actiongpt_core.evaluation.probe_table import COLUMNS, Cell, Phrasing, ProbeTable, Row, run_probes
from actiongpt_core.evaluation.probes import BY_NAME
from actiongpt_core.evaluation.real_clips import STORED, RealClips
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.testing.fakes import FakeMotionModel, FakePooledModel, FakeProvider

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
def phrased(table: ProbeTable) -> ProbeTable:
    """The same of a deterministic backbone."""
    sources = ["pack", "pack", "nearest:walk", "nearest:march", "nearest:run", "phrase", "phrase", "phrase"]
    phrasings = tuple(
        Phrasing(text=f"walk {number}", source=source, is_known=source == "pack")
        for number, source in enumerate(sources)
    )
    rows = tuple(attrs.evolve(row, phrasings=phrasings, num_texts=7, variety=None) for row in table.rows)
    return attrs.evolve(table, seeds=(0,), is_deterministic=True, rows=rows)


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


def test_the_columns_of_a_deterministic_backbone_speak_of_phrasings(
    script: ModuleType, phrased: ProbeTable, real: RealClips
) -> None:
    title, head, _ = script.probe_grid(phrased, real)
    assert "8 phrasings" in title
    assert "seeds" not in title
    assert head[2:5] == ["phrasings, described", "phrasings", "wording 1"]
    _, head, rows = script.quality_grid(phrased, real)
    assert not [name for name in head if "variety" in name]
    assert all(len(row) == len(head) for row in rows)


def test_phrasings_are_counted_by_what_became_of_them(script: ModuleType, phrased: ProbeTable) -> None:
    _, head, rows = script.phrasing_grid(phrased)
    assert head == [
        "probe",
        "different texts",
        "in the pack",
        "told as a neighbour",
        "told as they are",
        "maybe in training",
    ]
    assert rows[0] == ["walk", "7", "2", "3", "3", "2"]


# --- which backbones -------------------------------------------------------------------------------------------------


@pytest.fixture
def backbones(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Three backbones: one that draws noise, one without a checkpoint, one that is deterministic."""
    models = {"lively": FakeMotionModel, "bare": None, "steady": FakePooledModel}

    def build(backbone: str, checkpoint: Path | None = None) -> Pipeline:
        model = models[backbone]
        if model is None:
            raise CheckpointError("No checkpoint folder at nowhere.")
        pipeline = Pipeline(model(), llm=FakeProvider(), device="cpu")
        pipeline.capabilities = frozenset({"deterministic"} if backbone == "steady" else ())
        return pipeline

    registry = SimpleNamespace(labels=lambda kind: [(name, None) for name in models])
    return {"Pipeline": build, "get_registry": lambda: registry}


def test_all_backbones_with_a_checkpoint_are_measured(
    script: ModuleType, backbones: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.delenv("ACTIONGPT_CMU", raising=False)
    quick = partial(run_probes, seconds=1.0, probes=[BY_NAME["walk"], BY_NAME["sit"]])
    for name, value in {**backbones, "run_probes": quick}.items():
        monkeypatch.setattr(script, name, value)
    files = [tmp_path / "probes.json", tmp_path / "probes.md"]
    monkeypatch.setattr("sys.argv", f"probes --seeds 2 --json {files[0]} --markdown {files[1]}".split())
    script.main()
    shown = capsys.readouterr()
    assert "bare is left out: No checkpoint folder" in shown.err
    assert "lively: not reached: walk, sit" in shown.out
    assert "steady: not reached: walk, sit" in shown.out
    found = json.loads(files[0].read_text(encoding="utf-8"))["backbones"]
    assert {name: len(result["probes"]["rows"][0]["phrasings"]) for name, result in found.items()} == {
        "lively": 0,
        "steady": 8,
    }
    text = files[1].read_text(encoding="utf-8")
    assert text.index("## lively") < text.index("Passes of 2 seeds") < text.index("## steady") < text.index("phrasings")


def test_a_backbone_that_is_named_is_the_only_one_and_its_errors_go_through(
    script: ModuleType, backbones: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in backbones.items():
        monkeypatch.setattr(script, name, value)
    assert [name for name, _ in script.pipelines("steady", None)] == ["steady"]
    with pytest.raises(CheckpointError):
        list(script.pipelines("bare", None))


def test_all_backbones_with_a_checkpoint_are_timed(
    backbones: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    speed = _load("speed")
    for name, value in {**backbones, "cold": lambda chosen, repeats: 1.0}.items():
        monkeypatch.setattr(speed, name, value)
    seconds = speed.times(None, None, 1)
    assert list(seconds) == ["lively", "steady"]
    assert seconds["lively"].keys() == seconds["steady"].keys()
    assert "bare is left out" in capsys.readouterr().err
    speed._print({"machine": {}, "seconds": seconds})
    assert "steady" in capsys.readouterr().out
    assert list(speed.times("steady", None, 1)) == ["steady"]


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


def test_bulk_work_is_measured_from_outside(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> None:
    arguments = ["--phrases", "40", "--prompts", "0", "--engine", "local", "--json", str(tmp_path / "bulk.json")]
    monkeypatch.setattr("sys.argv", ["bulk.py", *arguments])
    _load("bulk").main()
    shown = capsys.readouterr().out
    assert "annotate" in shown
    runs = json.loads((tmp_path / "bulk.json").read_text())["runs"]
    assert [(run["engine"], run["items"]) for run in runs] == [("local", 4), ("local", 40)]
    assert all(10 < run["megabytes"] < 1000 and 0 < run["seconds"] < run["wall"] for run in runs)


@pytest.mark.parametrize("name", ["probes", "speed"])
def test_a_script_says_what_it_takes(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit, match="0"):
        _load(name).main()
    assert "--checkpoint" in capsys.readouterr().out
