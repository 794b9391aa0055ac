"""CMU's own files as a data set: which are read, what is said of them, and how near they come to the published set."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mocap_files import acclaim, as_bvh, motionbuilder, write_acclaim
from typer.testing import CliRunner

from actiongpt_core.cli.main import app
from actiongpt_core.data.asf_amc import read_asf_amc
from actiongpt_core.data.clip import face_canonically
from actiongpt_core.data.cmu import CmuSet
from actiongpt_core.data.cmu_raw import CmuSource
from actiongpt_core.data.prepare import PrepareReport, prepare
from actiongpt_core.data.recording import Recording
from actiongpt_core.data.retarget import bvh_to_recording, retarget
from actiongpt_core.errors import ConfigError, DataError
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY

INDEX = """A preface, in which Subject #1 and 02_01 are spoken of
Subject #2 (various expressions and human behaviors)

02_01\twalk
02_02\t  run,   then  stop
Subject #3 (walk on uneven terrain)
03_01\tUnknown
04_01\tUnknown
16_01\tjump
"""


def write_index(folder: Path, text: str = INDEX) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cmu-mocap-index-text.txt").write_bytes(text.encode("cp1252"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """02_01 as AMC and as BVH, 02_02 as AMC, 03_01 and 16_01 as BVH."""
    source = tmp_path / "source"
    write_index(source)
    write_acclaim(source / "subjects/02", "02_01", acclaim(200))
    write_acclaim(source / "subjects/02", "02_02", acclaim(80, seed=1))
    for trial, seed in (("02/02_01", 0), ("03/03_01", 2), ("16/16_01", 3)):
        path = source / "bvh" / f"{trial}.bvh"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(motionbuilder(101, seed=seed).text(), encoding="ascii")
    return source


def read_all(source: CmuSource) -> dict[str, Recording]:
    return {name: read() for name, read in source.recordings() if name.startswith("cmu_")}


def prepared(folder: Path, **options: Any) -> tuple[CmuSet, PrepareReport]:
    out = folder.parent / "set"
    report = prepare(CmuSource(folder, **options), out)
    return CmuSet(out), report


def test_trials_are_in_the_split_of_their_subject_with_their_descriptions(folder: Path) -> None:
    data, report = prepared(folder)
    assert report.recordings == {"test": 2, "val": 1, "train": 1}
    told = {item.recording: (item.texts, item.scope) for split in data.splits for item in data.segments(split)}
    assert told == {
        "cmu_02_01": (("walk",), "clip"),
        "cmu_02_02": (("run, then stop",), "clip"),
        "cmu_03_01": (("walk on uneven terrain",), "window"),  # said of the subject, not of the trial
        "cmu_16_01": (("jump",), "clip"),
    }
    assert [item.key for item in data.segments("test")] == ["cmu_02_01_00000_00050", "cmu_02_02_00000_00020"]


def test_every_fourth_frame_of_cmus_own_file_is_read_and_not_a_conversion(folder: Path) -> None:
    recording = read_all(CmuSource(folder))["cmu_02_01"]
    full = read_all(CmuSource(folder, fps=120))["cmu_02_01"]
    assert (recording.num_frames, full.num_frames) == (50, 200)  # the BVH of the trial has 100
    np.testing.assert_array_equal(recording.poses, full.poses[::4])
    assert recording.subject == "02"


def test_a_conversion_and_the_original_make_the_same_recording(tmp_path: Path) -> None:
    capture = acclaim(90)
    found = []
    for kind in ("amc", "bvh"):
        write_index(tmp_path / kind)
        if kind == "amc":
            write_acclaim(tmp_path / kind, "02_01", capture)
        else:
            (tmp_path / kind / "02_01.bvh").write_text(as_bvh(capture).text())
        found.append(read_all(CmuSource(tmp_path / kind))["cmu_02_01"])
    np.testing.assert_allclose(joints(found[0]), joints(found[1]), atol=1e-4)


def test_what_is_not_read_is_counted_by_reason(folder: Path) -> None:
    write_acclaim(folder, "04_01", acclaim(80))
    write_acclaim(folder, "16_02", acclaim(20))
    (folder / "notes.bvh").write_text("no motion")
    (folder / "cmu-mocap-index-text.txt").write_text(INDEX + "16_02 hop\n")
    _, report = prepared(folder)
    assert report.rejected == {
        "another file of the same trial is read": 1,
        "not named after a trial, such as 02_01": 1,
        "shorter than 0.5 s": 1,
        "without a description": 1,
    }


def cut(text: str) -> str:
    return text[: len(text) // 2]


def test_damaged_files_are_told_with_their_place_and_all_others_are_read(folder: Path) -> None:
    (folder / "02_03.amc").write_text(acclaim(80).amc())  # without its skeleton
    write_acclaim(folder, "16_05", acclaim(80)).write_text(
        acclaim(80).amc().replace("nobody", "").replace("lfemur", "tail")
    )
    (folder / "16_06.bvh").write_text(cut(motionbuilder(80).text()))
    (folder / "16_07.bvh").write_text(motionbuilder(80).text().replace("LeftForeArm", "Tentacle"))
    (folder / "16_08.bvh").write_text(motionbuilder(80).text().replace("Frames: 80", "Frames: 81"))
    lines = "".join(f"{name}\tjump\n" for name in ("02_03", "16_05", "16_06", "16_07", "16_08"))
    write_index(folder, INDEX + lines)
    _, report = prepared(folder)
    assert sum(report.recordings.values()) == 4
    expected = {
        "cmu_02_03": "its skeleton 02.asf is not beside it",
        "cmu_16_05": "16_05.amc, line",
        "cmu_16_06": "16_06.bvh, line",
        "cmu_16_07": "LeftForeArm",
        "cmu_16_08": "81 frames are declared and 80 are there",
    }
    assert report.damaged.keys() == expected.keys()
    for name, message in expected.items():
        assert message in report.damaged[name]


def test_a_trial_that_is_described_twice_is_damage_with_both_lines(folder: Path) -> None:
    write_index(folder, INDEX + "02_01\tsit\n16_01\tjump\n")
    _, report = prepared(folder)
    assert list(report.damaged) == ["cmu_02_01"]
    assert "'walk' (line 4) and 'sit' (line 10)" in report.damaged["cmu_02_01"]


def test_a_long_trial_is_cut_into_equal_parts_that_follow_each_other(tmp_path: Path) -> None:
    write_index(tmp_path)
    write_acclaim(tmp_path, "02_01", acclaim(1480))
    recording = read_all(CmuSource(tmp_path))["cmu_02_01"]
    assert [(item.start, item.end, item.scope) for item in recording.segments] == [
        (0, 185, "window"),
        (185, 370, "window"),
    ]
    assert [item.durations for item in recording.pairs] == [(185, 0, 185)]


def test_a_rate_that_the_user_knows_counts_for_a_trial_before_its_subject(folder: Path) -> None:
    frames = {name: item.num_frames for name, item in read_all(CmuSource(folder)).items()}
    source = CmuSource(folder, frame_rates={"2": 60, "02_02": 30, "16": 60.0})
    slower = {name: item.num_frames for name, item in read_all(source).items()}
    assert slower == {**frames, "cmu_02_01": 100, "cmu_02_02": 80, "cmu_16_01": 50}


@pytest.mark.parametrize("rates", [{"two": 60}, {"02": 0}, {"02": "60"}, [60], {"02": float("nan")}])
def test_rates_that_are_none_are_refused(tmp_path: Path, rates: Mapping[str, float]) -> None:
    with pytest.raises(ConfigError, match="frame_rates is written as"):
        CmuSource(tmp_path, frame_rates=rates)


@pytest.mark.parametrize("fps", [0, -30, True, "30", float("inf")])
def test_a_frame_rate_that_is_none_is_refused(tmp_path: Path, fps: Any) -> None:
    with pytest.raises(ConfigError, match="fps must be a positive number"):
        CmuSource(tmp_path, fps=fps)


def test_what_is_missing_says_where_to_get_it(tmp_path: Path) -> None:
    assert "no folder" in CmuSource(tmp_path / "none").missing()[0]
    motions, texts = CmuSource(tmp_path).missing()
    assert "mocap.cs.cmu.edu" in motions
    assert "-O texts=FILE" in texts
    assert "mine.txt" in CmuSource(tmp_path, texts="mine.txt").missing()[1]


def test_copies_of_the_index_are_one_and_different_ones_are_an_error(folder: Path) -> None:
    write_index(folder / "bvh")
    assert CmuSource(folder).missing() == []
    write_index(folder / "bvh", INDEX + "16_02 hop\n")
    (message,) = CmuSource(folder).missing()
    assert "-O texts=FILE" in message
    assert CmuSource(folder, texts="bvh/cmu-mocap-index-text.txt").missing() == []


def test_a_set_is_not_gone_on_with_under_other_descriptions(folder: Path) -> None:
    prepared(folder)
    write_index(folder, INDEX.replace("walk", "stroll"))
    with pytest.raises(ConfigError, match="begun otherwise"):
        prepared(folder)


def test_an_index_without_a_trial_is_an_error(folder: Path) -> None:
    write_index(folder, "Subject #2 (walk)\n")
    with pytest.raises(DataError, match="describes no trial"):
        list(CmuSource(folder).recordings())


def test_the_command_prepares_the_set(folder: Path, tmp_path: Path) -> None:
    call = ["data", "prepare", "cmu", "--source", str(folder), "--out", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(app, [*call, "-O", 'frame_rates={"16": 60}'])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["recordings"] == {"test": 2, "val": 1, "train": 1}
    assert CmuSet(tmp_path / "out").motion("cmu_16_01", 0, 50).num_frames == 50


def joints(recording: Recording) -> Any:
    rotations = axis_angle_to_matrix(torch.from_numpy(recording.poses))
    return forward_kinematics(rotations, torch.from_numpy(recording.translation), SMPL_BODY)[0].numpy()


def facing_joints(motion: Motion) -> Any:
    return forward_kinematics(*face_canonically(motion.rotations, motion.translation), SMPL_BODY)[0].numpy()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[CmuSet, CmuSet]:
    """The published set, and one that is prepared here from the raw files beside it."""
    if not os.environ.get("ACTIONGPT_CMU"):
        pytest.skip("the CMU set is not here: set ACTIONGPT_CMU to its folder")
    place = Path(os.environ["ACTIONGPT_CMU"])
    if not (place / "bvh").is_dir():
        pytest.skip("the CMU set is here without its raw files in bvh/")
    folder = tmp_path_factory.mktemp("cmu")
    trials = [item for item in json.loads((place / "recordings.json").read_text("utf-8")) if item["trial"]]
    lines = [f"{item['subject']:02d}_{item['trial']:02d}\t{item['description']}" for item in trials]
    (folder / "texts.txt").write_text("\n".join(lines), encoding="utf-8")
    report = prepare(CmuSource(place / "bvh", texts=str(folder / "texts.txt")), folder / "set")
    assert not report.damaged
    assert len(report.recordings) == 3
    return CmuSet(), CmuSet(folder / "set")


def centimetres(found: Motion, wanted: Motion) -> Any:
    """Distances of the joints, (T, 22)."""
    return 100 * np.linalg.norm(facing_joints(found) - facing_joints(wanted), axis=-1)


@pytest.mark.cmu
def test_raw_files_come_out_within_a_centimetre_of_the_published_set(real: tuple[CmuSet, CmuSet]) -> None:
    published, made = real
    for split in made.splits:
        theirs = {item.key: item for item in published.segments(split)}
        for item in made.segments(split):
            if item.recording == "cmu_12_01":  # begins at another frame, see below
                continue
            assert theirs[item.key].texts == item.texts
            clip = item.recording, item.start, item.end
            distance = centimetres(made.motion(*clip), published.motion(*clip))
            assert distance.mean() < 1.0
            assert distance[:, :12].mean() < 0.3  # pelvis, lower back and legs
            assert distance.max() < 2.5  # arms: there all collars are corrected alike, here as the file's own


@pytest.mark.cmu
def test_a_real_daz_style_file_is_the_published_motion_from_the_end_of_its_calibration_pose(
    real: tuple[CmuSet, CmuSet],
) -> None:
    poses, translation, fps = bvh_to_recording(Path(os.environ["ACTIONGPT_CMU"]) / "bvh/12_01_daz.bvh")
    # The published set begins at the file's frame 2, in the blend from the calibration pose; ours at frame 5.
    rotations = axis_angle_to_matrix(torch.from_numpy(poses[1::4]))
    motion = Motion(rotations=rotations, translation=torch.from_numpy(translation[1::4]), fps=fps / 4)
    assert centimetres(motion, real[0].motion("cmu_12_01", 1, 131)[: len(motion)]).max() < 0.1


@pytest.mark.cmu
def test_acclaim_and_bvh_of_a_real_trial_are_the_same_motion() -> None:
    place = Path(os.environ.get("ACTIONGPT_CMU") or pytest.skip("set ACTIONGPT_CMU to the CMU set")) / "bvh"
    if not (place / "02_01.amc").is_file():
        pytest.skip("the CMU set is here without its raw files in bvh/")
    first = retarget(read_asf_amc(place / "02.asf", place / "02_01.amc"))
    second = bvh_to_recording(place / "02_01.bvh")
    made = [Recording(poses=poses, translation=moved, split="test") for poses, moved, _ in (first, second)]
    np.testing.assert_allclose(joints(made[0]), joints(made[1]), atol=2e-4)
