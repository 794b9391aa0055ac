"""`actiongpt data`: what it prints, writes and refuses. How preparation itself works is in tests/core/data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from babel_files import write_amass
from typer.testing import CliRunner, Result

from actiongpt_core.cli.main import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    for seed, name in enumerate(("a", "b", "c")):
        write_amass(folder / f"{name}.npz", 480, seed=seed)
    (folder / "texts.csv").write_text("file,text,split\na.npz,walk,train\nb.npz,run,val\nb.npz,jog,val\n")
    return folder


def test_prepare_says_what_was_made_what_was_left_out_and_where(source: Path, tmp_path: Path) -> None:
    result = run("prepare", "folder", "--source", source, "--out", tmp_path / "set")
    assert result.exit_code == 0, result.output
    first, left_out, folder = result.stdout.splitlines()
    assert first.startswith("2 recordings (train 1, val 1), 0.1 min of motion")
    assert left_out == "left out: 1 no text"
    assert folder == str(tmp_path / "set")
    again = run("prepare", "folder", "--source", source, "--out", tmp_path / "set")
    assert "3 were dealt with before; nothing of them was read again" in again.stdout


def test_prepare_prints_json_alone_where_it_is_asked_for(source: Path, tmp_path: Path) -> None:
    (source / "b.npz").write_bytes(b"cut off")
    result = run("prepare", "folder", "--source", source, "--out", tmp_path / "set", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["recordings"] == {"train": 1}
    assert report["rejected"] == {"no text": 1}
    assert list(report["damaged"]) == ["b.npz"]
    assert "damaged: b.npz" in result.stderr


def test_options_go_to_the_source_and_unknown_ones_are_refused(source: Path, tmp_path: Path) -> None:
    assert run("prepare", "folder", "--source", source, "--out", tmp_path / "set", "-O", "fps=20").exit_code == 0
    assert json.loads(run("show", "folder", "--data-dir", tmp_path / "set", "--json").stdout)["fps"] == 20
    result = run("prepare", "folder", "--source", source, "--out", tmp_path / "set2", "-O", "fsp=20")
    assert result.exit_code == 1
    assert "no option 'fsp'" in result.stderr
    assert "'fps'" in result.stderr


def test_another_source_for_the_same_folder_is_refused(source: Path, tmp_path: Path) -> None:
    run("prepare", "folder", "--source", source, "--out", tmp_path / "set")
    source.rename(tmp_path / "other")
    result = run("prepare", "folder", "--source", tmp_path / "other", "--out", tmp_path / "set")
    assert result.exit_code == 1
    assert f"folder {str(source)!r}, now {str(tmp_path / 'other')!r}" in result.stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("folder", "no .npz or .bvh file"),
        ("amass", "amass.is.tue.mpg.de"),
        ("babel", "train.json"),
        ("kit", "amass-paths.json"),
    ],
)
def test_a_source_without_its_files_says_what_is_expected_and_where(name: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("prepare", name, "--source", tmp_path / "empty", "--out", tmp_path / "set")
    assert result.exit_code == 1
    assert expected in result.stderr
    assert str(tmp_path / "empty") in result.stderr
    assert not (tmp_path / "set").exists()
    without = run("prepare", name, "--out", tmp_path / "set")
    assert without.exit_code == 1
    assert "--source DIR" in without.stderr


def test_an_unknown_set_is_told_with_those_that_are_known(tmp_path: Path) -> None:
    result = run("prepare", "bable", "--source", tmp_path, "--out", tmp_path / "set")
    assert result.exit_code == 1
    assert "Did you mean 'babel'?" in result.stderr


def test_list_names_all_sets_and_where_they_are_prepared(source: Path, tmp_path: Path) -> None:
    run("prepare", "folder", "--source", source, "--out", tmp_path / "sets" / "mine")
    (tmp_path / "sets" / "broken").mkdir()
    (tmp_path / "sets" / "broken" / "prepared.json").write_text("{")
    result = run("list", "--data-dir", tmp_path / "sets")
    assert result.exit_code == 0
    assert {"amass", "babel", "cmu", "folder", "kit", "procedural"} <= {
        line.split()[0] for line in result.stdout.splitlines()
    }
    assert f"prepared: {tmp_path / 'sets' / 'mine'}" in result.stdout
    assert "broken" in result.stderr
    rows = {row["name"]: row for row in json.loads(run("list", "--json", "--data-dir", tmp_path / "sets").stdout)}
    assert rows["folder"]["prepared"] == [{"folder": str(tmp_path / "sets" / "mine"), "state": "complete"}]
    assert rows["babel"]["prepared"] == []


def test_show_counts_splits_hours_and_texts(source: Path, tmp_path: Path) -> None:
    run("prepare", "folder", "--source", source, "--out", tmp_path / "set")
    content = json.loads(run("show", "folder", "--data-dir", tmp_path / "set", "--json").stdout)
    val = {"recordings": 1, "segments": 1, "pairs": 0, "hours": pytest.approx(4 / 3600), "texts": 2, "suspect": 0}
    assert content["splits"]["val"] == val
    assert content["rejected"] == {"no text": 1}
    assert content["recordings"] == {"train": 1, "val": 1}
    text = run("show", "folder", "--data-dir", tmp_path / "set").stdout
    assert "'walk' (1)" in text
    assert "left out: 1 no text" in text


def test_show_of_a_set_that_needs_no_folder() -> None:
    content = json.loads(run("show", "procedural", "-D", "variants=1", "--json").stdout)
    assert content["splits"]["train"]["segments"] == content["splits"]["test"]["segments"] > 30


def test_one_clip_is_shown_and_written(tmp_path: Path) -> None:
    key = json.loads(run("show", "procedural", "-D", "variants=1", "--json").stdout)["first_clips"]["val"][0]
    shown = run("show", "procedural", "-D", "variants=1", "--clip", key, "-o", tmp_path / "clip.bvh")
    assert shown.exit_code == 0, shown.output
    assert "'raise the left arm'" in shown.stdout
    assert (tmp_path / "clip.bvh").read_text().startswith("HIERARCHY")
    assert "no clip" in run("show", "procedural", "--clip", "nobody").stderr
    assert "--clip KEY" in run("show", "procedural", "-o", tmp_path / "clip.bvh").stderr


def test_a_set_under_another_name_is_refused(source: Path, tmp_path: Path) -> None:
    run("prepare", "folder", "--source", source, "--out", tmp_path / "set")
    result = run("show", "babel", "--data-dir", tmp_path / "set")
    assert result.exit_code == 1
    assert "--data folder" in result.stderr


def test_show_without_a_folder_says_that_one_is_needed() -> None:
    result = run("show", "babel")
    assert result.exit_code == 1
    assert "--data-dir" in result.stderr


def test_listing_and_asking_for_help_import_nothing_heavy() -> None:
    code = (
        "import sys\nfrom actiongpt_core.cli.main import app\n"
        "for words in (['data', 'list'], ['data', 'prepare', '--help']):\n"
        "    app(words, standalone_mode=False)\n"
        "print([name for name in ('torch', 'lightning', 'matplotlib', 'transformers') if name in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.splitlines()[-1] == "[]"
