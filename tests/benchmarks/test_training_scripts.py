"""The scripts that time training, evaluation and preparation, at tiny sizes."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def _load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))  # the scripts share a function
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_a_training_step_is_timed_and_its_layers_are_torchs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("actiongpt_teach")
    script = _load("training", monkeypatch)
    config = script.TeachConfig(latent_dim=16, text_layers=1, motion_layers=1, decoder_layers=1, ff_size=16)
    sizes = script.Sizes(frames=20, batch=2, shortest=0.5, config=config, text_layers=1)
    found = script.measure(sizes, 1)
    assert found["bound"] > 1
    assert 0 < found["share_of_bound"] <= 1
    assert script.largest_difference(sizes) < 1e-5


def test_an_evaluation_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _load("evaluation", monkeypatch).seconds(5, 2, 1)
    assert found["clips"] == 5
    assert found["all"] == found["joints"] + found["metrics"]


def test_preparation_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _load("preparation", monkeypatch).times_real_time(0.2, 2) > 0
