"""`actiongpt sample` and `actiongpt evaluate`: what they print, write and refuse; a killed run is gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_study import STRIDE
from typer.testing import CliRunner, Result

from actiongpt_core.cli.main import app

DATA = ["--data", "procedural", "-D", "variants=1", "-D", "seconds=1.0", "-D", "fps=20", "--split", "test"]
MODEL = ["--backbone", "stride", "--llm", "passthrough", "--device", "cpu"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)


@pytest.fixture(autouse=True)
def stride(install: Callable[..., None]) -> None:
    install("stride", STRIDE)


def test_sample_says_what_it_made_and_where(tmp_path: Path) -> None:
    command = ["sample", *DATA, *MODEL, "--max-clips", 3, "--num-samples", 2, "--out", tmp_path / "out"]
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == ["6 motions made, 0 were there already, of 6", str(tmp_path / "out")]
    told = json.loads(run(*command, "--json").stdout)
    assert (told["motions"], told["made"], told["before"]) == (6, 0, 6)


def test_a_killed_sample_run_is_gone_on_with(tmp_path: Path) -> None:
    out = tmp_path / "out"
    paths = [str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "actiongpt_core.cli.main", "sample", *DATA, *MODEL, "--num-samples", "20"]
    command += ["--batch-size", "1", "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while len(list(out.glob("*.npz"))) < 5 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
    kept = len([file for file in out.glob("*.npz") if not file.name.startswith(".")])
    told = json.loads(run("sample", *DATA, *MODEL, "--num-samples", 20, "--out", out, "--json").stdout)
    assert told["before"] == kept
    assert told["before"] + told["made"] == told["motions"] == len(list(out.glob("[!.]*.npz")))


def test_evaluate_prints_a_table_and_writes_what_it_is_told(tmp_path: Path) -> None:
    result = run(
        "evaluate", *DATA, *MODEL, "--max-clips", 3, "--json", tmp_path / "r.json", "--plots", tmp_path / "plots"
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split()[:3] == ["metric", "unit", "value"]
    assert "protocol metrics=ape-ave" in result.stdout
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["seeds"] == {"seed": 0, "num_samples": 1}
    assert sorted(file.name for file in (tmp_path / "plots").iterdir()) == ["clips.png", "metrics.png"]


def test_two_results_are_compared(tmp_path: Path) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for seed, file in enumerate(files):
        run("evaluate", *DATA, *MODEL, "--max-clips", 3, "--seed", seed, "--json", file)
    result = run("evaluate", "--compare", *files, "--json", tmp_path / "c.json")
    assert result.exit_code == 0, result.output
    assert "second - first" in result.stdout
    assert "APE_root" in json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))


def test_results_of_other_clips_are_not_compared(tmp_path: Path) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for count, file in enumerate(files, 2):
        run("evaluate", *DATA, *MODEL, "--max-clips", count, "--json", file)
    result = run("evaluate", "--compare", *files)
    assert result.exit_code == 1
    assert "differ in clips" in result.stderr


def test_samples_are_measured_without_a_model(tmp_path: Path) -> None:
    run("sample", *DATA, *MODEL, "--max-clips", 3, "--out", tmp_path / "out")
    result = run("evaluate", *DATA, "--samples", tmp_path / "out")
    assert result.exit_code == 0, result.output
    refused = run("evaluate", *DATA, "--samples", tmp_path / "out", "--backbone", "stride")
    assert refused.exit_code == 2


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    result = run("evaluate", *DATA, *MODEL, "--json", tmp_path / "none" / "r.json")
    assert result.exit_code == 1
    assert "does not exist" in result.stderr


def test_evaluate_without_a_set_says_what_to_give() -> None:
    result = run("evaluate")
    assert result.exit_code == 2
    assert "--data NAME" in result.output
