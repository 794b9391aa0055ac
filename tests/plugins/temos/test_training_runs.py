"""Training runs as users start them: paused, killed, shared by processes, begun from weights; on parametric data."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.errors import ConfigError
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.text.providers.passthrough import PassthroughProvider
from actiongpt_core.training.curves import read_curves
from actiongpt_core.training.keeping import Progress
from actiongpt_core.training.trainer import Trained, train

SET = {"variants": 2, "seed": 1}
#: One length a batch comes of clips of one length; no dropout in this preset.
EVEN: Mapping[str, Mapping[str, Any]] = {
    "training": {"log_every": 1, "save_every": 5, "pictures_every": 0, "validate_every": 10},
    "sampling": {"variants": 0},
}


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("states")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, states: Path) -> Path:
    """Twenty steps without a pause."""
    out = tmp_path_factory.mktemp("whole") / "run"
    _train(out, states, 20)
    return out


def _train(
    out: Path, states: Path, steps: int, changes: Mapping[str, Mapping[str, Any]] = EVEN, **more: Any
) -> Trained:
    merged = {name: dict(values) for name, values in changes.items()}
    merged.setdefault("training", {})["max_steps"] = steps
    told: dict[str, Any] = {"llm": PassthroughProvider(), "states": states}
    return train("temos", ProceduralSet(**SET), out, preset="tiny", changes=merged, **told, **more)


def _command(out: Path, states: Path, steps: int, *more: str) -> list[str]:
    settings = [f"{section}.{name}={value}" for section, values in EVEN.items() for name, value in values.items()]
    options = [part for setting in settings for part in ("--set", setting)]
    data = [part for name, value in SET.items() for part in ("-D", f"{name}={value}")]
    named = ["--backbone", "temos", "--data", "procedural", *data, "--preset", "tiny", "--out", str(out)]
    told = ["--llm", "passthrough", "--text-states", str(states)]
    run = [*named, *told, "--max-steps", str(steps), "--accelerator", "cpu", *options, *more]
    return [sys.executable, "-m", "actiongpt_core.cli.main", "train", *run]


def _losses(out: Path) -> list[tuple[int, float]]:
    return read_curves(out / "logs")["loss"]


def _same_weights(one: Path, other: Path) -> bool:
    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_in_parts_is_the_run_without_a_pause(tmp_path: Path, states: Path, whole: Path) -> None:
    out = tmp_path / "run"
    assert _train(out, states, 10).new_steps == 10
    assert _train(out, states, 20).new_steps == 10
    assert _losses(out) == _losses(whole)
    assert _same_weights(out / "last", whole / "last")


def test_a_killed_run_goes_on_to_the_same_curve(tmp_path: Path, states: Path, whole: Path) -> None:
    out = tmp_path / "run"
    process = subprocess.Popen(_command(out, states, 20), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    state = out / "state.ckpt"
    until = time.monotonic() + 120
    while not state.is_file() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
    subprocess.run(_command(out, states, 20), check=True, capture_output=True)
    found, wanted = _losses(out), _losses(whole)
    assert set(found) <= set(wanted)
    assert len(found) >= len(wanted) - 1  # the line of the step at which it was killed may be lost
    assert _same_weights(out / "last", whole / "last")
    assert _same_weights(out, whole)


def test_two_processes_have_the_curve_of_one(tmp_path: Path, states: Path, whole: Path) -> None:
    out = tmp_path / "run"
    done = subprocess.run(_command(out, states, 6, "--devices", "2"), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("steps in") == 1
    alone = dict(_losses(whole))
    shared = dict(_losses(out))
    assert list(shared) == list(range(6))
    assert shared == {step: pytest.approx(alone[step], rel=1e-5) for step in shared}


def test_the_folder_is_a_checkpoint_that_names_its_backbone(whole: Path) -> None:
    pipeline = Pipeline(checkpoint=whole, device="cpu")
    assert pipeline.backbone == "temos"
    assert len(pipeline.generate("walk", seconds=2, seed=0)) == 60


def test_the_folder_holds_what_the_reference_promises(whole: Path) -> None:
    assert {item.name for item in whole.iterdir()} == {
        "card.md",
        "config.json",
        "curve.png",
        "last",
        "logs",
        "model.safetensors",
        "run.json",
        "state.ckpt",
    }
    record = json.loads((whole / "run.json").read_text(encoding="utf-8"))
    assert record["result"]["steps"] == 20
    assert record["result"]["best_step"] in (10, 20)
    assert "lowest loss" in (whole / "card.md").read_text(encoding="utf-8")


def test_pictures_are_drawn_on_the_way(tmp_path: Path, states: Path) -> None:
    out = tmp_path / "run"
    _train(out, states, 4, {"training": {"pictures_every": 2}, "sampling": {"variants": 0}})
    names = sorted(file.name for file in (out / "pictures").iterdir())
    assert len(names) == 8
    assert {name[:11] for name in names} == {"step_000002", "step_000004"}


def test_it_is_told_how_far_the_run_is(tmp_path: Path, states: Path) -> None:
    seen: list[Progress] = []
    _train(tmp_path / "run", states, 4, report=seen.append)
    steps = [item for item in seen if item.phase == "steps"]
    assert [item.done for item in steps] == [1, 2, 3, 4]
    assert steps[-1].total == 4
    assert "loss" in steps[-1].losses


def test_a_finished_run_has_nothing_left_to_do(states: Path, whole: Path) -> None:
    assert _train(whole, states, 20).new_steps == 0


def test_another_setting_is_another_run(states: Path, whole: Path) -> None:
    other = {**EVEN, "training": {**EVEN["training"], "learning_rate": 1e-4}}
    with pytest.raises(ConfigError, match=r"training\.learning_rate: 0\.0001, was 0\.002"):
        _train(whole, states, 20, other)


def test_other_data_are_another_run(states: Path, whole: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.options"):
        _train(whole, states, 20, data_options={"variants": 9})


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, states: Path) -> None:
    (tmp_path / "thesis.tex").write_text("All my work.", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds files and no run"):
        _train(tmp_path, states, 2)
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.tex"]


def test_fine_tuning_begins_with_the_weights_of_a_checkpoint(tmp_path: Path, states: Path, whole: Path) -> None:
    changes = {**EVEN, "training": {**EVEN["training"], "learning_rate": 1e-12, "weight_decay": 0.0}}
    _train(tmp_path / "run", states, 1, changes, start=whole)
    assert _same_weights(tmp_path / "run" / "last", whole)
    assert json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["start"] == str(whole)


def test_fine_tuning_takes_the_models_settings_from_the_checkpoint(tmp_path: Path, states: Path, whole: Path) -> None:
    with pytest.raises(ConfigError, match=r"leave out model\.latent_dim"):
        _train(tmp_path / "run", states, 1, {"model": {"latent_dim": 64}}, start=whole)


def test_a_batch_that_cannot_be_shared_alike_is_refused(tmp_path: Path, states: Path) -> None:
    changes = {**EVEN, "training": {**EVEN["training"], "batch_size": 5}}
    with pytest.raises(ConfigError, match="cannot be shared by 2 devices"):
        _train(tmp_path / "run", states, 2, changes, devices=2, accelerator="cpu")


def test_averaged_weights_are_those_that_are_kept(tmp_path: Path, states: Path, whole: Path) -> None:
    changes = {**EVEN, "training": {**EVEN["training"], "ema": 0.9}}
    _train(tmp_path / "run", states, 20, changes)
    assert _losses(tmp_path / "run") == _losses(whole)
    assert not _same_weights(tmp_path / "run" / "last", whole / "last")


def test_the_command_says_what_it_did_as_json(tmp_path: Path, states: Path) -> None:
    done = subprocess.run(_command(tmp_path / "run", states, 2, "--json"), check=True, capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert (told["steps"], told["new_steps"], told["folder"]) == (2, 2, str((tmp_path / "run").resolve()))
