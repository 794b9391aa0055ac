"""`actiongpt motionclip`: what it writes, what it prints, and how it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from actiongpt_core.cli.main import app
from actiongpt_core.export.npz import load_npz
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.testing.fakes import FakeProvider
from actiongpt_core.text.text_models import EMBEDDED
from actiongpt_motionclip import MotionClip, MotionClipConfig
from actiongpt_motionclip.commands import app as commands
from actiongpt_motionclip.editing import edit, interpolate

Build = Callable[..., Pipeline]
Write = Callable[..., Path]
PUBLISHED = {"row_24": "right_ankle", "root_orientation": "upright"}


@pytest.fixture
def pipeline(build_pipeline: Build, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """What the commands build, whatever checkpoint they are asked for."""
    built = build_pipeline(**PUBLISHED)
    monkeypatch.setattr("actiongpt_motionclip.command_inputs.build_pipeline", lambda *_: built)
    return built


@pytest.fixture
def database(lists: dict[str, Any], write_database: Write) -> Path:
    for split in ("train", "vald", "test"):
        path = write_database(lists, split)
    return path.with_name("small_30fps_db.pt")


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["motionclip", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def fail(*arguments: str | Path) -> str:
    """The message of a command that must fail without a traceback and without standard output."""
    result = CliRunner().invoke(app, ["motionclip", *map(str, arguments)])
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# --- text to motion --------------------------------------------------------------------------------------------------


def test_each_phrase_of_a_file_becomes_a_motion_of_its_own(pipeline: Pipeline, tmp_path: Path) -> None:
    file = written(tmp_path / "texts.txt", "Riding a bike\nwalk, then sit\n")
    report = json.loads(run("text2motion", file, "-o", tmp_path / "out", "--format", "npz", "--json"))
    assert [Path(item["file"]).name for item in report] == ["01-riding-a-bike.npz", "02-walk-then-sit.npz"]
    assert [item["seconds"] for item in report] == [2.0, 2.0]
    # A line is one action, whatever its commas say.
    assert isinstance(pipeline.llm, FakeProvider)
    assert [action.phrase for action in pipeline.llm.calls] == ["Riding a bike", "walk, then sit"]
    motion = pipeline.generate("Riding a bike")
    torch.testing.assert_close(load_npz(report[0]["file"]).rotations, motion.rotations, atol=1e-4, rtol=0)


def test_the_files_are_named_line_by_line(pipeline: Pipeline, tmp_path: Path) -> None:
    file = written(tmp_path / "texts.txt", "walk\n")
    shown = run("text2motion", file, "-o", tmp_path, "--format", "bvh", "--seconds", "1")
    assert shown == f"wrote {tmp_path / '01-walk.bvh'}\n"


# --- editing and interpolation ---------------------------------------------------------------------------------------


def test_an_edit_of_three_phrases_writes_them_and_the_result(pipeline: Pipeline, tmp_path: Path) -> None:
    report = json.loads(run("edit", "jump", "walk", "walk old", "-o", tmp_path, "--format", "npz", "--json"))
    assert [item["name"] for item in report] == ["01-base", "01-minus", "01-plus", "01-result"]
    expected = edit(pipeline, "jump", minus="walk", plus="walk old").motion
    found = load_npz(tmp_path / "01-result.npz")
    torch.testing.assert_close(found.rotations, expected.rotations, atol=1e-4, rtol=0)


def test_an_edits_file_may_name_phrases_and_clips(pipeline: Pipeline, database: Path, tmp_path: Path) -> None:
    text = "motion_source,base,v_start,v_end\ntext,jump,walk,run\ndata,wave,walk,sit down\n"
    file = written(tmp_path / "edits.csv", text)
    out = tmp_path / "out"
    run("edit", "--file", file, "--database", database, "-o", out, "--format", "bvh")
    assert sorted(path.name for path in out.iterdir()) == sorted(
        f"{number:02}-{role}.bvh" for number in (1, 2) for role in ("base", "minus", "plus", "result")
    )
    assert "name the data base with --database" in fail("edit", "--file", file, "-o", out)


def test_a_label_that_no_clip_has_is_one_message(pipeline: Pipeline, database: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "edits.csv", "motion_source,base,v_start,v_end\ndata,fly,walk,walk\n")
    assert "'fly'" in fail("edit", "--file", file, "--database", database, "-o", tmp_path / "out")


def test_a_motion_file_can_be_an_end_of_an_interpolation(pipeline: Pipeline, tmp_path: Path) -> None:
    start = pipeline.generate("walk", seconds=1).save(tmp_path / "walk.bvh")
    run("interpolate", start, "run", "-o", tmp_path / "out", "--format", "npz", "--stops", "3")
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == [f"01-stop-{stop}.npz" for stop in (1, 2, 3)]
    last = interpolate(pipeline, "run", "run", num_stops=2)[1].motion
    torch.testing.assert_close(load_npz(files[-1]).rotations, last.rotations, atol=1e-4, rtol=0)


def test_the_values_of_an_interpolations_file_are_labels_where_a_data_base_is_named(
    pipeline: Pipeline, database: Path, tmp_path: Path
) -> None:
    file = written(tmp_path / "interps.csv", "start,end\nsit down and walk,wave\n")
    options = ("--file", file, "-o", tmp_path / "out", "--format", "bvh")
    run("interpolate", *options, "--database", database)
    assert isinstance(pipeline.llm, FakeProvider)
    assert not pipeline.llm.calls
    run("interpolate", *options)
    assert [action.phrase for action in pipeline.llm.calls] == ["sit down and walk", "wave"]


@pytest.mark.parametrize(
    "arguments",
    [("edit", "jump", "walk"), ("edit",), ("interpolate", "a", "b", "c"), ("edit", "a", "b", "c", "--file", "x.csv")],
)
def test_a_wrong_number_of_sources_is_one_message(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert "or a CSV file with --file" in fail(*arguments, "-o", tmp_path)


def test_an_unknown_format_is_found_before_a_model_is_built(tmp_path: Path) -> None:
    file = written(tmp_path / "texts.txt", "walk\n")
    out = tmp_path / "out"
    message = fail("text2motion", file, "-o", out, "--format", "mp3", "--checkpoint", tmp_path / "nothing")
    assert "No format 'mp3'. Known: bvh, glb, npz" in message
    assert not out.exists()


def test_an_output_that_is_a_file_is_one_message(tmp_path: Path) -> None:
    file = written(tmp_path / "texts.txt", "walk\n")
    assert "Cannot write the folder" in fail("text2motion", file, "-o", file)


# --- classification --------------------------------------------------------------------------------------------------


def test_a_motion_file_is_classified_among_labels(pipeline: Pipeline, tmp_path: Path) -> None:
    file = pipeline.generate("walk").save(tmp_path / "walk.bvh")
    (found,) = json.loads(run("classify", file, "--labels", "walk, sit down,run", "--top", "2", "--json"))
    assert found["file"] == str(file)
    assert len(found["labels"]) == len(found["probabilities"]) == 2
    assert set(found["labels"]) < {"walk", "sit down", "run"}
    labels = written(tmp_path / "labels.txt", "walk\nsit down\nrun\n")
    shown = run("classify", file, "--labels", labels, "--top", "2")
    assert shown.splitlines()[0] == str(file)
    assert found["labels"][0] in shown.splitlines()[1]


def test_a_file_of_labels_that_is_not_there_is_no_label(pipeline: Pipeline, tmp_path: Path) -> None:
    file = pipeline.generate("walk").save(tmp_path / "walk.bvh")
    assert "'labels.txt' is neither" in fail("classify", file, "--labels", "labels.txt")


def test_a_data_base_that_nothing_is_looked_up_in_is_one_message(database: Path, tmp_path: Path) -> None:
    options = ("--database", database, "-o", tmp_path / "out")
    assert "--database is for lines of the kind 'data'" in fail("edit", "jump", "walk", "run", *options)
    assert "--database is for the labels of a --file" in fail("interpolate", "walk", "run", *options)


def test_a_file_that_is_no_motion_is_one_message(pipeline: Pipeline, tmp_path: Path) -> None:
    assert "notes.txt" in fail("classify", written(tmp_path / "notes.txt", "walk"))
    assert "nothing.npz" in fail("classify", tmp_path / "nothing.npz")


def test_the_accuracy_of_a_data_base_is_printed_as_the_original_does(pipeline: Pipeline, database: Path) -> None:
    lines = run("accuracy", database).splitlines()
    assert lines[0].startswith("Top-5 Acc. : ")
    assert lines[1].endswith("/4)")
    assert json.loads(run("accuracy", database, "--drop-first", "--json"))["total"] == 3
    assert "60, 45, 15" in fail("accuracy", database, "--class-set", "120")


# --- published experiments -------------------------------------------------------------------------------------------


def test_samples_of_the_test_set_are_written_with_their_labels(
    pipeline: Pipeline, database: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    report = json.loads(run("sample", database, "-o", out, "--json"))
    assert (report["samples"], report["without_label"]) == (4, 0)
    assert json.loads((out / "texts.json").read_text()) == ["walk", "sit down and walk", "sit down", "wave"]
    for name in ("ground_truth", "action_gpt"):
        arrays = [np.load(out / name / f"{number}.npy") for number in range(4)]
        assert all(array.shape == (60, 24, 3) and array.dtype == np.float32 for array in arrays)
        assert not np.allclose(arrays[0], arrays[1])


def test_a_published_experiment_is_converted(golden_folder: Path, tmp_path: Path) -> None:
    published, target = golden_folder / "motionclip_tiny", tmp_path / "converted"
    assert run("convert", published, "-o", target) == f"wrote {target}\n"
    assert json.loads((target / "config.json").read_text())["backbone"] == "motionclip"
    assert "exists already" in fail("convert", published, "-o", target)


def test_every_command_and_option_is_in_the_reference() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "cli-motionclip.md").read_text(encoding="utf-8")
    group: Any = typer.main.get_command(commands)
    for name, command in group.commands.items():
        assert f"`actiongpt motionclip {name} " in page
        options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
        assert [option for option in options if f"`{option}" not in page and option != "--help"] == []


def test_the_options_choose_checkpoint_and_provider(tmp_path: Path) -> None:
    text_space = {"text_dim": 770, "whiten": True, "text_encoder": EMBEDDED}
    text_space["text_space"] = f"{EMBEDDED}/mean+max+sides"
    torch.manual_seed(0)
    checkpoint = MotionClip(MotionClipConfig.tiny(**text_space)).save(tmp_path / "checkpoint")
    file = written(tmp_path / "texts.txt", "walk\n")
    options = ("--checkpoint", checkpoint, "--llm", "passthrough", "--k", "1", "--device", "cpu")
    run("text2motion", file, "-o", tmp_path, "--format", "npz", *options)
    pipeline = Pipeline("motionclip", checkpoint=checkpoint, llm="passthrough", k=1, device="cpu")
    expected = pipeline.generate("walk")
    torch.testing.assert_close(load_npz(tmp_path / "01-walk.npz").rotations, expected.rotations, atol=1e-4, rtol=0)


def test_an_upstream_experiment_must_be_one(golden_folder: Path, tmp_path: Path) -> None:
    published = golden_folder / "motionclip_tiny"
    assert "no upstream checkpoint" in fail("convert", published, "-o", tmp_path / "out", "--upstream")
    assert not (tmp_path / "out").exists()
