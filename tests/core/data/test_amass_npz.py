"""AMASS-style .npz: what is read, and that damage never becomes a motion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from babel_files import smplh_motion, write_amass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actiongpt_core.data.amass_npz import read_npz, resampled_frames
from actiongpt_core.errors import DataError, MissingAssetError, RejectedRecording


def test_arrays_come_out_as_they_were_written(tmp_path: Path) -> None:
    file = read_npz(write_amass(tmp_path / "a.npz", 30, fps=60))
    poses, trans = smplh_motion(30)
    np.testing.assert_allclose(file.poses, poses.reshape(30, 52, 3), rtol=1e-6)
    np.testing.assert_allclose(file.translation, trans, rtol=1e-6)
    assert (file.fps, file.gender, file.num_frames) == (60.0, "male", 30)
    assert file.body_poses.shape == (30, 22, 3)


@pytest.mark.parametrize("width", [66, 72, 156, 165])
def test_the_first_22_joints_are_the_same_of_all_bodies(tmp_path: Path, width: int) -> None:
    poses, _ = smplh_motion(30)
    wide = np.concatenate([poses, poses], axis=1)[:, :width]
    file = read_npz(write_amass(tmp_path / "a.npz", 30, poses=wide))
    np.testing.assert_allclose(file.body_poses.reshape(30, 66), poses[:, :66], rtol=1e-6)


@pytest.mark.parametrize("name", ["mocap_frame_rate", "fps"])
def test_the_frame_rate_has_the_names_that_are_in_use(tmp_path: Path, name: str) -> None:
    poses, trans = smplh_motion(10)
    arrays: dict[str, Any] = {"poses": poses, "trans": trans, name: np.array([50])}
    np.savez(tmp_path / "a.npz", **arrays)
    assert read_npz(tmp_path / "a.npz").fps == 50.0


def test_a_file_of_this_library_is_read(tmp_path: Path) -> None:
    from actiongpt_core.data.procedural_set import ProceduralSet

    data = ProceduralSet(variants=1, seconds=1)
    motion = data.motion(data.segments("val")[0].recording, 0, 30)
    motion.save(tmp_path / "a.npz")
    file = read_npz(tmp_path / "a.npz")
    assert (file.num_frames, file.fps, file.gender) == (30, 30.0, "neutral")


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_that_was_cut_anywhere_is_never_a_motion(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write_amass(tmp_path_factory.mktemp("cut") / "a.npz", 12)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1), label="bytes")])
    with pytest.raises(DataError, match=r"a\.npz"):
        read_npz(path)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"poses": np.zeros((0, 156)), "trans": np.zeros((0, 3))}, "T >= 1"),
        ({"poses": np.zeros(156)}, r"\(156,\)"),
        ({"poses": np.zeros((30, 156), dtype=np.int64)}, "floating-point"),
        ({"poses": np.array([{"a": 1}], dtype=object)}, "pickle"),
        ({"trans": np.zeros((30, 2))}, r"\(30, 2\)"),
        ({"trans": np.full((30, 3), np.inf)}, "NaN or infinity"),
        ({"mocap_framerate": np.array([30, 60])}, "one number"),
        ({"mocap_framerate": np.float64("nan")}, "positive"),
        ({"mocap_framerate": np.array("120")}, "one number"),
    ],
)
def test_a_wrong_array_is_named(tmp_path: Path, changes: dict[str, Any], wrong: str) -> None:
    path = write_amass(tmp_path / "a.npz", 30, **changes)
    with pytest.raises(DataError, match=rf"(?s)a\.npz.*{wrong}"):
        read_npz(path)


@pytest.mark.parametrize("left_out", ["poses", "trans", "mocap_framerate"])
def test_a_missing_array_is_named(tmp_path: Path, left_out: str) -> None:
    with np.load(write_amass(tmp_path / "a.npz", 30)) as arrays:
        kept: dict[str, Any] = {name: arrays[name] for name in arrays.files if name != left_out}
    np.savez(tmp_path / "b.npz", **kept)
    with pytest.raises(DataError, match=rf"b\.npz.*{left_out}"):
        read_npz(tmp_path / "b.npz")


def test_what_is_no_file_or_no_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match=r"none\.npz"):
        read_npz(tmp_path / "none.npz")
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(DataError, match="single array"):
        read_npz(tmp_path / "a.npy")


@given(frames=st.integers(60, 5000), fps=st.sampled_from([30.0, 59.94, 60.0, 100.0, 120.0]))
def test_frames_that_stay_are_spread_evenly_from_the_first_to_the_last(frames: int, fps: float) -> None:
    kept = resampled_frames(frames, fps)
    assert len(kept) == int(30 / fps * frames)
    assert (kept[0], kept[-1]) == (0, frames - 1)
    steps = np.diff(kept)
    assert steps.min() >= 1
    assert steps.max() - steps.min() <= 1


def test_a_recording_below_half_a_second_is_left_out() -> None:
    assert len(resampled_frames(60, 120.0)) == 15
    with pytest.raises(RejectedRecording, match=r"shorter than 0\.5 s"):
        resampled_frames(59, 120.0)
