"""The measurement of providers and aggregators: what it counts, and that it runs."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import attrs
import pytest
import torch

from actiongpt_core.evaluation.probes import BY_NAME, PROBES
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.testing.fakes import FakeLanguageModel, FakeMotionModel, FakeTextEncoder
from actiongpt_core.text.providers.passthrough import PassthroughProvider
from actiongpt_core.types.motion import Motion

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("language_runs")


@pytest.fixture
def script(runs: ModuleType) -> ModuleType:
    return importlib.import_module("language")


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(FakeMotionModel(), llm=PassthroughProvider(), device="cpu")


@pytest.fixture
def clips(pipeline: Pipeline) -> list[tuple[str, Motion]]:
    return [("walk", pipeline.generate("walk", seconds=1, seed=seed)) for seed in (5, 6)] + [
        ("run", pipeline.generate("run", seconds=2, seed=7))
    ]


# --- texts and descriptions ------------------------------------------------------------------------------------------


def test_there_are_forty_texts_five_of_each_required_probe(runs: ModuleType) -> None:
    assert len(runs.TEXTS) == 40
    assert Counter(probe.name for probe in runs.TEXTS.values()) == {it.name: 5 for it in PROBES if it.required}


def test_a_text_of_the_training_is_known_and_a_wording_of_a_probe_is_not(runs: ModuleType) -> None:
    assert not runs.is_new("walk forward")
    assert [text for probe in PROBES for text in probe.wordings if not runs.is_new(text)] == []


def test_every_recorded_file_describes_every_text(runs: ModuleType) -> None:
    files = list(runs.RECORDED.glob("*.json"))
    assert files
    assert set(runs.providers()) == {"passthrough", "pack", *(file.stem for file in files)}
    assert all(json.loads(file.read_text(encoding="utf-8"))["about"]["model"] for file in files)


def test_a_file_that_lacks_a_text_stops_the_run(
    runs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.json").write_text(json.dumps({"walk forward": ["The legs move."] * 4}), encoding="utf-8")
    monkeypatch.setattr(runs, "RECORDED", tmp_path)
    with pytest.raises(SystemExit, match=r"mine.json does not hold 4"):
        runs.providers()


def test_local_is_recorded_once_for_each_text_and_strategy(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clips: list[tuple[str, Motion]]
) -> None:
    model = FakeLanguageModel()
    content = _record(script, model, clips, tmp_path, monkeypatch)
    _record(script, model, clips, tmp_path, monkeypatch)
    assert len(model.asked) == 42
    assert content["about"]["model"] == "scripted"
    assert content["about"]["strategy"].startswith("action-gpt, version ")
    assert {len(texts) for texts in content["descriptions"].values()} == {4}
    assert {"walk", "run"} < set(content["descriptions"])


def test_a_text_that_the_model_cannot_describe_is_recorded_as_itself_and_named(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = FakeLanguageModel(lambda prompt, draw: "No." if "dash ahead" in prompt.text else "Both of the legs move.")
    content = _record(script, model, [], tmp_path, monkeypatch)
    assert content["about"]["not described"] == ["dash ahead"]
    assert content["descriptions"]["dash ahead"] == ["dash ahead"] * 4


def _record(
    script: ModuleType,
    model: FakeLanguageModel,
    clips: list[tuple[str, Motion]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setattr(script, "get_registry", lambda: SimpleNamespace(build_provider=lambda *_, **__: model))
    monkeypatch.setattr(script, "RECORDED", folder)
    monkeypatch.setattr(script, "STRATEGIES", ("action-gpt",))
    script.record(clips)
    return json.loads((folder / "local-action-gpt.json").read_text(encoding="utf-8"))


# --- counting --------------------------------------------------------------------------------------------------------


def test_the_first_row_is_the_bare_phrase_by_the_mean(runs: ModuleType) -> None:
    provider, name, _, k = next(runs.arms(["passthrough", "pack"]))
    assert (provider, name, k) == ("passthrough", "mean", 4)


def test_one_description_alone_is_that_description(runs: ModuleType) -> None:
    features = FakeTextEncoder().encode(["walk", "step to the left", "hop on"])
    taken = runs.alone(2)(features)
    assert torch.equal(taken.tokens, features.tokens[2, :2])
    assert features.pooled is not None
    assert torch.equal(taken.pooled, features.pooled[2])


def test_passes_are_counted_text_by_text_and_compared_within_a_seed(
    runs: ModuleType, monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline
) -> None:
    def probe(name: str, measure: float) -> Any:
        return attrs.evolve(BY_NAME[name], passes=lambda motion: True, measure=lambda motion: measure)

    texts = {"walk forward": probe("walk", 1.0), "dash": probe("run", 1.0), "sit": probe("sit", 0.0)}
    monkeypatch.setattr(runs, "TEXTS", texts)
    assert runs.probes_passed(pipeline, (0, 1)) == {"walk forward": 2, "dash": 0, "sit": 2}


def test_errors_are_those_of_all_clips_and_of_the_clips_of_each_text(
    runs: ModuleType, pipeline: Pipeline, clips: list[tuple[str, Motion]]
) -> None:
    means, by_text = runs.split_errors(pipeline, (0,), clips)
    frames = {"walk": 40, "run": 40}
    assert set(by_text) == set(frames)
    weighted = sum(by_text[text] * count for text, count in frames.items()) / sum(frames.values())
    assert weighted == pytest.approx(means["APE_root"], rel=1e-5)
    assert runs.split_errors(pipeline, (0,), []) == ({}, {})


def test_a_gain_is_weighed_by_frames_and_lies_between_those_of_the_texts(
    script: ModuleType, clips: list[tuple[str, Motion]]
) -> None:
    clips = [clips[0], clips[2]]  # 20 and 40 frames
    assert script.gain({"walk": 0.9, "run": 0.9}, {"walk": 0.6, "run": 0.9}, clips) == "0.10 (0.00 to 0.30)"
    assert script.gain({"walk": 0.9, "run": 0.9}, {}, clips) == "-"


# --- running ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["language", "temperatures"])
def test_a_script_runs_and_writes_its_tables(
    name: str,
    runs: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = importlib.import_module(name)

    def build(backbone: Any = None, **options: Any) -> Pipeline:
        options.pop("checkpoint", None)
        return Pipeline(backbone or FakeMotionModel(), device="cpu", **options)

    monkeypatch.delenv("ACTIONGPT_CMU", raising=False)
    monkeypatch.setattr(script, "Pipeline", build)
    texts = {text: runs.TEXTS[text] for text in ("walk forward", "dash ahead")}
    for module in (runs, script, importlib.import_module("language")):
        monkeypatch.setattr(module, "TEXTS", texts)
    page = tmp_path / "new" / "table.md"
    monkeypatch.setattr("sys.argv", f"{name}.py --seeds 2 --markdown {page}".split())
    script.main()
    shown, written = capsys.readouterr().out, page.read_text(encoding="utf-8")
    for word in ("aggregator", "concat", "large-model") if name == "language" else ("temperature", "inf"):
        assert word in shown
        assert word in written


@pytest.mark.parametrize("name", ["language", "temperatures"])
def test_a_script_says_what_it_takes(
    name: str, runs: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit, match="0"):
        importlib.import_module(name).main()
    assert "--checkpoint" in capsys.readouterr().out
