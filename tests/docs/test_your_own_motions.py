"""The how-to of a user's own motions: its commands, as they stand there, on five BVH files."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, Block, blocks

from actiongpt_core.data.prepared import PreparedSet
from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.data.retarget import bvh_to_recording
from actiongpt_core.export.npz import load_npz

PAGE = ROOT / "docs" / "how-to" / "your-own-motions.md"


def of_language(language: str) -> list[Block]:
    return [block for block in blocks(PAGE) if block.language == language and "no-run" not in block.flags]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all commands of the page were run, one block after the other."""
    folder = tmp_path_factory.mktemp("user")
    (table,) = of_language("csv")
    _write_motions(folder / "my-motions", table.code)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ACTIONGPT_")}
    environment |= {"XDG_CACHE_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for block in of_language("sh"):
        run = subprocess.run(
            ["bash", "-e", "-c", block.code],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, f"line {block.line}:\n{run.stdout}\n{run.stderr}"
    return folder


def _write_motions(folder: Path, table: str) -> None:
    """The table of the page, and for each of its rows a BVH in which that happens."""
    folder.mkdir()
    (folder / "texts.csv").write_text(table, encoding="utf-8")
    data = ProceduralSet(variants=1, seconds=2)
    known = {item.texts[0]: item for item in data.segments("train")}
    for row in csv.DictReader(table.splitlines()):
        clip = known[row["text"]]
        data.motion(clip.recording, clip.start, clip.end).save(folder / row["file"])


def test_the_page_has_five_bvh_files() -> None:
    (table,) = of_language("csv")
    assert [row["file"].endswith(".bvh") for row in csv.DictReader(table.code.splitlines())] == [True] * 5


def test_every_file_that_the_page_lists_is_written(folder: Path) -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert len(listed) >= 10
    for name in listed:
        path = folder / name
        assert list(path.iterdir()) if path.is_dir() else path.stat().st_size


def test_the_prepared_set_has_the_motions_in_the_splits_of_the_table(folder: Path) -> None:
    data = PreparedSet(folder / "prepared")
    found = {split: [item.texts[0] for item in data.segments(split)] for split in data.splits}
    rows = csv.DictReader(of_language("csv")[0].code.splitlines())
    wanted: dict[str, list[str]] = {}
    for row in rows:
        wanted.setdefault(row["split"], []).append(row["text"])
    assert {split: sorted(texts) for split, texts in found.items()} == {
        split: sorted(texts) for split, texts in wanted.items()
    }


def test_the_model_is_of_the_steps_that_were_asked_for_and_of_the_users_data(folder: Path) -> None:
    run = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))
    assert run["settings"]["training"]["max_steps"] == 20
    assert run["data"]["name"] == "folder"


def test_samples_are_motions_as_long_as_their_clip_and_not_alike(folder: Path) -> None:
    data = PreparedSet(folder / "prepared")
    (clip,) = data.segments("val")
    first, second = (load_npz(folder / "samples" / f"{clip.key}_{number}.npz") for number in range(2))
    assert first.num_frames == second.num_frames == clip.num_frames
    assert not first.rotations.equal(second.rotations)


def test_the_result_is_of_the_test_clip_with_finite_measures(folder: Path) -> None:
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert "data=folder/split=test" in result["protocol"]
    assert result["counts"]["clips"] == 1
    assert result["metrics"]
    assert all(math.isfinite(measure["value"]) for measure in result["metrics"].values())


def test_the_generated_bvh_reads_back_with_the_seconds_that_were_asked_for(folder: Path) -> None:
    poses, _, fps = bvh_to_recording(folder / "squat.bvh")
    assert len(poses) / fps == pytest.approx(2)
