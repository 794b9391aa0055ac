"""Sampled motions in a folder: whole files, gone on with, the same numbers as a direct evaluation; both layouts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.errors import ConfigError, DataError, MissingAssetError
from actiongpt_core.evaluation.evaluate import evaluate
from actiongpt_core.evaluation.metrics import APE_AVE
from actiongpt_core.evaluation.reading import evaluate_samples
from actiongpt_core.evaluation.sample_files import read_joint_file
from actiongpt_core.evaluation.sampling import sample
from actiongpt_core.export.npz import load_npz
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.testing.fakes import FakeMotionModel, FakeProvider

CLIPS = 5


@pytest.fixture(scope="module")
def data() -> ProceduralSet:
    return ProceduralSet(variants=1, seconds=1.0, fps=20)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(FakeMotionModel(), llm=FakeProvider(), device="cpu")


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.np?"))}


def test_each_clip_has_a_file_a_motion(pipeline: Pipeline, data: ProceduralSet, tmp_path: Path) -> None:
    report = sample(pipeline, data, tmp_path / "out", split="test", num_samples=2, max_clips=CLIPS)
    assert (report.motions, report.made, report.before) == (2 * CLIPS, 2 * CLIPS, 0)
    motions = [load_npz(file) for file in (tmp_path / "out").glob("*.npz")]
    assert [len(motion) for motion in motions] == [20] * (2 * CLIPS)


def test_a_second_run_makes_what_is_missing_and_the_same(
    pipeline: Pipeline, data: ProceduralSet, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    sample(pipeline, data, out, split="test", num_samples=2, max_clips=CLIPS)
    before = _files(out)
    for name in list(before)[::2]:
        (out / name).unlink()
    (out / ".0123456789abcdef.part.npz").write_bytes(b"half")
    report = sample(pipeline, data, out, split="test", num_samples=2, max_clips=CLIPS, batch_size=1)
    assert report.made == len(list(before)[::2])
    assert {name: np.load(out / name)["poses"].tobytes() for name in before} == {
        name: np.load(out / name)["poses"].tobytes() for name in _files(out)
    }
    assert not list(out.glob(".*"))


def test_samples_give_the_numbers_of_a_direct_evaluation(
    pipeline: Pipeline, data: ProceduralSet, tmp_path: Path
) -> None:
    sample(pipeline, data, tmp_path / "out", split="test", num_samples=2, max_clips=CLIPS)
    direct = evaluate(pipeline, data, split="test", num_samples=2, max_clips=CLIPS, baseline=False)
    found = evaluate_samples(tmp_path / "out", data, split="test", baseline=False)
    assert found.protocol == direct.protocol
    for name in APE_AVE:
        assert found.metrics[name].value == pytest.approx(direct.metrics[name].value, abs=1e-5)


def test_the_published_layout_holds_joints_texts_and_lengths_and_is_read_back(
    pipeline: Pipeline, data: ProceduralSet, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    sample(pipeline, data, out, split="test", layout="published", max_clips=CLIPS)
    files = sorted(out.glob("samples_no-slerp_unaligned/checkpoint-last/test/*.npy"))
    assert len(files) == CLIPS
    content = np.load(files[0], allow_pickle=True).item()
    assert content.keys() == {"motion", "text", "lengths"}
    assert (content["motion"].shape, content["motion"].dtype) == ((20, 21, 3), np.float32)
    assert content["lengths"] == [20]
    assert torch.equal(read_joint_file(files[0]).joints, torch.from_numpy(content["motion"]))
    direct = evaluate(pipeline, data, split="test", max_clips=CLIPS, baseline=False)
    found = evaluate_samples(out, data, split="test", baseline=False)
    for name in APE_AVE:
        assert found.metrics[name].value == pytest.approx(direct.metrics[name].value, abs=1e-4)


def test_files_of_the_originals_are_found_by_the_keys_of_clips(
    pipeline: Pipeline, data: ProceduralSet, tmp_path: Path
) -> None:
    sample(pipeline, data, tmp_path / "out", split="test", layout="published", max_clips=CLIPS)
    folder = next((tmp_path / "out").glob("samples*/*/*"))
    found = evaluate_samples(folder, data, split="test", baseline=False)
    assert found.counts["evaluated"] == CLIPS
    assert found.counts["without_file"] == len(data.segments("test")) - CLIPS
    assert "foot_skate" not in found.metrics


def test_a_pickle_that_names_code_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "evil.npy", np.array(Path("x"), dtype=object), allow_pickle=True)
    with pytest.raises(DataError):
        read_joint_file(tmp_path / "evil.npy")


def test_other_settings_are_refused_and_named(pipeline: Pipeline, data: ProceduralSet, tmp_path: Path) -> None:
    sample(pipeline, data, tmp_path / "out", split="test", max_clips=CLIPS)
    with pytest.raises(ConfigError, match="seed 0, now 1"):
        sample(pipeline, data, tmp_path / "out", split="test", max_clips=CLIPS, seed=1)


def test_a_folder_with_other_files_is_left_alone(pipeline: Pipeline, data: ProceduralSet, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("All my work.", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds no samples"):
        sample(pipeline, data, tmp_path, split="test")


def test_missing_motions_are_told(pipeline: Pipeline, data: ProceduralSet, tmp_path: Path) -> None:
    sample(pipeline, data, tmp_path / "out", split="test", max_clips=CLIPS)
    next((tmp_path / "out").glob("*.npz")).unlink()
    with pytest.raises(ConfigError, match="lacks 1 motions"):
        evaluate_samples(tmp_path / "out", data, split="test", baseline=False)


def test_samples_of_another_split_or_set_are_refused(pipeline: Pipeline, data: ProceduralSet, tmp_path: Path) -> None:
    sample(pipeline, data, tmp_path / "out", split="test", max_clips=CLIPS)
    with pytest.raises(ConfigError, match="split 'test', not of 'val'"):
        evaluate_samples(tmp_path / "out", data, split="val")
    other = ProceduralSet(variants=1, seconds=0.8, fps=20)
    with pytest.raises(ConfigError, match="Name the data set"):
        evaluate_samples(tmp_path / "out", other, split="test")


def test_a_folder_that_is_not_there_is_told(data: ProceduralSet, tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match="There is no folder"):
        evaluate_samples(tmp_path / "none", data, split="test")


def test_a_damaged_manifest_is_told(pipeline: Pipeline, data: ProceduralSet, tmp_path: Path) -> None:
    sample(pipeline, data, tmp_path / "out", split="test", max_clips=1)
    (tmp_path / "out" / "sample.json").write_text(json.dumps({"layout": 3}), encoding="utf-8")
    with pytest.raises(ConfigError, match="damaged"):
        sample(pipeline, data, tmp_path / "out", split="test", max_clips=1)
