"""The Khronos glTF validator finds nothing to say about our GLB."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from actiongpt_core.export import save
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL, SMPL_BODY, Skeleton

SCRIPT = Path(__file__).with_name("validate_gltf.js")


@pytest.fixture(scope="module")
def node() -> str:
    """The command, where it finds the validator."""
    found = shutil.which("node")
    if found is None or subprocess.run([found, "-e", "require('gltf-validator')"], capture_output=True).returncode:
        pytest.skip("no glTF validator: npm install gltf-validator, and NODE_PATH=$PWD/node_modules")
    return found


def report(node: str, path: Path) -> dict[str, Any]:
    found = subprocess.run([node, str(SCRIPT), str(path)], capture_output=True, text=True, check=True, env=os.environ)
    content: dict[str, Any] = json.loads(found.stdout)
    return content


@pytest.mark.parametrize("frames", [1, 30])
@pytest.mark.parametrize(
    "skeleton",
    [
        SMPL_BODY,
        SMPL,
        Skeleton(name="pole", joint_names=("a", "b"), parents=(-1, 0), rest_offsets=((0.0, 0.0, 0.0), (0.1, 1.0, 0.2))),
    ],
    ids=lambda skeleton: skeleton.name,
)
def test_the_validator_finds_neither_errors_nor_warnings(
    node: str, skeleton: Skeleton, frames: int, tmp_path: Path
) -> None:
    generator = torch.Generator().manual_seed(0)
    rotations = torch.linalg.qr(torch.randn(frames, skeleton.num_joints, 3, 3, generator=generator))[0]
    rotations *= torch.linalg.det(rotations)[..., None, None]
    motion = Motion(rotations=rotations, translation=torch.rand(frames, 3), fps=30, skeleton=skeleton)
    issues = report(node, save(motion, tmp_path / "motion.glb"))["issues"]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]
