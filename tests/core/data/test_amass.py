"""AMASS as downloaded: how files are found, which frames stay, what is said of what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from babel_files import smplh_motion, write_amass

from actiongpt_core.data.amass import AmassSource, AmassTree, dataset_of, identifier_of, read_motion, split_of
from actiongpt_core.errors import ConfigError, DataError, MissingAssetError, RejectedRecording
from actiongpt_core.types.skeleton import SMPL_REST_PELVIS


def test_frames_are_chosen_as_the_originals_choose_them(tmp_path: Path) -> None:
    path = write_amass(tmp_path / "CMU/01/01_01_poses.npz", 101, fps=120)
    kept = np.linspace(0, 100, int(30 / 120 * 101)).astype(int)
    poses, translation = read_motion(path, "CMU/01/01_01_poses.npz")
    full, trans = smplh_motion(101)
    np.testing.assert_allclose(poses, full[kept, :66].reshape(-1, 22, 3), atol=1e-6)
    np.testing.assert_allclose(translation, trans[kept] + SMPL_REST_PELVIS, atol=1e-6)


def test_a_slower_recording_keeps_its_frames(tmp_path: Path) -> None:
    poses, _ = read_motion(write_amass(tmp_path / "a.npz", 40, fps=25), "CMU/01/a.npz")
    assert len(poses) == 40


def test_less_than_half_a_second_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(RejectedRecording, match="shorter"):
        read_motion(write_amass(tmp_path / "a.npz", 59, fps=120), "CMU/01/a.npz")
    assert len(read_motion(write_amass(tmp_path / "b.npz", 60, fps=120), "CMU/01/b.npz")[0]) == 15


def test_bml_handball_has_another_rate_than_its_files_tell(tmp_path: Path) -> None:
    path = write_amass(tmp_path / "a.npz", 240, fps=120)
    assert len(read_motion(path, "BMLhandball/BMLhandball/S01/a_poses.npz")[0]) == 30
    assert len(read_motion(path, "CMU/CMU/01/a_poses.npz")[0]) == 60


def test_a_user_may_know_a_rate_better(tmp_path: Path) -> None:
    write_amass(tmp_path / "DFaust_67/50032/a_poses.npz", 118, fps=60)
    for rates, frames in (({}, 59), ({"50032": 59}, 60)):
        ((_, read),) = AmassSource(tmp_path, frame_rates=rates).recordings()
        assert read().num_frames == frames


@pytest.mark.parametrize("rates", [59, {"50032": 0}, {"50032": "59"}, {3: 59.0}])
def test_rates_that_cannot_be_are_refused(tmp_path: Path, rates: object) -> None:
    with pytest.raises(ConfigError, match="frame_rates"):
        AmassSource(tmp_path, frame_rates=rates)  # type: ignore[arg-type]


BABEL_PATH = "BMLrub/BioMotionLab_NTroje/rub001/0005_normal_walk_poses.npz"


@pytest.mark.parametrize(
    "place",
    [
        BABEL_PATH,
        "BioMotionLab_NTroje/rub001/0005_normal_walk_poses.npz",
        "BMLrub/rub001/0005_normal_walk_poses.npz",
        "BioMotionLab_NTroje/rub001/0005 normal walk_poses.npz",
        "amass/smplh/BioMotionLab_NTroje/rub001/0005_normal_walk_poses.npz",
        "BMLrub.BioMotionLab_NTroje.rub001.0005_normal_walk_poses.npz",
        "7.npz",
    ],
)
def test_a_file_is_found_in_every_layout(tmp_path: Path, place: str) -> None:
    other = write_amass(tmp_path / "BMLrub/BioMotionLab_NTroje/rub002/0005_normal_walk_poses.npz", 2)
    path = write_amass(tmp_path / place, 2)
    tree = AmassTree(tmp_path)
    assert tree.find(BABEL_PATH, "7") == path
    assert tree.find(BABEL_PATH.replace("rub001", "rub002"), "8") == other
    assert tree.find(BABEL_PATH.replace("rub001", "rub003"), "9") is None


def test_the_data_set_of_a_path_has_one_name() -> None:
    for path in (BABEL_PATH, BABEL_PATH.partition("/")[2], "BMLrub/rub001/a.npz", "x/y/BMLrub/rub001/a.npz"):
        assert dataset_of(path) == "BioMotionLab_NTroje"


def test_the_usual_splits_are_by_data_set() -> None:
    assert [split_of(name) for name in ("CMU", "HumanEva", "SSM_synced")] == ["train", "val", "test"]


def test_all_files_but_shapes_are_read_each_by_its_path(tmp_path: Path) -> None:
    write_amass(tmp_path / "CMU/CMU/01/01_01_poses.npz", 120)
    write_amass(tmp_path / "SFU/SFU/0005/0005_Jogging001 b_poses.npz", 120)
    (tmp_path / "CMU/CMU/01/male_shape.npz").write_bytes(b"no motion")
    source = AmassSource(tmp_path)
    read = {identifier: read() for identifier, read in source.recordings()}
    assert {name: (item.split, item.subject) for name, item in read.items()} == {
        "CMU.01.01_01": ("train", "CMU/01"),
        "SFU.0005.0005_Jogging001_b": ("val", "SFU/0005"),
    }
    assert source.missing() == []
    assert identifier_of("CMU/CMU/01/01_01_poses.npz") == "CMU.01.01_01"


def test_two_copies_of_a_recording_are_not_read_as_two(tmp_path: Path) -> None:
    write_amass(tmp_path / "CMU/01/01_01_poses.npz", 120)
    write_amass(tmp_path / "copy/CMU/01/01_01_poses.npz", 120)
    with pytest.raises(DataError, match="both called"):
        list(AmassSource(tmp_path).recordings())


def test_what_is_missing_says_where_to_get_it(tmp_path: Path) -> None:
    (line,) = AmassTree(tmp_path / "none").missing()
    assert "amass.is.tue.mpg.de" in line
    (line,) = AmassTree(tmp_path).missing()
    assert "SMPL+H" in line
    write_amass(tmp_path / "SFU/0005/a_stageii.npz", 2)
    (line,) = AmassTree(tmp_path).missing()
    assert "SMPL-X" in line


def test_whole_data_sets_that_are_missing_are_counted(tmp_path: Path) -> None:
    write_amass(tmp_path / "CMU/01/a_poses.npz", 2)
    tree = AmassTree(tmp_path)
    needed = ["CMU/CMU/01/a_poses.npz", "CMU/CMU/01/b_poses.npz", "MoSh/MPI_mosh/1/a.npz", "MoSh/MPI_mosh/1/b.npz"]
    (line,) = tree.missing(needed)
    assert "MPI_mosh, of which 2 recordings" in line
    assert "Get MoSh" in line
    with pytest.raises(RejectedRecording, match="of MPI_mosh"):
        tree.file(needed[2])
    with pytest.raises(MissingAssetError, match="b_poses"):
        tree.file(needed[1])
