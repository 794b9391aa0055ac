"""`actiongpt export`: files in, a file out, edited on the way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from actiongpt_core.cli.main import app
from actiongpt_core.data.procedural import sample
from actiongpt_core.export import load, save
from actiongpt_core.geometry.clips import facing
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.types.motion import Motion


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with wave.npz and wave.bvh, 2 s."""
    clip = sample("wave with the right hand", np.random.default_rng(0), seconds=2.0)
    rotations = axis_angle_to_matrix(torch.from_numpy(clip.poses))
    motion = Motion(rotations=rotations, translation=torch.from_numpy(clip.trans), fps=30)
    for suffix in ("npz", "bvh"):
        save(motion, tmp_path / f"wave.{suffix}")
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def test_a_file_becomes_one_of_another_format(folder: Path) -> None:
    result = run(folder / "wave.npz", folder / "out.bvh", "-O", "order=XYZ", "-O", "names=mixamo")
    assert result.exit_code == 0, result.output
    assert "60 frames at 30 fps" in result.output
    text = (folder / "out.bvh").read_text()
    assert "Xrotation Yrotation Zrotation" in text
    assert "mixamorig:Hips" in text
    torch.testing.assert_close(
        load(folder / "out.bvh").rotations, load(folder / "wave.npz").rotations, atol=1e-3, rtol=0
    )


def test_edits_are_done_on_the_way(folder: Path) -> None:
    result = run(
        folder / "wave.npz", folder / "out.npz", "--trim", "0.5:1.5", "--fps", 60, "--heading", 0, "--mirror", "--loop"
    )
    assert result.exit_code == 0, result.output
    motion = load(folder / "out.npz")
    assert motion.fps == 60
    assert len(motion) == 59 + 23  # 1 s of 30 frames, and 0.4 s back
    assert abs(float(facing(motion.rotations[0, 0]))) < 1e-3


def test_several_files_are_joined(folder: Path) -> None:
    result = run(folder / "wave.npz", folder / "wave.bvh", folder / "out.npz", "--join", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.output)
    assert report["motions"] == [{"frames": 132, "fps": 30.0, "seconds": 4.4, "actions": 2, "skeleton": "smpl_body"}]
    assert report["bytes"] == Path(report["file"]).stat().st_size


def test_several_files_go_side_by_side_into_one_picture(folder: Path) -> None:
    assert run(folder / "wave.npz", folder / "wave.bvh", folder / "out.png").exit_code == 0
    assert (folder / "out.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["wave.npz", "out.fbx"], "the suffix"),
        (["wave.npz", "out.bvh", "-O", "ordr=XYZ"], "no option 'ordr'"),
        (["wave.npz", "wave.bvh", "out.bvh"], "holds one motion"),
        (["wave.npz", "out.bvh", "--trim", "5:6"], "nothing is between"),
        (["wave.npz", "out.bvh", "--trim", "x"], "START:END"),
        (["wave.npz", "out.bvh", "--fps", "0"], "fps must be"),
        (["wave.npz", "out.bvh", "--postprocess", "smoth"], "No clean-up 'smoth'"),
        (["nothing.npz", "out.bvh"], "no motion file"),
        (["wave.glb", "out.bvh"], "read from .bvh and .npz"),
    ],
)
def test_what_cannot_work_says_why_and_writes_nothing(folder: Path, arguments: list[str], message: str) -> None:
    before = sorted(folder.iterdir())
    result = run(*(folder / item if "." in item and not item[0].isdigit() else item for item in arguments))
    assert result.exit_code != 0
    assert message in result.output + str(result.exception)
    assert sorted(folder.iterdir()) == before
