"""Rows of rotations to joints and vertices against the numbers of the original code."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from actiongpt_core.body.joint_sets import SMPL_JOINT_SETS
from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_motionclip.xyz import rows_to_xyz

pytestmark = pytest.mark.golden

FILE = "motionclip_tiny/rot2xyz.npz"
TOLERANCE = {"atol": 2e-5, "rtol": 1e-4}  # of the folder's README, for points


@pytest.fixture(scope="module")
def body(synthetic_smpl: Path) -> SmplBody:
    folder = synthetic_smpl / "smpl"
    return SmplBody(folder / "SMPL_NEUTRAL.pkl", extra_regressor=folder / "J_regressor_extra.npy")


@pytest.fixture
def x(golden: Any) -> Tensor:
    return golden.feed(FILE, "x")


@pytest.fixture
def mask(golden: Any, x: Tensor) -> Tensor:
    return lengths_to_mask(golden.feed(FILE, "lengths"), x.shape[-1])


def with_displaced_padding(found: Tensor, x: Tensor, mask: Tensor) -> Tensor:
    """As the original, whose padded frames are not zero: it adds the displacement there too."""
    shift = x[:, -1, :3] - x[:, -1, :3, :1]
    return found + (shift * ~mask[:, None])[:, None]


@pytest.mark.golden(FILE, f"({'|'.join(SMPL_JOINT_SETS)})")
def test_golden_joint_sets_agree(golden: Any, body: SmplBody, x: Tensor, mask: Tensor, case: Any) -> None:
    golden.compare(FILE, case, rows_to_xyz(x, mask, body, joint_set=case), **TOLERANCE)


@pytest.mark.golden(FILE, f"({'|'.join(SMPL_JOINT_SETS)})\\.trans")
def test_golden_displaced_joint_sets_agree(golden: Any, body: SmplBody, x: Tensor, mask: Tensor, case: Any) -> None:
    found = rows_to_xyz(x, mask, body, joint_set=case, vertstrans=True)
    golden.compare(FILE, f"{case}.trans", with_displaced_padding(found, x, mask), **TOLERANCE)


def test_golden_vertices_agree(golden: Any, body: SmplBody, x: Tensor, mask: Tensor) -> None:
    num_vertices = body.kind.num_vertices
    step = math.ceil(num_vertices / golden.load(FILE)["vertices"].shape[1])
    found = rows_to_xyz(x, mask, body, joint_set="vertices")
    golden.compare(FILE, "vertices", found[:, ::step], **TOLERANCE)
    found = with_displaced_padding(rows_to_xyz(x, mask, body, joint_set="vertices", vertstrans=True), x, mask)
    golden.compare(FILE, "vertices.trans", found[:, ::step], **TOLERANCE)


@pytest.mark.golden(FILE, r"smpl\.beta(\d+)")
def test_golden_joints_of_another_shape_agree(golden: Any, body: SmplBody, x: Tensor, mask: Tensor, case: str) -> None:
    # The original's option sets the second coefficient; the name of the case is its value.
    found = rows_to_xyz(x, mask, body, betas=torch.tensor([0.0, float(case)]))
    golden.compare(FILE, f"smpl.beta{case}", found, **TOLERANCE)


def test_golden_joints_without_a_root_orientation_agree(golden: Any, body: SmplBody, x: Tensor, mask: Tensor) -> None:
    found = rows_to_xyz(x[:, 1:], mask, body, global_orient=False, glob_rot=(math.pi, 0.0, 0.0))
    golden.compare(FILE, "smpl.noglob", found, **TOLERANCE)


@pytest.mark.golden(FILE, r"(rot\w+)\.smpl")
def test_golden_joints_of_other_representations_agree(golden: Any, body: SmplBody, mask: Tensor, case: Any) -> None:
    found = rows_to_xyz(golden.feed(FILE, f"{case}.x"), mask, body, representation=case)
    golden.compare(FILE, f"{case}.smpl", found, **TOLERANCE)
