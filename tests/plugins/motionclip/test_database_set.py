"""The originals' data bases as a data set, and samples of them for training."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch

from actiongpt_core.errors import CheckpointError, ConfigError, MissingAssetError
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.registry import get_registry
from actiongpt_motionclip import MotionClip, MotionClipConfig
from actiongpt_motionclip.database_set import DatabaseSet
from actiongpt_motionclip.objective import PicturedAction
from actiongpt_motionclip.training import MotionClipRecipe

Write = Callable[..., Path]


class Hostile:
    """Would run a command when it is unpickled in the usual way."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.fixture
def data(lists: dict[str, Any], write_database: Write) -> Any:
    for split in ("train", "vald"):
        folder = write_database(lists, split).parent
    return get_registry().open_data_set("motionclip-db", folder)


def test_the_files_of_a_folder_are_its_splits(data: Any) -> None:
    assert isinstance(data, DatabaseSet)
    assert (data.name, data.fps, list(data.splits)) == ("small", 30.0, ["train", "val"])
    with pytest.raises(ConfigError, match="train, val"):
        data.segments("test")


def test_segments_are_windows_told_by_their_labels(data: Any) -> None:
    assert [(item.key, item.start, item.end, item.texts) for item in data.segments("val")] == [
        ("val-0-0", 0, 100, ("walk",)),
        ("val-1-0", 0, 100, ("sit down and walk",)),
        ("val-2-0", 0, 100, ("sit down and wave",)),
        ("val-2-1", 100, 200, ("wave",)),
    ]


def test_the_first_sequence_can_be_dropped_as_the_original_does(lists: dict[str, Any], write_database: Write) -> None:
    data = DatabaseSet(write_database(lists).parent, drop_first=True)
    assert {item.recording for item in data.segments("train")} == {"train-1", "train-2"}
    (item,) = [item for item in data.segments("train") if item.key == "train-1-0"]
    np.testing.assert_allclose(
        data.motion(item.recording, 5, 6).rotations[0],
        axis_angle_to_matrix(torch.from_numpy(lists["thetas"][1][5]).unflatten(0, (-1, 3)))[:22],
        atol=1e-6,
    )


def test_windows_without_any_label_are_left_out(lists: dict[str, Any], write_database: Write) -> None:
    lists["text_raw_labels"][2][:100] = ""
    data = DatabaseSet(write_database(lists).parent)
    assert [item.key for item in data.segments("train")] == ["train-0-0", "train-1-0", "train-2-1"]


def test_hands_and_ankle_are_those_of_the_file(data: Any, lists: dict[str, Any]) -> None:
    hands, ankle = (data.extra("train-1", name, 10, 20) for name in ("hands", "right_ankle"))
    np.testing.assert_array_equal(hands.flatten(1), lists["thetas"][1][10:20, 66:])
    np.testing.assert_array_equal(ankle, lists["joints3d"][1][10:20, 0])
    with pytest.raises(ConfigError, match="hands and right_ankle"):
        data.extra("train-1", "left_ankle", 10, 20)


def test_frames_and_recordings_that_are_not_there_are_errors(data: Any) -> None:
    for recording, start, end in (("train-0", 100, 151), ("train-0", 3, 3), ("train-9", 0, 1), ("train", 0, 1)):
        with pytest.raises(ConfigError):
            data.motion(recording, start, end)


def test_a_folder_has_one_data_base(lists: dict[str, Any], write_database: Write, tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match="no motion data base"):
        DatabaseSet(tmp_path)
    with pytest.raises(MissingAssetError, match="--data-dir"):
        DatabaseSet(None)
    write_database(lists).with_name("other_30fps_train.pt").write_bytes(b"")
    write_database(lists)
    with pytest.raises(ConfigError, match="2 motion data bases"):
        DatabaseSet(tmp_path)


def test_a_file_that_holds_code_is_refused_and_the_code_is_not_run(tmp_path: Path) -> None:
    joblib.dump(Hostile(f"touch {tmp_path / 'run'}"), tmp_path / "bad_30fps_train.pt")
    with pytest.raises(CheckpointError, match="refused"):
        DatabaseSet(tmp_path).segments("train")
    assert not (tmp_path / "run").exists()


def test_the_published_recipe_draws_frames_with_label_and_image(data: Any, lists: dict[str, Any]) -> None:
    recipe = MotionClipRecipe()
    frames = {name: getattr(MotionClipConfig(), name) for name in ("row_24", "root_orientation")}
    model = MotionClip(MotionClipConfig.tiny(**frames))
    sampler = recipe.sampler(recipe.presets["action-gpt"], model, data, "val", seed=0)
    samples = sampler.draw(0, 8, range(8))
    assert [item.actions[0].texts for item in samples] == [
        ("walk",),
        ("sit down and walk",),
        ("sit down",),
        ("wave",),
    ]
    action = samples[0].actions[0]
    assert isinstance(action, PicturedAction)
    assert len(action.features) == 60
    np.testing.assert_array_equal(action.image, lists["clip_images_emb"][0][0])


@pytest.mark.golden
def test_windows_of_the_parity_data_are_told_as_in_the_originals(golden_database: Path) -> None:
    data = DatabaseSet(golden_database.parent)
    for split in data.splits:
        for item in data.segments(split):
            labels = data.frame_labels(item.recording, item.start, item.end)
            assert item.texts == (" and ".join(sorted(set(labels))),)
            assert len(data.motion(item.recording, item.start, item.end)) == 100
