"""Positions of the joints as an array and as a table, and the surface as OBJ files."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh

from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ConfigError, ExportError
from actiongpt_core.evaluation.sample_files import read_joint_file
from actiongpt_core.export import load, save
from actiongpt_core.types.motion import Motion


def test_npy_holds_the_positions_of_the_joints_without_pickle(motion: Motion, tmp_path: Path) -> None:
    array = np.load(save(motion, tmp_path / "motion.npy"), allow_pickle=False)
    assert array.dtype == np.float32
    np.testing.assert_allclose(array, StickBody().joints(motion).numpy(), atol=1e-6)


def test_the_published_layout_is_what_the_originals_evaluation_reads(motion: Motion, tmp_path: Path) -> None:
    file = read_joint_file(save(motion, tmp_path / "motion.npy", layout="published"))
    assert file.joints.shape == (40, 21, 3)
    assert file.lengths == (25, 15)


def test_csv_is_a_row_a_frame_with_names_above(motion: Motion, tmp_path: Path) -> None:
    with save(motion, tmp_path / "motion.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["seconds"]) for row in rows[:3]] == pytest.approx([0, 1 / 30, 2 / 30], abs=1e-6)
    wanted = StickBody().joints(motion)[7, motion.skeleton.index("left_wrist")].tolist()
    assert [float(rows[7][f"left_wrist_{axis}"]) for axis in "xyz"] == pytest.approx(wanted, abs=1e-5)


def test_every_frame_of_an_obj_sequence_opens_in_trimesh(motion: Motion, tmp_path: Path) -> None:
    with zipfile.ZipFile(save(motion[:3], tmp_path / "motion.zip")) as archive:
        assert archive.namelist() == ["frame_0000.obj", "frame_0001.obj", "frame_0002.obj"]
        with archive.open("frame_0002.obj") as file:
            mesh = trimesh.load(file, file_type="obj", process=False)
    vertices, faces = StickBody().mesh(motion[2:3])
    x, y, z = vertices[0].unbind(-1)
    np.testing.assert_allclose(mesh.vertices, np.stack([x, z, -y], axis=-1), atol=1e-5)
    assert len(mesh.faces) == len(faces)
    assert mesh.volume > 0  # faces look outwards


@pytest.mark.parametrize(("layout", "numbers"), [("body", 66), ("smpl", 72), ("smplh", 156)])
def test_npz_has_the_joints_of_its_layout_and_reads_back(
    motion: Motion, tmp_path: Path, layout: str, numbers: int
) -> None:
    path = save(motion, tmp_path / "motion.npz", layout=layout, betas=[0.5, -1.0], gender="female")
    with np.load(path) as file:
        assert file["poses"].shape == (40, numbers)
        assert file["betas"].tolist() == [0.5, -1.0, *[0.0] * 14]
        assert str(file["gender"]) == "female"
    np.testing.assert_allclose(load(path).rotations[:, :22], motion.rotations, atol=1e-4)


@pytest.mark.parametrize(
    "options", [{"layout": "smplz"}, {"gender": "none"}, {"betas": [float("nan")]}, {"betas": [0.0] * 17}]
)
def test_npz_options_that_cannot_work_are_refused(motion: Motion, tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        save(motion, tmp_path / "motion.npz", **options)


def test_an_option_that_a_format_lacks_is_refused_with_those_that_it_has(motion: Motion, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no option 'ordr'.*order, names.*'order'"):
        save(motion, tmp_path / "motion.bvh", ordr="XYZ")


def test_several_motions_do_not_go_into_a_format_of_one(motion: Motion, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="holds one motion, got 2"):
        save([motion, motion], tmp_path / "motion.bvh")


def test_a_suffix_that_nobody_reads_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"\.bvh and \.npz"):
        load(tmp_path / "motion.fbx")
