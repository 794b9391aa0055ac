"""The study in the documentation: its numbers are those of the file that the command wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pages import ROOT, blocks

from actiongpt_core.study.grid_file import read_grid
from actiongpt_core.study.statistics import holm
from actiongpt_core.study.summary import ALPHA

STUDIES = ROOT / "docs" / "studies"
EXPLANATION = ROOT / "docs" / "explanation" / "do-descriptions-help.md"
HOW_TO = ROOT / "docs" / "how-to" / "study.md"
RESULTS: dict[str, Any] = json.loads((STUDIES / "do-descriptions-help.json").read_text(encoding="utf-8"))
CELLS = {cell["name"]: cell for cell in RESULTS["cells"]}


def rows(width: int) -> list[list[str]]:
    """Rows of the tables of so many columns, without their heads."""
    lines = EXPLANATION.read_text(encoding="utf-8").splitlines()
    found = [[it.strip() for it in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return [row for row in found if len(row) == width]


def shown(gain: dict[str, Any]) -> str:
    mark = "" if gain["verdict"] == "no difference shown" else "**"
    return f"{mark}{gain['value']:+.3f}{mark} ({gain['low_95']:+.3f} to {gain['high_95']:+.3f})"


def test_every_gain_of_the_explanation_is_the_studys() -> None:
    found = rows(2 + len(RESULTS["measures"]))
    assert len(found) == 15
    for told, base, *numbers in found:
        gains = {it["measure"]: it for it in CELLS[told.strip("`")]["gains"] if it["against"] == base.strip("`")}
        assert numbers == [shown(gains[it]) if it in gains else "-" for it in RESULTS["measures"]], told


def test_every_value_of_the_explanation_is_the_studys() -> None:
    found = rows(1 + len(RESULTS["measures"]))
    assert len(found) == 12
    for name, *numbers in found:
        cell = CELLS[name.strip("`")]
        values = {it: interval["value"] for it, interval in cell["evaluation"]["metrics"].items()}
        values["probes"] = cell["probes"]["share"]
        assert numbers == [f"{values[it]:.3f}" for it in RESULTS["measures"]], name


def test_the_counts_of_the_explanation_are_the_studys() -> None:
    text = " ".join(EXPLANATION.read_text(encoding="utf-8").split())
    gains = [it for cell in CELLS.values() for it in cell["gains"] if it["answers"]]
    of_pack = [it for cell in CELLS.values() if "--pack--" in cell["name"] for it in cell["gains"] if it["answers"]]
    above, below = sum(it["low_95"] > 0 for it in of_pack), sum(it["high_95"] < 0 for it in of_pack)
    assert f"of {len(of_pack)} comparisons: {above} intervals above 0, {below} below" in text
    assert f"{len(CELLS)} cells" in text
    assert f" {len(gains)} comparisons that answer" in text
    assert all(it["verdict"] == "no difference shown" for it in of_pack), "as the first sentence says"


def test_counting_the_packs_comparisons_alone_would_say_what_the_explanation_says() -> None:
    found = [(name, it) for name, cell in CELLS.items() if "--pack--" in name for it in cell["gains"] if it["answers"]]
    raised = holm([it["p"] for _, it in found])
    held = [(name, it["against"], it["measure"]) for (name, it), p in zip(found, raised, strict=True) if p < ALPHA]
    assert {(told.split("--")[0], base.split("--")[0]) for told, base, _ in held} == {("motionclip", "motionclip-raw")}
    assert [measure for _, _, measure in held] == ["APE_root", "AVE_root"]


def test_the_page_shows_the_gains_of_the_file() -> None:
    page = (STUDIES / "do-descriptions-help.html").read_text(encoding="utf-8")
    for cell in CELLS.values():
        for gain in cell["gains"]:
            if gain["against"].split("--")[0] == cell["name"].split("--")[0]:
                interval = f"{gain['value']:+.3f} ({gain['low_95']:+.3f} to {gain['high_95']:+.3f})"
                assert interval in page, (cell["name"], gain["measure"])


def test_the_grid_of_the_study_makes_the_cells_of_the_file() -> None:
    grid = read_grid(STUDIES / "do-descriptions-help.toml", {"raw": "runs"})
    expected = {name: RESULTS["data"][name] for name in ("data", "split", "num_samples", "seed", "probe_seeds")}
    assert {name: getattr(grid, name) for name in expected} == expected
    assert {cell["name"].split("--")[0] for cell in CELLS.values()} == {model.name for model in grid.models}


@pytest.mark.parametrize("number", [0, 1])
def test_the_grids_of_the_how_to_can_be_read(number: int, tmp_path: Path) -> None:
    found = [block.code for block in blocks(HOW_TO) if block.language == "toml"]
    rest = '\n[[providers]]\nname = "pack"\nllm = "pack"\n'
    file = tmp_path / "grid.toml"
    file.write_text(found[number] if number == 0 else f'data = "cmu"\n{found[number]}{rest}', encoding="utf-8")
    assert len(read_grid(file).models) == 2
