"""Windows of BABEL as the original's parser and loader make them, and samples of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from babel_files import SIT, WALK, label, sequence, smplh_motion, write_amass, write_babel, write_small_set
from typer.testing import CliRunner

from actiongpt_core.cli.main import app
from actiongpt_core.data.babel import BabelSource
from actiongpt_core.data.prepare import PrepareReport, prepare
from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import DataSet
from actiongpt_core.registry import get_registry
from actiongpt_core.testing.data_set import DataSetSuite
from actiongpt_motionclip import MotionClip, MotionClipConfig
from actiongpt_motionclip.babel_windows import BabelWindows, BabelWindowsSource
from actiongpt_motionclip.training import MotionClipRecipe
from actiongpt_motionclip.windows import FrameSampler, FrameSampling, encode_frames


def build(folder: Path, **options: Any) -> tuple[BabelWindows, PrepareReport]:
    report = prepare(BabelWindowsSource(folder, **options), folder / "set")
    return BabelWindows(folder / "set"), report


def build_one(folder: Path, frames: Any, num_frames: int = 960, *, path: str = WALK, **changes: Any) -> BabelWindows:
    """One recording of 8 s with these labels."""
    write_amass(folder / "amass" / path, num_frames, fps=changes.pop("fps", 120.0))
    return build(write_babel(folder, train=[sequence(12, path, 8.0, frames, **changes)], val=[]))[0]


class TestConformance(DataSetSuite):
    def build_data_set(self, folder: Path) -> DataSet:
        return build(write_small_set(folder))[0]


def test_a_recording_is_cut_into_whole_windows_of_100_frames(tmp_path: Path) -> None:
    data, _ = build(write_small_set(tmp_path))
    assert [(item.key, item.start, item.end, item.scope) for item in data.segments("train")] == [
        ("12-0", 0, 100, "window"),
        ("12-1", 100, 200, "window"),
    ]


def test_a_window_is_told_by_the_raw_labels_of_its_frames_sorted_and_joined(tmp_path: Path) -> None:
    data, _ = build(write_small_set(tmp_path))
    assert [item.texts for item in data.segments("val")] == [
        ("t-pose and transition and walks forth",),
        ("sits down and transition",),
    ]


def test_the_later_of_two_labels_counts_and_where_there_is_none_the_label_is_empty(tmp_path: Path) -> None:
    data = build_one(tmp_path, [label("walk", 1.0, 5.0), label("wave", 2.0, 3.0)])
    labels = data.frame_labels("12", 0, 240)
    assert labels == [""] * 30 + ["walk"] * 30 + ["wave"] * 30 + ["walk"] * 60 + [""] * 90
    assert [item.texts for item in data.segments("train")] == [(" and walk and wave",), (" and walk",)]


def test_labels_lie_on_frames_by_the_duration_that_babel_tells(tmp_path: Path) -> None:
    # 1200 frames in 8 s by BABEL: 150 a second, whatever the file says of its rate.
    data = build_one(tmp_path, [label("walk", 0, 4.0)], 1200)
    assert data.frame_labels("12", 0, 300) == ["walk"] * 150 + [""] * 150


def test_without_labels_of_frames_those_of_the_whole_hold_joined_as_the_original_joins_them(tmp_path: Path) -> None:
    data = build_one(tmp_path, None, seq_ann={"labels": [label("walk"), label("wave")]})
    assert [item.texts for item in data.segments("train")] == [("walkand wave",)] * 2


def test_a_window_has_the_categories_of_all_its_labels(tmp_path: Path) -> None:
    labels = [label("walks", 0, 3, act_cat=["walk", "turn"]), label("jogs", 3, 8, act_cat=["run", "turn"])]
    first, second = build_one(tmp_path, labels).segments("train")
    assert first.categories == ("walk", "turn", "run")
    assert second.categories == ("run", "turn")


def test_windows_without_any_label_are_left_out(tmp_path: Path) -> None:
    data = build_one(tmp_path, [label("walk", 4.0, 6.0)])
    assert [(item.key, item.texts) for item in data.segments("train")] == [("12-1", (" and walk",))]


@pytest.mark.parametrize(("fps", "step"), [(100.0, 3), (120.0, 4), (60.0, 2), (25.0, 1), (59.0, 2)])
def test_each_nth_frame_stays_that_comes_nearest_to_30_a_second(tmp_path: Path, fps: float, step: int) -> None:
    data = build_one(tmp_path, [label("walk", 0, 8)], 480, fps=fps)
    poses, _ = smplh_motion(480)
    hands = poses.reshape(-1, 52, 3)[::step][:, [22, 37]]
    np.testing.assert_allclose(data.extra("12", "hands", 0, len(hands)), hands, atol=1e-6)
    with pytest.raises(ConfigError):
        data.motion("12", 0, len(hands) + 1)


def test_what_is_left_out_is_counted_by_reason(tmp_path: Path) -> None:
    frames = [label("walk", 0, 1)]
    paths = ["CMU/CMU/1/a_poses.npz", "CMU/CMU/1/b_poses.npz", "DanceDB/DanceDB/1/c_poses.npz", SIT]
    entries = [sequence(number, path, 1.0, frames) for number, path in enumerate(paths)]
    write_amass(tmp_path / "amass" / paths[0], 236, fps=120)
    write_amass(tmp_path / "amass" / paths[1], 960, fps=24)
    write_amass(tmp_path / "amass" / SIT, 237, fps=120)  # 60 frames stay, the first and the last among them
    _, report = build(write_babel(tmp_path, train=entries, val=[]))
    assert dict(report.recordings) == {"train": 1}
    assert dict(report.rejected) == {
        "shorter than 60 frames": 1,
        "of a frame rate that no step brings to within 5 of 30": 1,
        "of DanceDB, which the original does not use": 1,
    }


def test_a_file_without_hands_is_damage(tmp_path: Path) -> None:
    folder = write_small_set(tmp_path)
    write_amass(folder / "amass" / SIT, 960, poses=smplh_motion(960)[0][:, :66])
    _, report = build(folder)
    assert list(report.damaged) == ["7"]
    assert "22 joints" in report.damaged["7"]


def test_another_prepared_set_is_refused(tmp_path: Path) -> None:
    prepare(BabelSource(write_small_set(tmp_path)), tmp_path / "other")
    with pytest.raises(ConfigError, match="--data babel"):
        BabelWindows(tmp_path / "other")


def test_the_command_prepares_it_and_the_registry_opens_it(tmp_path: Path) -> None:
    arguments = ["--source", str(write_small_set(tmp_path)), "--out", str(tmp_path / "set"), "--json"]
    result = CliRunner().invoke(app, ["data", "prepare", "babel-windows", *arguments])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["recordings"] == {"train": 1, "val": 1}
    assert len(get_registry().open_data_set("babel-windows", tmp_path / "set").segments("val")) == 2


# --- samples ---------------------------------------------------------------------------------------------------------


def published(data: DataSet, split: str) -> FrameSampler:
    """The published recipe's sampler, for a set without images."""
    recipe = MotionClipRecipe()
    frames = {name: getattr(MotionClipConfig(), name) for name in ("row_24", "root_orientation")}
    preset = recipe.presets["action-gpt"]
    objective = attrs.evolve(preset.objective, image_cosine=0.0, image_mse=0.0, image_ce=0.0)
    model = MotionClip(MotionClipConfig.tiny(**frames))
    sampler = recipe.sampler(attrs.evolve(preset, objective=objective), model, data, split, seed=3)
    assert isinstance(sampler, FrameSampler)
    return sampler


