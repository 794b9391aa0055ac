"""SMPL's joint sets and the rotations that its rows pass through, against the numbers of the original code."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from actiongpt_core.body.joint_sets import SMPL_JOINT_SETS
from actiongpt_core.geometry import rotations as rot

pytestmark = pytest.mark.golden

JOINTS = "motionclip_tiny/joint_maps.json"
FILE = "motionclip_tiny/rotations.npz"
EXACT = 1e-5  # of the folder's README, away from half turns
HALF_TURN = math.pi - 0.01  # from this angle on the numbers of quaternions and vectors are not compared

Convert = Callable[[Tensor], Tensor]


def same(matrix: Tensor) -> Tensor:
    return matrix


def rot6d_to_quaternion(rot6d: Tensor) -> Tensor:
    return rot.matrix_to_quaternion(rot.rot6d_to_matrix(rot6d))


def rot6d_to_axis_angle(rot6d: Tensor) -> Tensor:
    return rot.matrix_to_axis_angle(rot.rot6d_to_matrix(rot6d))


#: For each array its source, our way from there, and what makes matrices of it.
CHAINS: dict[str, tuple[str, Convert, Convert]] = {
    "d6_matrix": ("d6", rot.rot6d_to_matrix, same),
    "d6_quaternion": ("d6", rot6d_to_quaternion, rot.quaternion_to_matrix),
    "d6_axis_angle": ("d6", rot6d_to_axis_angle, rot.axis_angle_to_matrix),
    "d6_back": (
        "d6",
        lambda rot6d: rot.matrix_to_rot6d(rot.axis_angle_to_matrix(rot6d_to_axis_angle(rot6d))),
        rot.rot6d_to_matrix,
    ),
    "aa_quaternion": ("aa", rot.axis_angle_to_quaternion, rot.quaternion_to_matrix),
    "aa_matrix": ("aa", rot.axis_angle_to_matrix, same),
    "aa_d6": ("aa", lambda aa: rot.matrix_to_rot6d(rot.axis_angle_to_matrix(aa)), rot.rot6d_to_matrix),
    "aa_back": ("aa", lambda aa: rot.matrix_to_axis_angle(rot.axis_angle_to_matrix(aa)), rot.axis_angle_to_matrix),
    "quat_to_matrix": ("aa_quaternion", rot.quaternion_to_matrix, same),
}
TO_MATRIX = {
    "d6": rot.rot6d_to_matrix,
    "aa": rot.axis_angle_to_matrix,
    "aa_quaternion": rot.quaternion_to_matrix,
}


def test_golden_joint_sets_of_smpl_are_the_originals(golden: Any) -> None:
    ours = {name: list(chosen.indices) for name, chosen in SMPL_JOINT_SETS.items()}
    golden.compare_json(JOINTS, "", ours, golden.load(JOINTS))


@pytest.mark.parametrize("key", CHAINS)
def test_golden_rotations_agree_along_every_chain(golden: Any, key: str) -> None:
    source, convert, to_matrix = CHAINS[key]
    given, stored = golden.feed(FILE, source), torch.from_numpy(golden.load(FILE)[key])
    found, known = convert(given), stored.isfinite().flatten(1).all(1)
    assert found.shape == stored.shape
    exact, ours = TO_MATRIX[source](given).double(), to_matrix(found).double()
    assert bool(((ours - exact).abs() <= EXACT).all())

    # Near half turns and no turns the original's square roots are noise: ours may differ from its numbers by as much as
    # those are off themselves, and no more. At half turns its signs may be wrong: only rotations can be compared.
    theirs = to_matrix(stored).double()
    assert bool(((ours - theirs).abs() <= (theirs - exact).abs() + EXACT)[known].all())
    off = rot.geodesic_angle(theirs, exact)
    usual = known & (rot.geodesic_angle(torch.eye(3).double(), exact) < HALF_TURN)
    error = (found - stored).double().abs().flatten(1).amax(1)
    assert bool((error <= EXACT + off)[usual].all())
    golden.compared.add(f"{FILE}:{key}")
