"""The CMU set in both of its layouts; on the real one where it is there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sources import ListSource, recording

from actiongpt_core.data.cmu import CmuSet, cmu_folder
from actiongpt_core.data.prepare import prepare
from actiongpt_core.errors import ConfigError, DataError, MissingAssetError
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.testing.data_set import DataSetSuite

SCALE = np.pi / 32767
LENGTHS = {"cmu_01_01": 40, "cmu_02_01": 25, "cmu_03_01": 30}


def published(folder: Path, **changes: Any) -> Path:
    """The layout in which the set is published: small, and with random motions."""
    frames = sum(LENGTHS.values())
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "poses": rng.integers(-20000, 20000, (frames, 22, 3), dtype=np.int16),
        "pose_scale": SCALE,
        "trans": rng.normal(0, 0.01, (frames, 3)).cumsum(axis=0).astype(np.float32),
        "fps": 30,
    }
    arrays["poses"][:, 0] = [round(np.pi / 2 / SCALE), 0, 0]
    offsets = np.cumsum([0, *LENGTHS.values()])
    splits = dict(zip(LENGTHS, ("train", "test", "val"), strict=True))
    recordings = [
        {"id": name, "offset": int(offset), "suspect": name == "cmu_03_01"}
        for name, offset in zip(LENGTHS, offsets, strict=False)
    ]
    spans = {"cmu_01_01": (0, 15), "cmu_01_01_b": (15, 40), "cmu_02_01": (5, 25), "cmu_03_01": (0, 30)}
    clips = [
        {
            "id": name,
            "recording": name[:9],
            "start_frame": start,
            "end_frame": end,
            "texts": [f"do {name}"],
            "text_scope": "window",
            "action": "walk" if start else None,
            "split": splits[name[:9]],
        }
        for name, (start, end) in spans.items()
    ]
    folder.mkdir(exist_ok=True)
    np.savez(folder / "motions.npz", **(arrays | changes))
    (folder / "recordings.json").write_text(json.dumps(recordings))
    (folder / "clips.json").write_text(json.dumps(clips))
    return folder


class TestPublished(DataSetSuite):
    is_upright = False  # random

    def build_data_set(self, folder: Path) -> CmuSet:
        return CmuSet(published(folder))


class TestPrepared(DataSetSuite):
    is_upright = False  # random

    def build_data_set(self, folder: Path) -> CmuSet:
        source = ListSource({"a": recording("a", split="train"), "b": recording("b", split="val")})
        source.name = "cmu"
        prepare(source, folder)
        return CmuSet(folder)


def test_clips_of_the_published_layout_are_as_their_file_says(tmp_path: Path) -> None:
    data = CmuSet(published(tmp_path))
    (item,) = data.segments("test")
    assert (item.key, item.recording, item.start, item.end) == ("cmu_02_01", "cmu_02_01", 5, 25)
    assert (item.texts, item.scope, item.suspect, item.categories) == (("do cmu_02_01",), "window", False, ("walk",))
    with np.load(tmp_path / "motions.npz") as arrays:
        rows = slice(40 + 5, 40 + 25)
        poses, trans = arrays["poses"][rows].astype(np.float32) * SCALE, arrays["trans"][rows]
    motion = data.motion(item.recording, item.start, item.end)
    torch.testing.assert_close(motion.rotations, axis_angle_to_matrix(torch.from_numpy(poses).float()))
    np.testing.assert_array_equal(motion.translation.numpy(), trans)


def test_recordings_that_the_set_doubts_are_marked(tmp_path: Path) -> None:
    data = CmuSet(published(tmp_path))
    assert [item.suspect for item in data.segments("val")] == [True]


def test_clips_that_go_on_in_each_other_are_pairs(tmp_path: Path) -> None:
    (pair,) = CmuSet(published(tmp_path)).pairs("train")
    assert (pair.start, pair.durations, pair.texts) == (0, (15, 0, 25), (("do cmu_01_01",), ("do cmu_01_01_b",)))


def test_frames_beyond_a_recording_are_not_those_of_the_next(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="25 frames"):
        CmuSet(published(tmp_path)).motion("cmu_02_01", 0, 26)


def test_the_folder_is_that_of_the_variable_where_none_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIONGPT_CMU", str(published(tmp_path)))
    assert CmuSet().splits == ("train", "val", "test")


def test_without_the_set_the_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTIONGPT_CMU", raising=False)
    with pytest.raises(MissingAssetError, match="ACTIONGPT_CMU"):
        cmu_folder()


def test_a_folder_of_something_else_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match=r"motions\.npz is missing"):
        cmu_folder(tmp_path)


def test_a_prepared_set_of_another_name_is_refused(tmp_path: Path) -> None:
    prepare(ListSource({"a": recording("a")}), tmp_path)
    with pytest.raises(ConfigError, match="--data listed"):
        CmuSet(tmp_path)


@pytest.mark.parametrize("file", ["motions.npz", "recordings.json", "clips.json"])
def test_a_damaged_file_is_told(tmp_path: Path, file: str) -> None:
    published(tmp_path)
    path = tmp_path / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="cannot be read"):
        CmuSet(tmp_path)


def test_a_split_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="train, val, test"):
        CmuSet(published(tmp_path)).segments("training")


@pytest.mark.cmu
def test_the_published_set_has_what_its_own_counts_say() -> None:
    if not os.environ.get("ACTIONGPT_CMU"):
        pytest.skip("the prepared CMU set is not here: set ACTIONGPT_CMU to its folder")
    data = CmuSet()
    clips = json.loads((cmu_folder() / "clips.json").read_text())
    for split in data.splits:
        assert len(data.segments(split)) == sum(item["split"] == split for item in clips)
        last = data.segments(split)[-1]
        assert len(data.motion(last.recording, last.start, last.end)) == last.num_frames
