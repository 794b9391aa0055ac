"""Rotations, features, joints and clips against the numbers of the original code (golden/transforms)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from actiongpt_core.features.base import Normalizer
from actiongpt_core.features.rifke import joints_to_rifke, rifke_to_joints
from actiongpt_core.features.root_velocity_rot6d import RootVelocityRot6d
from actiongpt_core.geometry import rotations as rot
from actiongpt_core.geometry.clips import (
    align_full,
    align_translation,
    bridge,
    canonicalise,
    subsample_frames,
    upsample,
)

pytestmark = pytest.mark.golden

FILE = "transforms/transforms.npz"
EXACT = 1e-5  # metres and rotation entries
SCALED = 1e-4  # features divided by a small std
ALIGNED = 5e-4  # rotations after alignment and slerp: float32 square roots in the originals' matrix -> quaternion
ROUNDING = 1e-6  # relative, float32: for values far from 1 (millimetres, features divided by a small std)

BODY_RFEATS = "rots2rfeats/globalvelandy/rot6d/babel-amass"
STATS = {"teach_stats": f"{BODY_RFEATS}/rfeats", "temos_seg_stats": f"{BODY_RFEATS}/seg/rfeats"}
JOINT_STATS = "joints2jfeats/rifke/babel-amass/jfeats"
SETTINGS: dict[str, RootVelocityRot6d] = {
    "nonorm": RootVelocityRot6d(),
    "nonorm_nocanon": RootVelocityRot6d(canonicalise=False),
    "nonorm_nooffset": RootVelocityRot6d(offset=False),
    **{name: RootVelocityRot6d() for name in STATS},
}


# --- rotations -----------------------------------------------------------------------------------------------------

DIRECT: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "rot/quat_from_aa": ("rot/axis_angle", rot.axis_angle_to_quaternion),
    "rot/matrix_from_aa": ("rot/axis_angle", rot.axis_angle_to_matrix),
    "rot/sixd_from_matrix": ("rot/matrix_from_aa", rot.matrix_to_rot6d),
    "rot/matrix_from_sixd_random": ("rot/sixd_random", rot.rot6d_to_matrix),
    "rot/matrix_from_quat_random": ("rot/quat_random_unnormalised", rot.quaternion_to_matrix),
    "rot/matrix_of_angles": ("rot/matrix_of_angles_cos_sin", lambda pair: rot.planar_rotation(*pair.unbind(-1))),
    "rot/matrix_of_angles_inv": (
        "rot/matrix_of_angles_cos_sin",
        lambda pair: rot.planar_rotation(*pair.unbind(-1)).mT,
    ),
}


@pytest.mark.parametrize("key", DIRECT)
def test_golden_rotation_conversions_agree(golden: Any, key: str) -> None:
    source, convert = DIRECT[key]
    golden.compare(FILE, key, convert(golden.feed(FILE, source)), EXACT)


FRAGILE: dict[str, tuple[str, Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "rot/quat_from_matrix": ("rot/matrix_from_aa", rot.matrix_to_quaternion, rot.quaternion_to_matrix),
    "rot/aa_from_matrix": ("rot/matrix_from_aa", rot.matrix_to_axis_angle, rot.axis_angle_to_matrix),
    "rot/aa_from_quat": ("rot/quat_from_aa", rot.quaternion_to_axis_angle, rot.axis_angle_to_matrix),
}


@pytest.mark.parametrize("key", FRAGILE)
def test_golden_quaternions_and_vectors_stand_for_the_same_rotations(golden: Any, key: str) -> None:
    # Near half and no turns signs and digits are noise: the rotations are compared. There the originals' own result is
    # off from its input by their square roots' rounding; ours may differ from theirs by no more than that.
    source, convert, to_matrix = FRAGILE[key]
    given = golden.feed(FILE, source)
    exact = given if given.shape[-1] == given.shape[-2] == 3 else rot.quaternion_to_matrix(given)
    theirs = to_matrix(torch.from_numpy(golden.load(FILE)[key]))
    ours = to_matrix(convert(given))
    assert bool(((ours - exact).abs() <= EXACT).all())
    assert bool(((ours - theirs).abs() <= (theirs - exact).abs() + EXACT).all())
    golden.compared.add(f"{FILE}:{key}")


# --- features ------------------------------------------------------------------------------------------------------


def normalizer_from_stats(golden: Any, prefix: str) -> Normalizer | None:
    if not (golden.folder / "stats" / "stats.npz").is_file():
        return None
    return Normalizer(*(golden.feed("stats/stats.npz", f"{prefix}_{name}") for name in ("mean", "std")))


def recover_normalizer(golden: Any, raw: list[str], normalised: list[str]) -> Normalizer:
    return Normalizer(*golden.recover_stats(FILE, raw, normalised, EXACT))


def rfeats_normalizer(golden: Any, setting: str) -> Normalizer | None:
    if setting not in STATS:
        return None
    cases = [case for case in golden.keys(FILE, r"(rfeats\d+)/rots") if golden.has(FILE, f"{case}/{setting}/features")]
    pairs = [[f"{case}/{name}/features" for case in cases] for name in ("nonorm", setting)]
    return normalizer_from_stats(golden, STATS[setting]) or recover_normalizer(golden, *pairs)


@pytest.mark.golden(FILE, r"(rfeats\d+/\w+)/features")
def test_golden_rotation_features_agree_in_every_setting(golden: Any, case: str) -> None:
    clip, setting = case.split("/")
    features = SETTINGS[setting].encode(golden.feed(FILE, f"{clip}/rots"), golden.feed(FILE, f"{clip}/trans"))
    normalizer = rfeats_normalizer(golden, setting)
    if normalizer:
        features = normalizer.normalise(features)
    golden.compare(FILE, f"{case}/features", features, SCALED if normalizer else EXACT, ROUNDING)


@pytest.mark.golden(FILE, r"(rfeats\d+/\w+)/inv_rots")
def test_golden_rotation_features_are_undone_alike(golden: Any, case: str) -> None:
    setting = case.split("/")[1]
    features = golden.feed(FILE, f"{case}/features")
    normalizer = rfeats_normalizer(golden, setting)
    rotations, translation = SETTINGS[setting].decode(normalizer.denormalise(features) if normalizer else features)
    golden.compare(FILE, f"{case}/inv_rots", rotations, EXACT)
    golden.compare(FILE, f"{case}/inv_trans", translation, EXACT)


@pytest.mark.golden(FILE, r"(rfeats_random)/features")
def test_golden_random_features_become_the_same_motion(golden: Any, case: str) -> None:
    normalizer = rfeats_normalizer(golden, "teach_stats")
    assert normalizer is not None
    features = normalizer.denormalise(golden.feed(FILE, f"{case}/features"))
    rotations, translation = RootVelocityRot6d().decode(features)
    golden.compare(FILE, f"{case}/inv_rots", rotations, EXACT)
    golden.compare(FILE, f"{case}/inv_trans", translation, EXACT)


def in_the_unit_of(values: Tensor) -> float:
    """The tolerance for metres, for joints of a person in any unit."""
    return EXACT * max(1.0, float(values.abs().max()))


@pytest.mark.golden(FILE, r"(rifke\w*)/joints")
def test_golden_joint_features_agree(golden: Any, case: str) -> None:
    joints = golden.feed(FILE, f"{case}/joints")
    golden.compare(FILE, f"{case}/features", joints_to_rifke(joints), in_the_unit_of(joints))


@pytest.mark.golden(FILE, r"(rifke\w*)/features_forward_filter")
def test_golden_joint_features_with_a_smoothed_direction_agree(golden: Any, case: str) -> None:
    joints = golden.feed(FILE, f"{case}/joints")
    features = joints_to_rifke(joints, smooth_forward=True)
    golden.compare(FILE, f"{case}/features_forward_filter", features, in_the_unit_of(joints))


@pytest.mark.golden(FILE, r"(rifke\w*)/inverse")
def test_golden_joint_features_become_the_same_joints(golden: Any, case: str) -> None:
    features = golden.feed(FILE, f"{case}/features")
    golden.compare(FILE, f"{case}/inverse", rifke_to_joints(features), in_the_unit_of(features))


@pytest.mark.golden(FILE, r"(rifke\w*)/features_babel_stats")
def test_golden_normalised_joint_features_agree(golden: Any, case: str) -> None:
    cases = golden.keys(FILE, r"(rifke\w*)/features_babel_stats")
    pairs = [[f"{name}/{kind}" for name in cases] for kind in ("features", "features_babel_stats")]
    normalizer = normalizer_from_stats(golden, JOINT_STATS) or recover_normalizer(golden, *pairs)
    features = normalizer.normalise(joints_to_rifke(golden.feed(FILE, f"{case}/joints")))
    golden.compare(FILE, f"{case}/features_babel_stats", features, SCALED, ROUNDING)


# --- clips ---------------------------------------------------------------------------------------------------------


@pytest.mark.golden(FILE, r"(canonicalize_smplh)/rots")
def test_golden_canonical_clips_agree(golden: Any, case: str) -> None:
    rotations, translation = canonicalise(golden.feed(FILE, f"{case}/rots"), golden.feed(FILE, f"{case}/trans"))
    golden.compare(FILE, f"{case}/out_rots", rotations, EXACT)
    golden.compare(FILE, f"{case}/out_trans", translation, EXACT)


def test_golden_alignment_of_two_clips_agrees(golden: Any) -> None:
    before, after = ([golden.feed(FILE, f"interp/{name}_{kind}") for kind in ("rots", "trans")] for name in "ab")
    rotations, translation = align_full(*after, before[0][-1, 0], before[1][-1])
    golden.compare(FILE, "interp/align_full_rots", rotations, ALIGNED)
    golden.compare(FILE, "interp/align_full_trans", translation, ALIGNED)
    golden.compare(FILE, "interp/align_trans_only", align_translation(after[1], before[1][-1]), EXACT)


@pytest.mark.golden(FILE, r"interp/slerp_poses_(\d+)")
def test_golden_bridges_between_clips_agree(golden: Any, case: str) -> None:
    poses = (golden.feed(FILE, "interp/a_rots")[-1], golden.feed(FILE, "interp/b_rots")[0])
    places = (golden.feed(FILE, "interp/a_trans")[-1], golden.feed(FILE, "interp/b_trans")[0])
    rotations, translation = bridge(poses, places, int(case))
    golden.compare(FILE, f"interp/slerp_poses_{case}", rotations, ALIGNED)
    golden.compare(FILE, f"interp/slerp_trans_{case}", translation, EXACT)


@pytest.mark.golden(FILE, r"interp/slerp_near_(\d+)")
def test_golden_bridges_between_nearly_equal_poses_agree(golden: Any, case: str) -> None:
    near = golden.feed(FILE, "interp/slerp_near_a"), golden.feed(FILE, "interp/slerp_near_b")
    rotations, _ = bridge(near, (torch.zeros(3), torch.zeros(3)), int(case))
    golden.compare(FILE, f"interp/slerp_near_{case}", rotations, ALIGNED)


@pytest.mark.golden(FILE, r"sampling/subsample_(\d+_[\d.]+to[\d.]+)")
def test_golden_dropped_frames_agree(golden: Any, case: str) -> None:
    count, old, new = re.split("_|to", case)
    golden.compare(FILE, f"sampling/subsample_{case}", subsample_frames(int(count), float(old), float(new)), 0)


@pytest.mark.golden(FILE, r"sampling/upsample_x(\d+)")
def test_golden_filled_in_frames_agree(golden: Any, case: str) -> None:
    values = upsample(golden.feed(FILE, "sampling/upsample_in"), int(case))
    golden.compare(FILE, f"sampling/upsample_x{case}", values, EXACT)
