"""A user's own folder: what becomes of its files, and of mistakes in them."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from babel_files import smplh_motion, write_amass

from actiongpt_core.body.stick import StickBody
from actiongpt_core.data.clip import face_canonically
from actiongpt_core.data.folder import FolderSource, at_rate, hashed_split
from actiongpt_core.data.prepare import PrepareReport, prepare
from actiongpt_core.data.prepared import PreparedSet
from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.errors import ConfigError, DataError, MissingAssetError, RejectedRecording
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY, SMPL_REST_PELVIS


def write_texts(folder: Path, *rows: str, header: str = "file,text") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "texts.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def prepared(tmp_path: Path, **options: Any) -> tuple[PreparedSet, PrepareReport]:
    report = prepare(FolderSource(tmp_path / "mine", **options), tmp_path / "set")
    return PreparedSet(tmp_path / "set"), report


def performance() -> Motion:
    data = ProceduralSet(variants=1, seconds=2)
    item = next(item for item in data.segments("train") if item.texts[0] == "squat down")
    return data.motion(item.recording, item.start, item.end)


def test_an_amass_file_comes_out_at_30_frames_with_its_pelvis(tmp_path: Path) -> None:
    write_amass(tmp_path / "mine" / "deep" / "a.npz", 480, fps=120)
    write_texts(tmp_path / "mine", "deep/a.npz,walk")
    data, _ = prepared(tmp_path)
    (item,) = data.segments(hashed_split("deep/a.npz"))
    assert (item.start, item.end, item.texts, item.scope) == (0, 120, ("walk",), "clip")
    motion = data.motion(item.recording, 0, 120)
    poses, trans = smplh_motion(480)
    frames = np.linspace(0, 479, 120).astype(int)
    expected = trans[frames] + np.array(SMPL_REST_PELVIS)
    np.testing.assert_allclose(motion.translation.numpy(), expected, atol=1e-6)
    rotations = axis_angle_to_matrix(torch.from_numpy(poses[frames, :66].reshape(-1, 22, 3)).float())
    torch.testing.assert_close(motion.rotations, rotations)


def test_a_bvh_that_the_library_wrote_comes_back_as_the_motion_it_was(tmp_path: Path) -> None:
    motion = performance()
    (tmp_path / "mine").mkdir()
    motion.save(tmp_path / "mine" / "a.bvh")
    write_texts(tmp_path / "mine", "a.bvh,squat,train", header="file,text,split")
    data, _ = prepared(tmp_path)
    back = data.motion("a.bvh", 0, len(motion))
    rotations, translation = face_canonically(motion.rotations, motion.translation)
    joints = StickBody().joints(attrs.evolve(motion, rotations=rotations, translation=translation))
    again = StickBody().joints(back)
    lift = (again - joints)[..., 2].mean()  # a BVH's floor is found by its toes
    joints[..., 2] += lift
    torch.testing.assert_close(again, joints, rtol=0, atol=2e-3)  # a BVH has millimetres
    assert abs(lift) < 0.1


def test_segments_are_frames_of_their_times_and_follow_each_other_as_pairs(tmp_path: Path) -> None:
    write_amass(tmp_path / "mine" / "a.npz", 1200, fps=120)
    write_texts(
        tmp_path / "mine",
        *("a.npz,0,2,walk,val", "a.npz,2.5,5,sit,val", "a.npz,7,10.05,stand,val"),
        header="file,start,end,text,split",
    )
    data, _ = prepared(tmp_path)
    assert [(item.start, item.end, item.texts) for item in data.segments("val")] == [
        (0, 60, ("walk",)),
        (75, 150, ("sit",)),
        (210, 300, ("stand",)),  # rounded times may overhang a little
    ]
    (pair,) = data.pairs("val")  # 2 s between the others are no transition
    assert (pair.start, pair.durations, pair.texts) == (0, (60, 15, 75), (("walk",), ("sit",)))


def test_a_file_without_a_text_is_left_out_and_counted(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_amass(tmp_path / "mine" / f"{name}.npz", 120)
    write_texts(tmp_path / "mine", "b.npz,walk")
    _, report = prepared(tmp_path)
    assert report.rejected == {"no text": 2}
    assert sum(report.recordings.values()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such file names")
def test_a_file_name_that_is_no_utf8_is_counted_like_every_other(tmp_path: Path) -> None:
    write_amass(tmp_path / "mine" / "a.npz", 120)
    write_amass(tmp_path / "mine" / os.fsdecode(b"caf\xe9.npz"), 120)
    write_texts(tmp_path / "mine", "a.npz,walk")
    assert prepared(tmp_path)[1].rejected == {"no text": 1}
    assert prepared(tmp_path)[1].before == 2


def test_a_text_without_a_file_is_told_with_its_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    write_amass(tmp_path / "mine" / "a.npz", 120)
    write_texts(tmp_path / "mine", "a.npz,walk", "b.npz,run")
    data, report = prepared(tmp_path)
    assert len(data.recordings) == 1
    assert list(report.damaged) == ["b.npz"]
    assert "texts.csv, line 3: there is no file 'b.npz'" in report.damaged["b.npz"]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"poses": np.full((120, 156), np.nan)}, "NaN"),
        ({"poses": np.zeros((120, 100))}, r"\(120, 100\)"),
        ({"trans": np.zeros((7, 3))}, r"\(7, 3\)"),
        ({"mocap_framerate": np.float64(0)}, "positive"),
        ({"poses": np.full((120, 156), 90.0)}, "degrees"),
    ],
)
def test_a_damaged_motion_is_told_with_its_file_and_the_rest_goes_on(
    tmp_path: Path, changes: dict[str, Any], wrong: str
) -> None:
    write_amass(tmp_path / "mine" / "bad.npz", 120, **changes)
    write_amass(tmp_path / "mine" / "good.npz", 120)
    write_texts(tmp_path / "mine", "good.npz,walk", "bad.npz,run")
    _, report = prepared(tmp_path)
    assert sum(report.recordings.values()) == 1
    with pytest.raises(DataError, match=rf"(?s)bad\.npz.*{wrong}"):
        raise DataError(report.damaged["bad.npz"])


def test_a_bvh_of_an_unknown_skeleton_is_read_with_a_map_of_its_joints(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    performance().save(tmp_path / "mine" / "known.bvh")
    text = (tmp_path / "mine" / "known.bvh").read_text()
    for name in SMPL_BODY.joint_names:
        text = re.sub(rf"(ROOT|JOINT) {name}\n", rf"\1 my_{name}\n", text)
    (tmp_path / "mine" / "mine.bvh").write_text(text)
    write_texts(tmp_path / "mine", "known.bvh,squat", "mine.bvh,squat")
    _, without = prepared(tmp_path)
    assert "-O joints=" in without.damaged["mine.bvh"]
    joints = {name: f"my_{name}" for name in SMPL_BODY.joint_names} | {"left_collar": None}
    (tmp_path / "mine" / "known.bvh").unlink()
    write_texts(tmp_path / "mine", "mine.bvh,squat")
    (tmp_path / "mine" / "joints.json").write_text(json.dumps(joints))
    report = prepare(FolderSource(tmp_path / "mine", joints="joints.json"), tmp_path / "with")
    assert not report.damaged
    (tmp_path / "mine" / "joints.json").write_text("[]")
    with pytest.raises(DataError, match=r"joints\.json must hold an object"):
        prepare(FolderSource(tmp_path / "mine", joints="joints.json"), tmp_path / "wrong")


@pytest.mark.parametrize("content", [b"", b"HIERARCHY\nROOT Hips\n{\n", b"\xff\xfe\x00"])
def test_a_damaged_bvh_is_told_with_its_file(tmp_path: Path, content: bytes) -> None:
    write_amass(tmp_path / "mine" / "good.npz", 120)
    (tmp_path / "mine" / "bad.bvh").write_bytes(content)
    write_texts(tmp_path / "mine", "good.npz,walk", "bad.bvh,run")
    _, report = prepared(tmp_path)
    assert "bad.bvh" in report.damaged["bad.bvh"]


@pytest.mark.parametrize(("times", "wrong"), [("0,9", "ends at 9 s.*4.00 s"), ("1,1.001", "has no frame")])
def test_a_segment_that_the_motion_does_not_have_is_told_with_its_line(tmp_path: Path, times: str, wrong: str) -> None:
    write_amass(tmp_path / "mine" / "a.npz", 480)
    write_texts(tmp_path / "mine", f"a.npz,{times},walk", header="file,start,end,text")
    with pytest.raises(DataError, match=rf"texts\.csv, line 2.*{wrong}"):
        prepared(tmp_path)


def test_a_split_is_that_of_the_column_else_by_the_hash_of_the_path(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_amass(tmp_path / "mine" / f"{name}.npz", 120)
    write_texts(tmp_path / "mine", "a.npz,walk,test", "b.npz,run,", header="file,text,split")
    data, _ = prepared(tmp_path)
    assert {item.id: item.split for item in data.recordings} == {"a.npz": "test", "b.npz": hashed_split("b.npz")}


def test_splits_by_hash_have_the_shares_that_are_promised_and_do_not_hang_on_other_files() -> None:
    counts = Counter(hashed_split(f"take{n:04d}.bvh") for n in range(3000))
    assert counts["train"] / 3000 == pytest.approx(0.8, abs=0.03)
    assert counts["val"] / 3000 == pytest.approx(0.1, abs=0.02)
    # `printf take1.bvh | sha256sum` begins 2015abbd, which is 33 modulo 100; the others 82, 90 and 97.
    names = ("take1.bvh", "take11.bvh", "take28.bvh", "d.npz")
    assert [hashed_split(name) for name in names] == ["train", "val", "test", "test"]


def test_keys_of_files_that_differ_by_a_letter_that_keys_cannot_have_differ(tmp_path: Path) -> None:
    names = ["a b.npz", "a_b.npz", "a-b.npz", "ä.npz", "_.npz", "x/a.npz", "x_a.npz"]
    for name in names:
        write_amass(tmp_path / "mine" / name, 120)
    write_texts(tmp_path / "mine", *(f"{name},walk" for name in names))
    data, report = prepared(tmp_path)
    assert not report.damaged
    assert len({item.key for split in data.splits for item in data.segments(split)}) == len(names)


@pytest.mark.parametrize("rate", [30.00003, 29.9999])
def test_a_rate_that_is_30_but_for_rounding_keeps_every_frame(rate: float) -> None:
    poses, translation = np.zeros((100, 22, 3), np.float32), np.zeros((100, 3), np.float32)
    assert len(at_rate(poses, translation, rate, 30.0)[0]) == 100


def test_a_slow_recording_is_filled_up_and_takes_as_long_as_before() -> None:
    angles = np.linspace(0, 2, 41, dtype=np.float32)  # 2 s at 20 frames
    poses = np.zeros((41, 22, 3), np.float32)
    poses[:, 0, 2] = angles
    translation = np.stack([angles, 0 * angles, 0 * angles], axis=1)
    made, moved = at_rate(poses, translation, 20.0, 30.0)
    assert len(made) / 30 == pytest.approx(41 / 20, abs=1 / 20)
    steps = np.diff(moved[:, 0])
    np.testing.assert_allclose(steps, 1 / 30, atol=1e-5)
    turned = axis_angle_to_matrix(torch.from_numpy(made[:, 0]))
    torch.testing.assert_close(geodesic_angle(turned[:-1], turned[1:]), torch.full((60,), 1 / 30), atol=1e-3, rtol=0)


def test_a_recording_of_less_than_half_a_second_is_left_out() -> None:
    with pytest.raises(RejectedRecording, match="shorter"):
        at_rate(np.zeros((9, 22, 3), np.float32), np.zeros((9, 3), np.float32), 20.0, 30.0)


def test_another_rate_can_be_asked_for(tmp_path: Path) -> None:
    write_amass(tmp_path / "mine" / "a.npz", 480, fps=120)
    write_texts(tmp_path / "mine", "a.npz,walk")
    data, _ = prepared(tmp_path, fps=20)
    assert data.fps == 20.0
    assert [item.frames for item in data.recordings] == [80]
    for wrong in (0, -1, "fast", True, float("nan")):
        with pytest.raises(ConfigError, match="fps"):
            FolderSource(tmp_path, fps=wrong)  # type: ignore[arg-type]


def test_texts_that_were_changed_make_another_set(tmp_path: Path) -> None:
    write_amass(tmp_path / "mine" / "a.npz", 120)
    write_texts(tmp_path / "mine", "a.npz,walk")
    prepared(tmp_path)
    write_texts(tmp_path / "mine", "a.npz,run")
    with pytest.raises(ConfigError, match=r"texts 'texts\.csv, SHA-256"):
        prepared(tmp_path)


def test_what_is_missing_is_told_before_anything_is_read(tmp_path: Path) -> None:
    source = FolderSource(tmp_path / "mine")
    assert source.missing() == [f"There is no folder {tmp_path / 'mine'}."]
    (tmp_path / "mine").mkdir()
    assert "no .npz or .bvh" in FolderSource(tmp_path / "mine").missing()[0]
    write_amass(tmp_path / "mine" / "a.npz", 120)
    with pytest.raises(MissingAssetError, match=r"texts\.csv or texts\.json.*columns file,text"):
        prepared(tmp_path)
    assert not (tmp_path / "set").exists()


def test_an_npz_of_the_body_alone_and_one_with_root_apart_are_the_same_motion(tmp_path: Path) -> None:
    poses, _ = smplh_motion(120)
    write_amass(tmp_path / "mine" / "a.npz", 120)
    write_amass(tmp_path / "mine" / "b.npz", 120, poses=poses[:, :66])
    path = write_amass(tmp_path / "mine" / "c.npz", 120)
    with np.load(path) as arrays:
        kept: dict[str, Any] = {name: arrays[name] for name in arrays.files if name != "poses"}
    np.savez(path, root_orient=poses[:, :3], pose_body=poses[:, 3:66], **kept)
    write_texts(tmp_path / "mine", *(f"{name}.npz,walk,train" for name in "abc"), header="file,text,split")
    data, _ = prepared(tmp_path)
    first, *others = [attrs.astuple(data.motion(f"{name}.npz", 0, 30), recurse=False)[0] for name in "abc"]
    assert all(torch.equal(first, other) for other in others)
