"""From a file's skeleton to ours: bones point where they did, feet stand on the floor, our own files come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mocap_files import Bvh, acclaim, as_bvh, motionbuilder, write_acclaim
from scipy.spatial.transform import Rotation

from actiongpt_core.data.asf_amc import read_asf_amc
from actiongpt_core.data.bvh import read_bvh_mocap
from actiongpt_core.data.clip import face_canonically
from actiongpt_core.data.mocap import Mocap
from actiongpt_core.data.retarget import TOE_HEIGHT, bvh_to_recording, retarget
from actiongpt_core.errors import DataError
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY

FAST = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Y_UP_TO_Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
#: our bone, by the joints at its ends -> those of MotionBuilder-style files
LIMBS = {
    ("left_hip", "left_knee"): ("LeftUpLeg", "LeftLeg"),
    ("left_knee", "left_ankle"): ("LeftLeg", "LeftFoot"),
    ("left_collar", "left_shoulder"): ("LeftShoulder", "LeftArm"),
    ("left_shoulder", "left_elbow"): ("LeftArm", "LeftForeArm"),
    ("left_elbow", "left_wrist"): ("LeftForeArm", "LeftHand"),
}
LIMBS |= {
    tuple(end.replace("left", "right") for end in ours): tuple(end.replace("Left", "Right") for end in theirs)  # type: ignore[misc]
    for ours, theirs in LIMBS.items()
}


def mocap_of(bvh: Bvh, folder: Path) -> Mocap:
    (folder / "a.bvh").write_text(bvh.text(), encoding="ascii")
    return read_bvh_mocap(folder / "a.bvh")


def joints_of(poses: Any, translation: Any) -> Any:
    rotations = axis_angle_to_matrix(torch.from_numpy(poses))
    return forward_kinematics(rotations, torch.from_numpy(translation), SMPL_BODY)[0].numpy()


def source_joints(bvh: Bvh) -> dict[str, Any]:
    """World positions in the file, Y up: told apart from the library's kinematics."""
    turned: list[Any] = []
    places: list[Any] = []
    for joint, parent in enumerate(bvh.parents):
        local = bvh.rotations[:, joint]
        turned.append(turned[parent] @ local if parent >= 0 else local)
        places.append(places[parent] + turned[parent] @ bvh.offsets[joint] if parent >= 0 else bvh.root)
    return dict(zip(bvh.joints, places, strict=True))


