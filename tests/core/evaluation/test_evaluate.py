"""A whole evaluation, on parametric clips and a model without weights: properties that every result has."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.errors import ConfigError
from actiongpt_core.evaluation.bootstrap import intervals
from actiongpt_core.evaluation.evaluate import Runs, evaluate, measure
from actiongpt_core.evaluation.evaluation import Evaluation, compare, read_evaluation
from actiongpt_core.evaluation.generating import ClipGenerator
from actiongpt_core.evaluation.items import clip_items, clip_seed, pair_items
from actiongpt_core.evaluation.joints import all_metric_joints
from actiongpt_core.evaluation.metrics import APE_AVE
from actiongpt_core.evaluation.nearest import nearest_text_motions
from actiongpt_core.evaluation.plots import draw
from actiongpt_core.evaluation.protocol import require_same
from actiongpt_core.evaluation.quality import foot_skates, jitters, mean_distances, multimodalities, pose_vectors
from actiongpt_core.evaluation.table import comparison, table
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.testing.fakes import FakeMotionModel, FakeProvider, FakeTextEncoder

CLIPS = 8


@pytest.fixture(scope="module")
def data() -> ProceduralSet:
    return ProceduralSet(variants=1, seconds=1.0, fps=20)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(FakeMotionModel(), llm=FakeProvider(), device="cpu")


@pytest.fixture(scope="module")
def result(pipeline: Pipeline, data: ProceduralSet) -> Evaluation:
    return evaluate(pipeline, data, split="test", num_samples=3, max_clips=CLIPS, baseline=False)


def _real(data: ProceduralSet) -> tuple[Any, list[torch.Tensor]]:
    items = clip_items(data, "test", max_clips=CLIPS).items
    return items, all_metric_joints([item.reference(data) for item in items])


def _measured(data: ProceduralSet, items: Any, runs: Sequence[Sequence[torch.Tensor]]) -> Evaluation:
    return measure(
        Runs(items=items, joints=runs, counts={}), data, "test", seeds={}, model={"backbone": None}, baseline=False
    )


def test_real_clips_have_no_error_against_themselves(data: ProceduralSet) -> None:
    items, real = _real(data)
    found = _measured(data, items, [real])
    assert all(found.metrics[name].value == pytest.approx(0, abs=1e-6) for name in APE_AVE)
    assert found.metrics["jitter"] == found.real["jitter"]
    assert found.metrics["diversity"] == found.real["diversity"]


def test_heading_and_place_on_the_ground_do_not_count(data: ProceduralSet) -> None:
    items, real = _real(data)
    turn = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # about the vertical axis, Y
    moved = [clip @ turn.T + torch.tensor([3.0, 0.0, -2.0]) for clip in real]
    found = _measured(data, items, [moved])
    assert found.metrics["APE_mean_pose"].value == pytest.approx(0, abs=1e-4)
    assert found.metrics["APE_root"].value == pytest.approx(0, abs=1e-3)


def test_the_order_of_clips_does_not_count(data: ProceduralSet) -> None:
    items, real = _real(data)
    wrong = real[1:] + real[:1]
    order = [5, 2, 7, 0, 1, 3, 6, 4]
    one = _measured(data, items, [wrong])
    other = _measured(data, [items[place] for place in order], [[wrong[place] for place in order]])
    for name, interval in one.metrics.items():
        assert other.metrics[name].value == pytest.approx(interval.value, rel=1e-9)


def test_the_best_of_more_runs_is_never_worse(data: ProceduralSet) -> None:
    items, real = _real(data)
    runs = [real[shift:] + real[:shift] for shift in (1, 2, 3)]
    roots = [_measured(data, items, runs[:count]).metrics for count in (1, 2, 3)]
    best = [roots[0]["APE_root"].value, *(metrics["best_APE_root"].value for metrics in roots[1:])]
    assert best == sorted(best, reverse=True)
    assert best[-1] <= roots[-1]["APE_root"].value


def test_the_plain_numbers_are_means_over_the_runs(data: ProceduralSet) -> None:
    items, real = _real(data)
    runs = [real[shift:] + real[:shift] for shift in (1, 2)]
    alone = [_measured(data, items, [run]).metrics["APE_mean_pose"].value for run in runs]
    assert _measured(data, items, runs).metrics["APE_mean_pose"].value == pytest.approx(sum(alone) / 2)


def test_an_evaluation_says_what_it_measured_and_how(result: Evaluation) -> None:
    content = result.to_dict()
    assert {"protocol", "metrics", "seeds", "counts", "versions"} <= content.keys()
    assert set(APE_AVE) | {"jitter", "diversity", "multimodality"} <= content["metrics"].keys()
    assert all(it["low"] <= it["value"] <= it["high"] for it in content["metrics"].values())
    assert content["seeds"] == {"seed": 0, "num_samples": 3}
    assert content["counts"]["evaluated"] == CLIPS
    assert content["versions"]["actiongpt-core"]


def test_a_result_comes_back_from_its_file(result: Evaluation, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(json.dumps(result.to_dict(), allow_nan=False), encoding="utf-8")
    again = read_evaluation(file)
    assert again.to_dict() == result.to_dict()
    found = compare(result, again)
    changes = [it.change for it in found.values() if it.change is not None]
    assert changes
    assert all(change.value == change.low == change.high == 0 for change in changes)


def test_a_file_that_is_no_result_is_told(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"other\.json.*not a result"):
        read_evaluation(tmp_path / "other.json")


def test_results_of_other_protocols_are_not_compared(
    result: Evaluation, pipeline: Pipeline, data: ProceduralSet
) -> None:
    other = evaluate(pipeline, data, split="test", num_samples=2, max_clips=CLIPS, baseline=False)
    with pytest.raises(ConfigError, match="differ in samples: 3 and 2"):
        compare(result, other)
    fewer = evaluate(pipeline, data, split="val", num_samples=3, max_clips=CLIPS, baseline=False)
    with pytest.raises(ConfigError, match="split: test and val"):
        require_same(result.protocol, fewer.protocol)


def test_the_table_has_every_metric_and_its_unit(result: Evaluation) -> None:
    lines = list(table(result))
    assert [line.split()[0] for line in lines[1 : len(result.metrics) + 1]] == list(result.metrics)
    assert f"protocol {result.protocol}" == lines[-1]


def test_a_difference_that_may_be_chance_says_so(result: Evaluation) -> None:
    assert any("may be chance" in line for line in comparison(compare(result, result)))


def test_plots_are_drawn(result: Evaluation, tmp_path: Path) -> None:
    files = draw(result, tmp_path / "plots")
    assert [file.name for file in files] == ["metrics.png", "clips.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_a_motion_is_the_same_in_any_batch_and_order(pipeline: Pipeline, data: ProceduralSet) -> None:
    items = clip_items(data, "test", max_clips=4).items
    wanted = [(item, index) for item in items for index in range(2)]
    one = {(made.item.key, made.index): made.motion for made in ClipGenerator(pipeline, batch_size=8).make(wanted)}
    other = {
        (made.item.key, made.index): made.motion
        for made in ClipGenerator(pipeline, batch_size=3).make(reversed(wanted))
    }
    for place, motion in one.items():
        again = other[place]
        assert motion is not None
        assert again is not None
        assert torch.equal(motion.rotations, again.rotations)


def test_each_motion_has_a_seed_of_its_own() -> None:
    seeds = {clip_seed(seed, key, index) for seed in range(3) for key in ("a", "b") for index in range(3)}
    assert len(seeds) == 18


def test_another_frame_rate_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(ConfigError, match="20 frames a second"):
        evaluate(pipeline, ProceduralSet(variants=1), split="test")


def test_a_split_that_is_not_there_is_told(pipeline: Pipeline, data: ProceduralSet) -> None:
    with pytest.raises(ConfigError, match="no split 'dev'"):
        evaluate(pipeline, data, split="dev")


def test_a_set_without_pairs_has_none(data: ProceduralSet) -> None:
    with pytest.raises(ConfigError, match="There is no pair"):
        pair_items(data, "test")


def test_clips_are_cut_to_the_longest_length_and_counted(data: ProceduralSet) -> None:
    found = clip_items(data, "test", max_clips=3, max_seconds=0.6)
    assert {item.num_frames for item in found.items} == {12}
    assert found.counts["cut"] == 3
    assert found.counts["over_max_clips"] == found.counts["clips"] - 3


def test_of_clips_with_the_nearest_text_one_answers(data: ProceduralSet) -> None:
    items = clip_items(data, "test", max_clips=CLIPS).items
    answers = nearest_text_motions(data, items, max_seconds=6.0, encoder=FakeTextEncoder())
    stored = {item.texts[0]: item.reference(data) for item in clip_items(data, "train").items}
    assert all(
        torch.equal(it.rotations, stored[item.texts[0]].rotations) for it, item in zip(answers, items, strict=True)
    )


def test_a_sliding_foot_skates_at_its_speed() -> None:
    clip = torch.zeros(20, 21, 3)
    clip[:, :, 1] = 0.02
    clip[:, :, 0] = torch.arange(20)[:, None] * 0.05
    assert foot_skates([clip], 20).item() == pytest.approx(1.0, rel=1e-5)


def test_constant_acceleration_is_the_jitter() -> None:
    clip = torch.zeros(30, 21, 3, dtype=torch.float64)
    clip[:, :, 0] = 0.5 * 3.0 * ((torch.arange(30) / 20) ** 2)[:, None]
    assert jitters([clip], 20).item() == pytest.approx(3.0, rel=1e-4)


def test_equal_motions_have_no_diversity(data: ProceduralSet) -> None:
    _, real = _real(data)
    vectors = pose_vectors([real[0]] * 3)
    assert float(mean_distances(vectors).max()) == pytest.approx(0, abs=1e-4)
    assert float(multimodalities([vectors, vectors]).max()) == pytest.approx(0, abs=1e-4)
    assert float(mean_distances(pose_vectors(real)).min()) > 0.01


def test_the_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    numbers, hits, trials = np.random.default_rng(0), 0, 200
    for trial in range(trials):
        found = intervals({"x": numbers.normal(1.0, 2.0, 60)}, draws=400, seed=trial)["x"]
        hits += found.low <= 1.0 <= found.high
    assert 0.90 <= hits / trials <= 0.98


def test_a_number_that_a_clip_does_not_have_is_left_out() -> None:
    found = intervals({"x": np.array([1.0, math.nan, 3.0]), "none": np.array([math.nan] * 3)})
    assert found["x"].value == 2.0
    assert "none" not in found


def test_a_weighted_mean_weighs() -> None:
    found = intervals({"x": np.array([1.0, 3.0])}, {"x": np.array([3.0, 1.0])})
    assert found["x"].value == pytest.approx(1.5)


def test_an_evaluation_is_frozen(result: Evaluation) -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        result.protocol = "other"  # type: ignore[misc]
