"""The originals' data base files: what is read, what is refused, what an error says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actiongpt_core.errors import ActionGPTError, CheckpointError, ConfigError, ShapeError
from actiongpt_motionclip.database import read_database, split_file

Write = Callable[..., Path]


class Hostile:
    """Would run a command when it is unpickled in the usual way."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def test_every_sequence_comes_back_as_it_was_written(lists: dict[str, Any], write_database: Write) -> None:
    recordings = read_database(write_database(lists))
    assert [recording.name for recording in recordings] == lists["vid_names"]
    assert [recording.num_frames for recording in recordings] == [150, 100, 205]
    assert [recording.num_windows for recording in recordings] == [1, 1, 2]
    for index, recording in enumerate(recordings):
        np.testing.assert_array_equal(recording.thetas, lists["thetas"][index])
        np.testing.assert_array_equal(recording.joints, lists["joints3d"][index])
        np.testing.assert_array_equal(recording.image_features, lists["clip_images_emb"][index])
        assert list(recording.raw_labels) == list(lists["text_raw_labels"][index])
        assert list(recording.categories or ()) == list(lists["action_cat"][index])
        assert list(recording.image_paths or ()) == lists["clip_pathes"][index]
        assert recording.images is None


def test_images_are_read_as_bytes(lists: dict[str, Any], write_database: Write) -> None:
    lists["clip_images"] = [np.full((count, 4, 5, 3), count, dtype=np.uint8) for count in (1, 1, 2)]
    images = [recording.images for recording in read_database(write_database(lists))]
    assert [image.shape for image in images if image is not None] == [(1, 4, 5, 3), (1, 4, 5, 3), (2, 4, 5, 3)]


def test_what_is_not_always_there_may_be_missing(lists: dict[str, Any], write_database: Write) -> None:
    for key in ("text_proc_labels", "action_cat", "clip_images", "clip_images_emb", "clip_pathes"):
        del lists[key]
    recording = read_database(write_database(lists))[0]
    for value in ("proc_labels", "categories", "images", "image_paths", "image_features"):
        assert getattr(recording, value) is None


def test_categories_of_a_higher_frame_rate_are_brought_to_the_frames(
    lists: dict[str, Any], write_database: Write
) -> None:
    # As the parser leaves them: everything but the categories was thinned out from 120 to 30 frames a second.
    lists["action_cat"] = [np.repeat(marks, 4)[: 4 * len(marks) - 3] for marks in lists["action_cat"]]
    path = write_database(lists)
    for recording, marks in zip(read_database(path), lists["action_cat"], strict=True):
        assert recording.categories == tuple(marks[::4])
    for recording, marks in zip(read_database(path, align_categories=False), lists["action_cat"], strict=True):
        assert recording.categories == tuple(marks)


def test_a_name_for_each_frame_is_one_name(lists: dict[str, Any], write_database: Write) -> None:
    lists["vid_names"] = [np.array([name] * 3) for name in lists["vid_names"]]
    lists["something_else"] = 3  # not read
    assert read_database(write_database(lists))[0].name == "sequence 0"


def test_a_hostile_file_is_refused_and_runs_nothing(
    lists: dict[str, Any], write_database: Write, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    lists["vid_names"] = Hostile(f"touch {witness}")
    with pytest.raises(CheckpointError, match=r"refused.*system"):
        read_database(write_database(lists))
    assert not witness.exists()


def test_a_hostile_object_inside_an_array_of_labels_is_refused(
    lists: dict[str, Any], write_database: Write, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    lists["text_raw_labels"][0][7] = Hostile(f"touch {witness}")
    with pytest.raises(CheckpointError, match=r"refused.*system"):
        read_database(write_database(lists))
    assert not witness.exists()


def test_a_truncated_file_is_an_error_of_ours(lists: dict[str, Any], write_database: Write) -> None:
    path = write_database(lists)
    content = path.read_bytes()
    for share in (0.1, 0.5, 0.99):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(ActionGPTError):
            read_database(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nothing\.pt"):
        read_database(tmp_path / "nothing.pt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "a motion data base is a dictionary"),
        ({}, "lacks 'vid_names', 'thetas', 'joints3d', 'text_raw_labels'"),
    ],
)
def test_a_file_that_is_no_data_base_is_refused(content: Any, message: str, write_database: Write) -> None:
    with pytest.raises(ConfigError, match=message):
        read_database(write_database(content))


def _with(key: str, index: int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(lists: dict[str, Any]) -> None:
        lists[key][index] = value

    return change


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda lists: lists["thetas"].pop(), ShapeError, "'thetas' has 2 entries, 'vid_names' has 3"),
        (lambda lists: lists.update(thetas=3), ConfigError, "'thetas' is a int"),
        (lambda lists: lists.update(vid_names=3), ConfigError, "'vid_names' is a int"),
        (lambda lists: lists.update(action_cat=np.array(3)), ConfigError, "'action_cat' is a ndarray"),
        (_with("thetas", 1, np.zeros((100, 66))), ShapeError, r"'thetas' of sequence 1 .*shape \(100, 66\); \(N, 72\)"),
        (_with("thetas", 1, [1.0]), ConfigError, "'thetas' of sequence 1 .*not an array of numbers"),
        (_with("thetas", 1, np.full((100, 72), np.nan)), ConfigError, "'thetas' of sequence 1 .*NaN"),
        (_with("thetas", 1, np.zeros((0, 72))), ShapeError, "'thetas' of sequence 1"),
        (_with("joints3d", 0, np.zeros((149, 18, 3))), ShapeError, r"'joints3d' of sequence 0 .*\(150, N, 3\)"),
        (_with("text_raw_labels", 2, ["walk"]), ShapeError, "'text_raw_labels' of sequence 2 .*1 texts; 205"),
        (_with("text_raw_labels", 2, [3] * 205), ConfigError, "'text_raw_labels' of sequence 2 .*else than text"),
        (_with("text_raw_labels", 2, None), ShapeError, "'text_raw_labels' of sequence 2"),
        (_with("action_cat", 2, ["walk"]), ShapeError, "'action_cat' of sequence 2 .*at least 205"),
        (_with("clip_images_emb", 2, np.zeros((1, 8))), ShapeError, "'clip_images_emb' of sequence 2 .*1 rows for 2"),
        (lambda lists: lists.update(clip_images=[np.zeros((2, 4, 4, 3))] * 3), ShapeError, "'clip_images' .*bytes"),
        (_with("vid_names", 0, 5), ConfigError, "'vid_names' of sequence 0 is a int"),
    ],
)
def test_an_error_names_the_key_and_the_sequence(
    change: Callable[[dict[str, Any]], None],
    error: type[Exception],
    message: str,
    lists: dict[str, Any],
    write_database: Write,
) -> None:
    change(lists)
    with pytest.raises(error, match=message):
        read_database(write_database(lists))


def test_the_path_of_an_experiment_names_its_splits(tmp_path: Path) -> None:
    assert split_file(tmp_path / "amass_30fps_db.pt", "vald") == tmp_path / "amass_30fps_vald.pt"
    assert split_file(tmp_path / "amass_30fps_test.pt", "vald") == tmp_path / "amass_30fps_test.pt"
    with pytest.raises(ConfigError, match="train, vald, test"):
        split_file("amass_30fps_db.pt", "val")