def told(sampler: FrameSampler, epochs: int = 30) -> set[str]:
    """The texts of samples of recordings of two windows."""
    samples = [item for step in range(epochs) for item in sampler.draw(step, 2, [0, 1])]
    assert {len(item.actions[0].features) for item in samples} == {60}
    texts = {item.actions[0].texts for item in samples}
    assert texts <= set(sampler.texts())
    return {text for (text,) in texts}


def test_a_sample_is_60_frames_of_a_window_told_by_their_own_labels(tmp_path: Path) -> None:
    # The first window changes at its frame 45: 60 frames always hold both labels, unless they begin behind it.
    data = build_one(tmp_path, [label("walk", 0, 1.5), label("wave", 1.5, 8.0)])
    assert told(published(data, "train")) == {"walk and wave", "wave"}


def test_frames_without_a_label_are_told_as_their_window(tmp_path: Path) -> None:
    # The first window is labelled from frame 90 on, which only the last 60 frames but ten or so reach.
    data = build_one(tmp_path, [label("walk", 3.0, 8.0)])
    assert told(published(data, "train")) == {" and walk", "walk"}


def test_validation_takes_the_first_frames_of_each_window_with_the_hands_of_the_file(tmp_path: Path) -> None:
    data, _ = build(write_small_set(tmp_path))
    sampler = published(data, "val")
    for sample, start in zip(sampler.draw(0, 8, range(8)), (0, 100), strict=True):
        end = start + 60
        hands = torch.from_numpy(data.extra("7", "hands", start, end))
        expected = encode_frames(sampler.model, data.motion("7", start, end), hands)
        assert torch.equal(sample.actions[0].features, expected)
        assert not torch.allclose(expected, encode_frames(sampler.model, data.motion("7", start, end)))


def test_a_set_without_hands_and_labels_of_frames_is_sampled_too(tmp_path: Path) -> None:
    prepare(BabelSource(write_small_set(tmp_path)), tmp_path / "set")
    data = get_registry().open_data_set("babel", tmp_path / "set")
    samples = published(data, "val").draw(0, 8, range(8))
    assert [item.actions[0].texts for item in samples] == [("walk",), ("sit down",)]


def test_the_published_objective_asks_for_images(tmp_path: Path) -> None:
    data, _ = build(write_small_set(tmp_path))
    recipe = MotionClipRecipe()
    with pytest.raises(ConfigError, match="image_cosine"):
        recipe.sampler(recipe.presets["action-gpt"], MotionClip(MotionClipConfig.tiny()), data, "train", seed=0)


def test_windows_shorter_than_a_sample_are_counted_in_the_error(tmp_path: Path) -> None:
    data, _ = build(write_small_set(tmp_path))
    with pytest.raises(ConfigError, match="2 shorter than 200 frames"):
        FrameSampler(MotionClip(MotionClipConfig.tiny()), data, "train", 0, FrameSampling(window=300, frames=200))
