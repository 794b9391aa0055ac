"""AMASS-style npz: what is written is read back, by us and by anybody without pickle."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.errors import ConfigError, ExportError, MissingAssetError
from actiongpt_core.export import save
from actiongpt_core.export.npz import load_npz
from actiongpt_core.geometry.rotations import geodesic_angle
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL, SMPL_REST_PELVIS, Skeleton


def test_npz_round_trip_returns_the_same_motion(motion: Motion, tmp_path: Path) -> None:
    back = load_npz(save(attrs.evolve(motion, fps=29.97), tmp_path / "motion.npz"))
    assert geodesic_angle(back.rotations, motion.rotations).max() < 1e-3
    torch.testing.assert_close(back.translation, motion.translation, atol=1e-6, rtol=0)
    assert back.fps == 29.97
    assert back.starts == motion.starts


def test_npz_keeps_the_hand_joints_of_smpl(smpl_motion: Motion, tmp_path: Path) -> None:
    back = load_npz(save(smpl_motion, tmp_path / "motion.npz"))
    assert back.skeleton is SMPL
    assert geodesic_angle(back.rotations, smpl_motion.rotations).max() < 1e-3


def test_npz_holds_what_amass_readers_expect_and_no_objects(motion: Motion, tmp_path: Path) -> None:
    with np.load(save(motion, tmp_path / "motion.npz"), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    assert all(array.dtype != object for array in arrays.values())
    assert arrays["poses"].shape == (40, 66)
    assert arrays["poses"].dtype == np.float32
    assert arrays["betas"].shape == (16,)
    assert str(arrays["gender"]) == "neutral"
    assert float(arrays["mocap_framerate"]) == 30.0


def test_npz_translation_is_smpls_and_not_the_pelvis(motion: Motion, tmp_path: Path) -> None:
    with np.load(save(motion, tmp_path / "motion.npz")) as file:
        difference = motion.translation.numpy() - file["trans"]
    np.testing.assert_allclose(difference, np.broadcast_to(SMPL_REST_PELVIS, (40, 3)), atol=1e-6)


def write(path: Path, **changes: Any) -> Path:
    arrays: dict[str, Any] = {"poses": np.zeros((4, 156)), "trans": np.zeros((4, 3)), "mocap_framerate": 120.0}
    np.savez(path, **{key: value for key, value in (arrays | changes).items() if value is not None})
    return path


def test_a_file_of_amass_itself_is_read_without_its_hands(tmp_path: Path) -> None:
    motion = load_npz(write(tmp_path / "amass.npz", gender=np.array("male"), dmpls=np.zeros((4, 8))))
    assert motion.rotations.shape == (4, 22, 3, 3)
    assert motion.fps == 120.0
    torch.testing.assert_close(motion.translation, torch.tensor(SMPL_REST_PELVIS).expand(4, 3))
    smplx = write(tmp_path / "smplx.npz", poses=np.zeros((4, 165)), mocap_framerate=None, mocap_frame_rate=np.array(60))
    assert load_npz(smplx).fps == 60.0
    assert load_npz(write(tmp_path / "odd.npz", poses=np.zeros((4, 70)))).rotations.shape == (4, 22, 3, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"poses": None}, "'poses' is missing"),
        ({"trans": None}, "'trans' is missing"),
        ({"mocap_framerate": None}, "frame rate is missing"),
        ({"mocap_framerate": -30.0}, "positive"),
        ({"mocap_framerate": np.nan}, "positive"),
        ({"poses": np.zeros((4, 63))}, "66 or more"),
        ({"poses": np.zeros((0, 66)), "trans": np.zeros((0, 3))}, "T >= 1"),
        ({"trans": np.zeros((3, 3))}, "one row a pose"),
        ({"poses": np.full((4, 66), np.nan)}, "finite"),
        ({"poses": np.array([{}], dtype=object)}, "without object arrays"),
        ({"action_starts": np.array([0, 9])}, "action_starts"),
    ],
)
def test_arrays_that_are_no_motion_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_npz(write(tmp_path / "bad.npz", **changes))


def test_files_that_are_no_npz_are_refused(tmp_path: Path) -> None:
    for content in (b"", b"text", b"PK\x03\x04"):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(ConfigError, match=r"bad\.npz"):
            load_npz(tmp_path / "bad.npz")
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(ConfigError, match="single array"):
        load_npz(tmp_path / "single.npy")
    with pytest.raises(MissingAssetError, match=r"gone\.npz"):
        load_npz(tmp_path / "gone.npz")


def test_a_file_with_damaged_compression_is_refused(motion: Motion, tmp_path: Path) -> None:
    path = save(motion, tmp_path / "motion.npz")
    content = bytearray(path.read_bytes())
    first = 30 + int.from_bytes(content[26:28], "little") + int.from_bytes(content[28:30], "little")  # of the data
    content[first : first + 20] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"motion\.npz cannot be read"):
        load_npz(path)


def test_another_skeleton_cannot_be_an_amass_file(tmp_path: Path) -> None:
    pole = Skeleton(name="pole", joint_names=("a",), parents=(-1,), rest_offsets=((0, 0, 0),))
    motion = Motion(rotations=torch.eye(3)[None, None], translation=torch.zeros(1, 3), fps=30, skeleton=pole)
    with pytest.raises(ExportError, match="pole"):
        save(motion, tmp_path / "pole.npz")
    assert not list(tmp_path.iterdir())


def test_smplx_stands_the_body_of_a_file_where_the_motion_has_it(
    motion: Motion, tmp_path: Path, golden_folder: Path
) -> None:
    """Another reader, with SMPL-H's own file: poses, trans and betas as AMASS means them."""
    import smplx

    model = next((golden_folder / "smplh_synthetic").glob("*.npz"))
    with np.load(save(motion, tmp_path / "motion.npz", layout="smplh")) as file:
        poses, trans = torch.from_numpy(file["poses"]), torch.from_numpy(file["trans"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = smplx.SMPLH(str(model), ext="npz", use_pca=False, flat_hand_mean=True, batch_size=len(poses))
    parts = {"global_orient": poses[:, :3], "body_pose": poses[:, 3:66]}
    parts |= {"left_hand_pose": poses[:, 66:111], "right_hand_pose": poses[:, 111:], "transl": trans}
    joints = layer(**parts).joints[:, :22].detach()
    wanted = SmplBody(model).joints(motion)
    # The file says SMPL's translation; the pelvis of this body rests elsewhere than that of the mean one.
    constant = (joints - wanted)[0, 0]
    torch.testing.assert_close(joints - constant, wanted, atol=1e-4, rtol=0)
