"""Joints and vertices of SMPL-H against the numbers of the original code."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import torch
from torch import Tensor

from actiongpt_core.body.joint_sets import convert_joints, shift_to_start
from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import Skeleton

pytestmark = pytest.mark.golden

FILE = "transforms/transforms.npz"
BODY = "smplh_synthetic/synthetic_smplh.npz"
JOINTS = 1e-4  # metres
MILLIMETRES = 0.05  # the joint set mmm is in about millimetres


@pytest.fixture(scope="module")
def body(golden: Any) -> SmplBody:
    return SmplBody(golden.folder / BODY)


@pytest.fixture(scope="module")
def motion(golden: Any, body: SmplBody) -> Motion:
    translation = golden.feed(FILE, "smplh/trans") + body.rest_pelvis
    return Motion(rotations=golden.feed(FILE, "smplh/rots"), translation=translation, fps=30)


# --- the body that is stored ---------------------------------------------------------------------------------------


def test_golden_body_file_is_read_as_it_is(golden: Any, body: SmplBody) -> None:
    layer = body._layer
    golden.compare(BODY, "v_template", layer.v_template, 0)
    golden.compare(BODY, "shapedirs", layer.shapedirs, 0)
    golden.compare(BODY, "weights", layer.lbs_weights, 0)
    golden.compare(BODY, "J_regressor", layer.J_regressor, 0)
    golden.compare(BODY, "f", body.faces, 0)
    parents = golden.load(BODY)["kintree_table"][0]
    golden.compare_json(BODY, "kintree_table", layer.parents[1:].tolist(), parents[1:].tolist())
    stored = golden.feed(BODY, "posedirs")
    golden.compare(BODY, "posedirs", layer.posedirs.T.reshape(stored.shape), 0)


def test_golden_body_holds_its_hands_flat(golden: Any, body: SmplBody) -> None:
    # The mean of the hands is in the file and not used, as in the originals: fingers point as in the rest pose.
    for side in "lr":
        assert bool(golden.feed(BODY, f"hands_mean{side}").any())
        golden.feed(BODY, f"hands_components{side}")
    still = Motion(rotations=torch.eye(3).expand(1, 22, 3, 3), translation=body.rest_pelvis[None], fps=30)
    rest = golden.feed(BODY, "J_regressor") @ golden.feed(BODY, "v_template")
    assert torch.allclose(body.all_joints(still)[0, : len(rest)], rest, atol=JOINTS)
    assert torch.allclose(body.mesh(still)[0][0], golden.feed(BODY, "v_template"), atol=JOINTS)


# --- the joints of transforms --------------------------------------------------------------------------------------


def recovered_skeleton(golden: Any) -> Skeleton:
    """The skeleton that the stored joints were made with: its offsets are what stays constant over the frames."""
    joints, rotations = golden.feed(FILE, "smplh/smplh"), golden.feed(FILE, "smplh/rots")
    parents = (-1, *golden.feed(BODY, "kintree_table")[0, 1:].tolist())
    names, nowhere = tuple(f"joint{index}" for index in range(len(parents))), ((0.0, 0.0, 0.0),) * len(parents)
    bare = Skeleton(name="recovered", joint_names=names, parents=parents, rest_offsets=nowhere)
    turned = forward_kinematics(with_flat_hands(rotations, len(parents)), joints[:, 0], bare)[1]
    offsets = [(0.0, 0.0, 0.0)]
    for joint, parent in list(enumerate(parents))[1:]:
        local = turned[:, parent].mT @ (joints[:, joint] - joints[:, parent])[..., None]
        offsets.append(tuple(local[..., 0].mean(0).tolist()))
    return Skeleton(name="recovered", joint_names=names, parents=parents, rest_offsets=tuple(offsets))


def with_flat_hands(rotations: Tensor, num_joints: int) -> Tensor:
    missing = num_joints - rotations.shape[1]
    return torch.cat([rotations, torch.eye(3).expand(len(rotations), missing, 3, 3)], dim=1)


def is_of(skeleton: Skeleton, golden: Any) -> bool:
    """Were the joints made with the body that is stored beside them?"""
    rest = golden.feed(BODY, "J_regressor") @ golden.feed(BODY, "v_template")
    offsets = rest[1:] - rest[list(skeleton.parents[1:])]
    return bool((offsets - torch.tensor(skeleton.rest_offsets[1:])).abs().max() < JOINTS)


@pytest.mark.golden(FILE, r"smplh/(smpln?h)")
def test_golden_joints_of_the_body_agree(golden: Any, body: SmplBody, motion: Motion, case: str) -> None:
    translation, skeleton = golden.feed(FILE, "smplh/trans"), recovered_skeleton(golden)
    found, part = shift_to_start(convert_joints(body.all_joints(motion), case), translation), slice(None)
    if not is_of(skeleton, golden):
        # Made with a body that is not in the data: our kinematics with its offsets, as many as there are (F x 3 numbers
        # determine each). The 21 points on its surface remain.
        root = shift_to_start(motion.translation[:, None], translation)[:, 0]
        posed = forward_kinematics(with_flat_hands(motion.rotations, skeleton.num_joints), root, skeleton)[0]
        part = slice(min(found.shape[1], posed.shape[1]))
        found = torch.cat([posed[:, part], found[:, posed.shape[1] :]], dim=1)
    golden.compare(FILE, f"smplh/{case}", found, JOINTS, part=part)


@pytest.mark.golden(FILE, r"smplh/(\w*mmm\w*)")
def test_golden_joint_sets_agree(golden: Any, body: SmplBody, motion: Motion, case: str) -> None:
    translation = golden.feed(FILE, "smplh/trans")
    joints = body.all_joints(motion) if is_of(recovered_skeleton(golden), golden) else golden.feed(FILE, "smplh/smplh")
    found = shift_to_start(convert_joints(joints, case), translation)
    golden.compare(FILE, f"smplh/{case}", found, MILLIMETRES if case == "mmm" else JOINTS)


@pytest.mark.golden(FILE, r"smplh/(vertices_every\d+)")
def test_golden_vertices_of_the_body_agree(golden: Any, body: SmplBody, motion: Motion, case: str) -> None:
    step = int(re.sub(r"\D", "", case))
    found, part = body.mesh(motion)[0][:, ::step], slice(None)
    skeleton = recovered_skeleton(golden)
    if not is_of(skeleton, golden):
        # Another body: each vertex must follow two of our joints, blended. Vertices whose rest place depends on the
        # pose cannot be told from the data.
        found = blend_of_two_joints(skeleton, motion, torch.from_numpy(golden.load(FILE)[f"smplh/{case}"]))
        part = (golden.feed(BODY, "posedirs").abs().sum((1, 2))[::step] == 0).nonzero()[:, 0]
    golden.compare(FILE, f"smplh/{case}", found, JOINTS, part=part)


def blend_of_two_joints(skeleton: Skeleton, motion: Motion, vertices: Tensor) -> Tensor:
    """The nearest to (T, V, 3) that linear blend skinning with two joints a vertex can make."""
    rotations = with_flat_hands(motion.rotations, skeleton.num_joints)
    joints, turned = (part.double() for part in forward_kinematics(rotations, motion.translation, skeleton))
    # A point that follows joint j is R_j u + p_j: 3 unknowns and a weight each, and one shift of the whole body.
    column = torch.cat([turned, joints[..., None]], dim=-1)
    shift = torch.eye(3).double().expand(len(joints), 3, 3)
    target = vertices.double().transpose(1, 2).flatten(0, 1)
    best, error = torch.zeros_like(target), torch.full((target.shape[1],), torch.inf).double()
    for one, other in itertools.combinations(range(motion.skeleton.num_joints), 2):
        matrix = torch.cat([column[:, one], column[:, other], shift], dim=-1).flatten(0, 1)
        made = matrix @ torch.linalg.lstsq(matrix, target, driver="gelsd").solution
        off = (made - target).abs().amax(0)
        best, error = torch.where(off < error, made, best), torch.minimum(off, error)
    return best.unflatten(0, (len(joints), 3)).transpose(1, 2).float()