def unit(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@given(seed=st.integers(0, 2**16))
@FAST
def test_limbs_point_where_they_point_in_the_file(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    bvh = motionbuilder(6, seed=seed, calibrated=False)
    poses, translation, _ = retarget(mocap_of(bvh, tmp_path_factory.mktemp("limbs")))
    ours, theirs = joints_of(poses, translation), source_joints(bvh)
    # Both are the same but for one turn about the vertical, told by the first bone in the first frame.
    found, wanted = [], []
    for (start, end), (file_start, file_end) in LIMBS.items():
        found.append(unit(ours[:, SMPL_BODY.index(end)] - ours[:, SMPL_BODY.index(start)]))
        wanted.append(unit((theirs[file_end] - theirs[file_start]) @ Y_UP_TO_Z_UP.T))
    angle = np.arctan2(found[0][0, 1], found[0][0, 0]) - np.arctan2(wanted[0][0, 1], wanted[0][0, 0])
    about_z = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    np.testing.assert_allclose(found, wanted @ about_z.T, atol=1e-4)


def test_steps_are_scaled_by_the_length_of_the_legs(tmp_path: Path) -> None:
    bvh = motionbuilder(30, calibrated=False)
    theirs = source_joints(bvh)
    ours = joints_of(*retarget(mocap_of(bvh, tmp_path))[:2])
    hips = ours[:, [SMPL_BODY.index("left_hip"), SMPL_BODY.index("right_hip")]].mean(axis=1)
    file_hips = (theirs["LeftUpLeg"] + theirs["RightUpLeg"]) / 2
    offsets = np.array(SMPL_BODY.rest_offsets)
    leg = sum(np.linalg.norm(offsets[SMPL_BODY.index(name)]) for name in ("left_knee", "left_ankle"))
    file_leg = sum(np.linalg.norm(bvh.offsets[bvh.joints.index(name)]) for name in ("LeftLeg", "LeftFoot"))
    steps, file_steps = (np.linalg.norm(np.diff(path, axis=0), axis=-1) for path in (hips, file_hips))
    np.testing.assert_allclose(steps, file_steps * leg / file_leg, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0254 / 0.45, 1.0, 5.6444])
def test_the_unit_of_a_file_changes_nothing(tmp_path: Path, scale: float) -> None:
    plain = retarget(mocap_of(motionbuilder(20), tmp_path))
    scaled = retarget(mocap_of(motionbuilder(20, scale=scale), tmp_path))
    np.testing.assert_allclose(scaled[0], plain[0], atol=1e-5)
    np.testing.assert_allclose(scaled[1], plain[1], atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_a_recording_faces_the_front_above_the_origin_with_its_toes_on_the_floor(tmp_path: Path, seed: int) -> None:
    poses, translation, fps = retarget(mocap_of(motionbuilder(40, seed=seed), tmp_path))
    root = axis_angle_to_matrix(torch.from_numpy(poses[0, 0])).numpy()
    forward = root @ [0, 0, 1]
    assert forward[1] < 0
    assert abs(forward[0]) < 1e-5
    np.testing.assert_allclose(translation[0, :2], 0, atol=1e-6)
    toes = joints_of(poses, translation)[:, [SMPL_BODY.index("left_foot"), SMPL_BODY.index("right_foot")], 2].min(
        axis=1
    )
    assert np.percentile(toes, 2) == pytest.approx(TOE_HEIGHT, abs=1e-4)
    assert fps == 120


def test_acclaim_and_its_conversion_are_the_same_motion(tmp_path: Path) -> None:
    capture = acclaim(30)
    amc = write_acclaim(tmp_path, "02_01", capture)
    plain = retarget(read_asf_amc(tmp_path / "02.asf", amc))
    converted = retarget(mocap_of(as_bvh(capture), tmp_path))
    assert len(converted[0]) == len(plain[0]) == 30  # the T-pose that the conversion sets before it is left out
    np.testing.assert_allclose(joints_of(*converted[:2]), joints_of(*plain[:2]), atol=1e-4)


def test_a_tpose_before_the_motion_is_left_out_and_a_frame_of_the_motion_is_not(tmp_path: Path) -> None:
    with_it = retarget(mocap_of(motionbuilder(20, calibrated=True), tmp_path))
    without = retarget(mocap_of(motionbuilder(20, calibrated=False), tmp_path))
    assert (len(with_it[0]), len(without[0])) == (19, 20)


def smooth_motion(seed: int, num_frames: int = 12) -> Motion:
    """Any pose of any joint; the body leans, but not so far that nobody knows where it faces."""
    generator = torch.Generator().manual_seed(seed)
    axis_angle = 2.5 * torch.randn(1, 22, 3, generator=generator) + 0.1 * torch.randn(
        num_frames, 22, 3, generator=generator
    ).cumsum(0)
    turn = torch.randn(1, generator=generator) * 3
    upright = axis_angle_to_matrix(torch.tensor([torch.pi / 2, 0, 0]))
    lean = axis_angle_to_matrix(0.3 * torch.randn(num_frames, 3, generator=generator).clamp(-2, 2))
    rotations = axis_angle_to_matrix(axis_angle)
    rotations[:, 0] = axis_angle_to_matrix(torch.tensor([0, 0, float(turn)])) @ lean @ upright
    translation = 0.2 * torch.randn(num_frames, 3, generator=generator).cumsum(0)
    return Motion(rotations=rotations, translation=translation, fps=30.0)


@given(seed=st.integers(0, 2**16))
@FAST
def test_our_own_bvh_comes_back_as_the_motion_that_it_was(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    motion = smooth_motion(seed)
    poses, translation, fps = bvh_to_recording(motion.save(tmp_path_factory.mktemp("own") / "a.bvh"))
    rotations, moved = face_canonically(motion.rotations, motion.translation)
    found = axis_angle_to_matrix(torch.from_numpy(poses))
    torch.testing.assert_close(found, rotations, rtol=0, atol=2e-5)
    lift = torch.from_numpy(translation) - moved  # only the height of the floor is not in a BVH
    torch.testing.assert_close(lift, lift[:1].expand_as(lift), rtol=0, atol=1e-5)
    assert lift[:, :2].abs().max() < 1e-5
    assert fps == 30


RENAMED = {
    "CMU BVH, 3ds Max-style": {
        **{"pelvis": "Hips", "spine1": "Chest", "spine2": "Chest2", "neck": "Neck", "head": "Head"},
        **{"hip": "%Hip", "knee": "%Knee", "ankle": "%Ankle", "foot": "%Toe"},
        **{"collar": "%Collar", "shoulder": "%Shoulder", "elbow": "%Elbow", "wrist": "%Wrist"},
    },
    "MotionBuilder names": {
        **{"pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck"},
        **{"head": "Head", "hip": "%UpLeg", "knee": "%Leg", "ankle": "%Foot", "foot": "%ToeBase"},
        **{"collar": "%Shoulder", "shoulder": "%Arm", "elbow": "%ForeArm", "wrist": "%Hand"},
    },
}


def renamed(mocap: Mocap, names: dict[str, str]) -> Mocap:
    def name(joint: str) -> str:
        side, _, part = joint.partition("_")
        return names[part].replace("%", side.title()) if side in ("left", "right") else names.get(joint, joint)

    return attrs.evolve(
        mocap,
        joints=tuple(name(joint) for joint in mocap.joints),
        ends={name(joint): end for joint, end in mocap.ends.items()},
    )


@pytest.mark.parametrize("dialect", RENAMED)
def test_other_names_of_the_joints_are_the_same_motion(tmp_path: Path, dialect: str) -> None:
    motion = smooth_motion(3)
    if dialect.startswith("CMU"):  # it has two bones in the back, the upper one of which is our third
        motion.rotations[:, SMPL_BODY.index("spine3")] = torch.eye(3)
    mocap = read_bvh_mocap(motion.save(tmp_path / "a.bvh"))
    expected = retarget(mocap)
    found = retarget(renamed(mocap, RENAMED[dialect]))
    np.testing.assert_allclose(joints_of(*found[:2]), joints_of(*expected[:2]), atol=1e-5)


def with_hanging_arms(mocap: Mocap) -> Mocap:
    """The same motion on a body whose arms hang down at rest, as the 3ds Max conversion of CMU has it."""
    offsets, rotations = mocap.offsets.copy(), mocap.rotations.copy()
    for side in ("left", "right"):
        shoulder, elbow, wrist = (mocap.joints.index(f"{side}_{part}") for part in ("shoulder", "elbow", "wrist"))
        turns = []
        for child in (elbow, wrist):
            across = np.cross(offsets[child], [0.0, -1.0, 0.0])
            angle = np.arccos(-offsets[child, 1] / np.linalg.norm(offsets[child]))
            turns.append(Rotation.from_rotvec(across / np.linalg.norm(across) * angle).as_matrix())
            offsets[child] = turns[-1] @ offsets[child]
        upper, lower = turns
        rotations[:, shoulder] = rotations[:, shoulder] @ upper.T
        rotations[:, elbow] = upper @ rotations[:, elbow] @ lower.T
        rotations[:, wrist] = lower @ rotations[:, wrist] @ lower.T
    return attrs.evolve(mocap, offsets=offsets, rotations=rotations)


@pytest.mark.parametrize("dialect", RENAMED)
def test_arms_that_hang_at_rest_are_the_same_motion(tmp_path: Path, dialect: str) -> None:
    motion = smooth_motion(4)
    motion.rotations[:, SMPL_BODY.index("spine3")] = torch.eye(3)
    mocap = read_bvh_mocap(motion.save(tmp_path / "a.bvh"))
    expected = retarget(renamed(mocap, RENAMED[dialect]))
    found = retarget(renamed(with_hanging_arms(mocap), RENAMED[dialect]))
    np.testing.assert_allclose(joints_of(*found[:2]), joints_of(*expected[:2]), atol=1e-5)


def test_a_users_map_reads_a_skeleton_that_is_not_known(tmp_path: Path) -> None:
    mocap = read_bvh_mocap(smooth_motion(1).save(tmp_path / "a.bvh"))
    strange = attrs.evolve(mocap, joints=tuple(f"bone {name}" for name in mocap.joints), ends={})
    joints = {name: f"bone {name}" for name in SMPL_BODY.joint_names}
    expected = retarget(mocap)
    found = retarget(strange, joints)
    np.testing.assert_allclose(joints_of(*found[:2]), joints_of(*expected[:2]), atol=1e-5)


def test_a_joint_that_the_map_has_not_moves_with_its_parent(tmp_path: Path) -> None:
    mocap = read_bvh_mocap(smooth_motion(1).save(tmp_path / "a.bvh"))
    joints: dict[str, str | None] = {name: name for name in SMPL_BODY.joint_names}
    poses, _, _ = retarget(mocap, {**joints, "spine2": None, "left_foot": None})
    assert np.abs(poses[:, [SMPL_BODY.index("spine2"), SMPL_BODY.index("left_foot")]]).max() < 1e-5


def test_an_unknown_skeleton_is_told_with_what_it_has_and_what_is_missing(tmp_path: Path) -> None:
    text = motionbuilder(3).text().replace("LeftForeArm", "LeftLowerArm")
    (tmp_path / "a.bvh").write_text(text)
    with pytest.raises(DataError, match=r"a\.bvh: the skeleton is none .*: LeftForeArm\. The file has:.*LeftLowerArm"):
        bvh_to_recording(tmp_path / "a.bvh")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"left_knees": "LeftLeg"}, "left_knees, which are none of our joints. Did you mean 'left_knee'"),
        ({"left_knee": None}, "not told: left_knee"),
        ({"left_knee": "LeftKnee"}, "names joints that the file has not: LeftKnee"),
    ],
)
def test_a_map_that_does_not_fit_is_told(tmp_path: Path, changes: dict[str, str | None], message: str) -> None:
    mocap = read_bvh_mocap(smooth_motion(1).save(tmp_path / "a.bvh"))
    joints: dict[str, str | None] = {name: name for name in SMPL_BODY.joint_names}
    with pytest.raises(DataError, match=message):
        retarget(mocap, joints | changes)


def test_a_body_that_lies_at_rest_is_refused(tmp_path: Path) -> None:
    bvh = motionbuilder(3)
    lying = attrs.evolve(bvh, offsets=bvh.offsets @ Y_UP_TO_Z_UP.T)
    with pytest.raises(DataError, match=r"must stand upright.*T-pose"):
        retarget(mocap_of(lying, tmp_path))


@pytest.mark.parametrize(
    ("offset", "message"),
    [((0, 0, 0), "left_shoulder to left_elbow has no length"), ((-5, 0.2, 0), "more than 150 degrees")],
)
def test_a_rest_bone_that_tells_no_direction_is_refused(
    tmp_path: Path, offset: tuple[float, float, float], message: str
) -> None:
    bvh = motionbuilder(3)
    bvh.offsets[bvh.joints.index("LeftForeArm")] = offset
    with pytest.raises(DataError, match=message):
        retarget(mocap_of(bvh, tmp_path))
