"""`actiongpt generate --input FILE --out DIR`: what it prints, makes and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from actiongpt_core.cli.main import app

STRIDE = """
from actiongpt_core.hookspecs import MotionModelSpec, hookimpl

def load():
    from actiongpt_core.testing.fakes import FakeMotionModel
    return FakeMotionModel

@hookimpl
def actiongpt_motion_models():
    return [MotionModelSpec(name="stride", load=load, summary="A fake.", default_rank=1000, capabilities={"sequence"})]
"""


@pytest.fixture
def source(install: Callable[..., None], tmp_path: Path) -> Path:
    install("stride", STRIDE)
    path = tmp_path / "prompts.txt"
    path.write_text("walk, then run\n# a note\nwalk, then run\n")
    return path


def run(*arguments: object, stdin: str | None = None) -> Result:
    command = ["generate", *map(str, arguments), "--llm", "passthrough", "--seconds", "1", "--device", "cpu"]
    return CliRunner().invoke(app, command, input=stdin)


def test_it_says_what_was_made_and_where(source: Path, tmp_path: Path) -> None:
    result = run("--input", source, "--out", tmp_path / "out", "--format", "bvh", "--shard-size", 1)
    assert result.exit_code == 0, result.output
    first, second = result.stdout.splitlines()
    assert first.startswith("2 motions made in ")
    assert second == str(tmp_path / "out")
    motions = sorted((tmp_path / "out").rglob("*.bvh"))
    assert [str(path.relative_to(tmp_path / "out")) for path in motions] == ["00000/000000.bvh", "00001/000001.bvh"]
    assert motions[0].read_bytes() != motions[1].read_bytes(), "equal prompts have different seeds"


def test_the_same_command_goes_on_and_another_is_refused(source: Path, tmp_path: Path) -> None:
    folder = ["--input", source, "--out", tmp_path / "out"]
    run(*folder, "--seed", 3)
    source.write_text(source.read_text() + "sit down\n")
    report = json.loads(run(*folder, "--seed", 3, "--json").stdout)
    assert (report["before"], report["made"], report["failed"]) == (2, 1, 0)
    refused = run(*folder)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "seed 3, now 0" in refused.stderr


def test_the_machines_are_no_part_of_the_job(source: Path, tmp_path: Path) -> None:
    folder = ["--input", source, "--out", tmp_path / "out"]
    run(*folder, "--batch-size", 1)
    assert run(*folder, "--batch-size", 2).exit_code == 0
    assert "cpu" not in (tmp_path / "out" / "job.json").read_text()


def test_a_prompt_that_fails_is_told_and_the_others_are_made(source: Path, tmp_path: Path) -> None:
    result = run("--input", "-", "--out", tmp_path / "out", stdin="walk\n123\n")
    assert result.exit_code == 1
    assert "1 motions made" in result.stdout
    assert "1: 123: The text has no letters" in result.stderr
    assert "1 prompts failed; the next run tries them again" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["walk"],
        ["-o", "a.bvh"],
        ["walk", "-o", "a.bvh", "--out", "x"],
        ["walk", "-o", "a.bvh", "--engine", "ray"],
        ["--input", "x.txt"],
        ["--input", "x.txt", "--out", "x", "walk"],
        ["--input", "x.txt", "--out", "x", "-o", "a.bvh"],
    ],
)
def test_a_text_goes_with_output_and_an_input_with_a_folder(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--input" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "bhv"], "Did you mean 'bvh'"),
        (["--backbone", "strid"], "Did you mean 'stride'"),
        (["--workers", "2"], "add --engine ray"),
        (["--backbone", "stride", "--checkpoint", "nowhere"], "reads no checkpoint"),
        (["--checkpoint", "nowhere"], "No checkpoint folder at nowhere"),
        (["--seconds", "long"], "'auto'"),
        (["-O", "warmth=2"], "no option 'warmth'"),
    ],
)
def test_what_cannot_work_is_one_message_and_leaves_no_folder(
    source: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = CliRunner().invoke(
        app, ["generate", "--input", str(source), "--out", str(tmp_path / "out"), "--llm", "passthrough", *arguments]
    )
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_options_of_ray_are_refused_where_they_do_nothing(source: Path, tmp_path: Path) -> None:
    result = run("walk", "-o", tmp_path / "walk.npz", "--workers", 2)
    assert result.exit_code == 1
    assert "belong to Ray" in result.stderr


@pytest.mark.parametrize("option", ["--format", "--shard-size", "--batch-size"])
def test_an_option_for_many_prompts_is_refused_for_one(source: Path, tmp_path: Path, option: str) -> None:
    result = run("walk", "-o", tmp_path / "a.bvh", option, "bvh" if option == "--format" else 2)
    assert result.exit_code == 2
    assert "goes with --input FILE" in result.stderr
    assert not (tmp_path / "a.bvh").exists()
