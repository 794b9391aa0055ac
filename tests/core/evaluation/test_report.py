"""A small set in the layout of the prepared CMU set: two texts, each in training and in test."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from actiongpt_core.data.cmu import CmuSet
from actiongpt_core.errors import ConfigError
from actiongpt_core.evaluation.report import evaluate_split, nearest_text_metrics, split_clips
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.testing.fakes import FakeMotionModel, FakeProvider, FakeTextEncoder

_SCALE = math.pi / 32767
_LENGTH = 60


@pytest.fixture
def cmu(tmp_path: Path) -> CmuSet:
    splits = ["train", "train", "test", "test"]
    poses, trans = np.zeros((4 * _LENGTH, 22, 3), dtype=np.int16), np.zeros((4 * _LENGTH, 3), dtype=np.float32)
    poses[:, 0, 0] = round(math.pi / 2 / _SCALE)
    trans[:, 2] = 0.94
    for clip in (0, 2):  # "walk slowly" moves, "stand" does not
        trans[clip * _LENGTH : (clip + 1) * _LENGTH, 1] = -np.arange(_LENGTH) / 30
    np.savez(tmp_path / "motions.npz", poses=poses, trans=trans, pose_scale=_SCALE, fps=30)
    recordings = [{"id": str(index), "offset": index * _LENGTH, "suspect": False} for index in range(4)]
    (tmp_path / "recordings.json").write_text(json.dumps(recordings))
    clips = [
        {"id": f"c{index}", "recording": str(index), "split": split, "start_frame": 0, "end_frame": _LENGTH}
        | {"texts": ["stand" if index % 2 else "walk slowly"], "text_scope": "clip", "action": None}
        for index, split in enumerate(splits)
    ]
    (tmp_path / "clips.json").write_text(json.dumps(clips))
    return CmuSet(tmp_path)


class _Model(FakeMotionModel):
    """The fake model at the frame rate of the set."""

    def __init__(self) -> None:
        super().__init__()
        self.fps = 30.0


def test_the_training_clip_of_the_same_text_is_the_nearest(cmu: CmuSet) -> None:
    numbers = nearest_text_metrics(cmu, "test", FakeTextEncoder())
    assert numbers["APE_root"] == pytest.approx(0, abs=1e-5)
    assert numbers["AVE_mean_joints"] == pytest.approx(0, abs=1e-5)


def test_a_report_compares_one_motion_a_clip_and_the_mean_of_runs(cmu: CmuSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actiongpt_core.evaluation.report.TransformersTextEncoder", FakeTextEncoder)
    report = evaluate_split(Pipeline(_Model(), llm=FakeProvider(), device="cpu"), cmu, seeds=(0, 1))
    assert report.num_clips == len(split_clips(cmu, "test")) == 2
    assert report.protocol.startswith("ape-ave/stick-")
    assert 0 < report.model["APE_mean_pose"] < math.inf
    assert report.model["APE_mean_pose"] != report.model_average["APE_mean_pose"]
    assert json.dumps(report.to_dict(), allow_nan=False)


def test_a_model_of_another_frame_rate_is_refused(cmu: CmuSet) -> None:
    with pytest.raises(ConfigError, match="20 frames a second"):
        evaluate_split(Pipeline(FakeMotionModel(), llm=FakeProvider(), device="cpu"), cmu)


def test_a_report_without_a_seed_is_refused(cmu: CmuSet) -> None:
    with pytest.raises(ConfigError, match="at least one seed"):
        evaluate_split(Pipeline(_Model(), llm=FakeProvider(), device="cpu"), cmu, seeds=())


def test_clips_are_cut_to_six_seconds(cmu: CmuSet) -> None:
    assert all(len(motion) <= 180 for _, motion in split_clips(cmu, "train"))
    assert torch.equal(split_clips(cmu, "train")[0][1].translation[0], torch.tensor([0.0, 0.0, 0.94]))
