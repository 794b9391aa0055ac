"""BVH: Y up, centimetres; what is written is read back."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
import torch

from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_core.export import save
from actiongpt_core.export.bvh import ORDERS
from actiongpt_core.export.bvh_reader import read_bvh
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL, SMPL_BODY, Skeleton


def rows(path: Path) -> np.ndarray:
    lines = path.read_text().splitlines()
    return np.array([line.split() for line in lines[lines.index("MOTION") + 3 :]], dtype=float)


def test_bvh_round_trip_keeps_joints_rotations_and_frame_rate(motion: Motion, tmp_path: Path) -> None:
    back = read_bvh(save(motion, tmp_path / "motion.bvh"))
    assert back.skeleton is SMPL_BODY
    assert back.fps == motion.fps
    body = StickBody()
    torch.testing.assert_close(body.joints(back), body.joints(motion), atol=1e-5, rtol=0)
    torch.testing.assert_close(back.rotations, motion.rotations, atol=1e-5, rtol=0)


def test_bvh_round_trip_keeps_the_hand_joints_of_smpl(smpl_motion: Motion, tmp_path: Path) -> None:
    back = read_bvh(save(smpl_motion, tmp_path / "motion.bvh"))
    assert back.skeleton is SMPL
    torch.testing.assert_close(back.rotations, smpl_motion.rotations, atol=1e-5, rtol=0)


@pytest.mark.parametrize("fps", [12.5, 20.0, 29.97, 30.0, 60.0, 120.0])
def test_bvh_keeps_any_frame_rate(motion: Motion, tmp_path: Path, fps: float) -> None:
    assert read_bvh(save(attrs.evolve(motion, fps=fps), tmp_path / "motion.bvh")).fps == fps


def test_bvh_round_trip_keeps_another_skeleton(tmp_path: Path) -> None:
    pole = Skeleton(
        name="pole", joint_names=("a", "b"), parents=(-1, 0), rest_offsets=((0.0, 0.0, 0.0), (0.1, 1.0, 0.2))
    )
    motion = Motion(rotations=torch.eye(3).repeat(3, 2, 1, 1), translation=torch.rand(3, 3), fps=30, skeleton=pole)
    back = read_bvh(save(motion, tmp_path / "pole.bvh"))
    assert back.skeleton == pole
    torch.testing.assert_close(back.translation, motion.translation, atol=1e-6, rtol=0)


def test_bvh_is_y_up_in_centimetres_and_faces_plus_z(tmp_path: Path) -> None:
    rotations = torch.eye(3).repeat(1, 22, 1, 1)
    rotations[0, 0] = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # upright, facing -y
    motion = Motion(rotations=rotations, translation=torch.tensor([[0.1, -2.0, 0.9]]), fps=30)
    values = rows(save(motion, tmp_path / "motion.bvh"))[0]
    np.testing.assert_allclose(values[:3], [10.0, 90.0, 200.0], atol=1e-4)
    np.testing.assert_allclose(values[3:], 0.0, atol=1e-4)  # at rest nothing is turned


def test_bvh_names_every_joint_once_with_its_channels_and_ends_its_limbs(motion: Motion, tmp_path: Path) -> None:
    text = save(motion, tmp_path / "motion.bvh").read_text()
    words = text.split()
    names = [words[i + 1] for i, word in enumerate(words) if word in ("ROOT", "JOINT")]
    assert sorted(names) == sorted(SMPL_BODY.joint_names)
    assert text.count("CHANNELS 6") == 1
    assert text.count("CHANNELS 3") == 21
    assert text.count("End Site") == 5
    assert text.count("{") == text.count("}") == 22 + 5
    assert rows(tmp_path / "motion.bvh").shape == (40, 6 + 3 * 21)


def test_bvh_angles_do_not_jump_from_frame_to_frame(tmp_path: Path) -> None:
    """A root that turns on and on must not fall from 180 to -180 degrees: programs interpolate the numbers."""
    angle = torch.linspace(0, 15, 60)
    about_y = torch.stack([torch.zeros(60), angle, torch.zeros(60)], dim=1)
    rotations = torch.eye(3).repeat(60, 22, 1, 1)
    rotations[:, 3] = axis_angle_to_matrix(about_y)
    motion = Motion(rotations=rotations, translation=torch.zeros(60, 3), fps=30)
    values = rows(save(motion, tmp_path / "motion.bvh"))[:, 3:]
    assert np.abs(np.diff(values, axis=0)).max() < 20
    assert values.max() > 800


@pytest.mark.parametrize(
    "content", ["", "HIERARCHY", "not a bvh", "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 3 Zrotation", "\xff"]
)
def test_what_is_no_bvh_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "motion.bvh").write_text(content, encoding="latin-1")
    with pytest.raises(ConfigError, match=r"motion\.bvh"):
        read_bvh(tmp_path / "motion.bvh")


def test_a_truncated_bvh_is_refused(motion: Motion, tmp_path: Path) -> None:
    path = save(motion, tmp_path / "motion.bvh")
    path.write_text(path.read_text()[:-300])
    with pytest.raises(ConfigError, match="line"):
        read_bvh(path)


def test_a_missing_bvh_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match=r"motion\.bvh"):
        read_bvh(tmp_path / "motion.bvh")


@pytest.mark.parametrize("order", ORDERS)
def test_bvh_of_any_rotation_order_comes_back_within_a_ten_thousandth(
    motion: Motion, tmp_path: Path, order: str
) -> None:
    back = read_bvh(save(motion, tmp_path / "motion.bvh", order=order))
    assert geodesic_angle(back.rotations.double(), motion.rotations.double()).max() < 1e-4
    again = read_bvh(save(back, tmp_path / "again.bvh", order=order))
    assert geodesic_angle(again.rotations.double(), back.rotations.double()).max() < 1e-4


@pytest.mark.parametrize("order", ORDERS)
def test_another_reader_finds_the_joints_where_they_are(motion: Motion, tmp_path: Path, order: str) -> None:
    """pybvh, whose code is not ours."""
    pybvh = pytest.importorskip("pybvh")
    found = pybvh.read_bvh_file(save(motion, tmp_path / "motion.bvh", order=order))
    names, positions = list(found.joint_names), found.joint_positions()
    joints = StickBody().joints(motion)
    for joint, name in enumerate(SMPL_BODY.joint_names):
        x, y, z = joints[:, joint].unbind(-1)
        wanted = torch.stack([x, z, -y], dim=-1).numpy() * 100
        np.testing.assert_allclose(positions[:, names.index(name)], wanted, atol=0.01)


@pytest.mark.parametrize("names", ["mixamo", "unity"])
def test_bvh_with_the_names_of_a_rig_comes_back_on_our_skeleton(motion: Motion, tmp_path: Path, names: str) -> None:
    path = save(motion, tmp_path / "motion.bvh", names=names)
    assert "left_knee" not in path.read_text()
    back = read_bvh(path)
    assert back.skeleton is SMPL_BODY
    torch.testing.assert_close(back.rotations, motion.rotations, atol=1e-4, rtol=0)


def test_an_unknown_rotation_order_is_refused(motion: Motion, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ZXY, ZYX"):
        save(motion, tmp_path / "motion.bvh", order="ZXZ")
