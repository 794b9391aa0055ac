"""`actiongpt data prepare` on files in the layouts of AMASS, BABEL and KIT-ML, and what is read of the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from babel_files import SIT, WALK, smplh_motion, write_amass, write_kit, write_small_set
from typer.testing import CliRunner

from actiongpt_core.cli.main import app
from actiongpt_core.geometry.rotations import matrix_to_axis_angle
from actiongpt_core.registry import get_registry
from actiongpt_core.types.skeleton import SMPL_REST_PELVIS

SENTENCES = {"00001": ["A human kicks.", "Someone kicks."], "00002": []}
KICK = "KIT/3/kick01_poses.npz"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


def prepared(name: str, source: Path, *options: str) -> Any:
    """What the command says of a preparation that succeeds."""
    result = run("prepare", name, "--source", source, "--out", source / "set", "--json", *options)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_babel_is_prepared_and_read(tmp_path: Path) -> None:
    report = prepared("babel", write_small_set(tmp_path))
    assert report["recordings"] == {"train": 1, "val": 1}
    assert report["seconds_of_motion"] == pytest.approx(16)
    data: Any = get_registry().open_data_set("babel", tmp_path / "set")
    assert [(item.start, item.end, item.texts) for item in data.segments("val")] == [
        (12, 90, ("walk",)),
        (102, 225, ("sit down",)),
    ]
    (pair,) = data.pairs("train")
    assert (pair.start, pair.texts) == (12, (("walk",), ("sit down",)))


def test_the_frames_are_those_of_the_file(tmp_path: Path) -> None:
    prepared("babel", write_small_set(tmp_path))
    motion = get_registry().open_data_set("babel", tmp_path / "set").motion("12", 30, 60)
    poses, trans = smplh_motion(960)
    kept = np.linspace(0, 959, 240).astype(int)[30:60]
    # 1e-5: stored as float32, and turned to matrices and back
    np.testing.assert_allclose(motion.translation, trans[kept] + SMPL_REST_PELVIS, atol=1e-5)
    np.testing.assert_allclose(matrix_to_axis_angle(motion.rotations), poses[kept, :66].reshape(-1, 22, 3), atol=1e-5)


def test_amass_is_prepared_without_texts(tmp_path: Path) -> None:
    write_amass(tmp_path / WALK, 480)
    write_amass(tmp_path / "MPI_HDM05/bd/HDM_bd_01-01_01_120_poses.npz", 480, seed=1)
    write_amass(tmp_path / "SSM_synced/a/short_poses.npz", 20)
    report = prepared("amass", tmp_path)
    assert report["recordings"] == {"train": 1, "val": 1}
    assert report["rejected"] == {"shorter than 0.5 s": 1}
    data = get_registry().open_data_set("amass", tmp_path / "set")
    assert len(data.motion("CMU.01.01_01", 0, 120)) == 120
    assert not data.segments("train")


def test_kit_is_prepared_at_the_rate_that_is_asked_for(tmp_path: Path) -> None:
    write_amass(tmp_path / "amass" / KICK, 200, fps=100)
    write_kit(tmp_path, SENTENCES, {"00001": KICK})
    report = prepared("kit", tmp_path, "-O", "fps=30")
    assert report["rejected"] == {"without a sentence": 1}
    (item,) = get_registry().open_data_set("kit", tmp_path / "set").segments("train")
    assert (item.num_frames, item.texts) == (60, ("A human kicks.", "Someone kicks."))


def test_the_same_command_again_reads_nothing(tmp_path: Path) -> None:
    first = prepared("babel", write_small_set(tmp_path))
    (tmp_path / "amass" / WALK).write_bytes(b"no longer needed")
    again = prepared("babel", tmp_path)
    assert again["before"] == again["total"] == 2
    assert again["recordings"] == first["recordings"]


@pytest.mark.parametrize("name", ["babel", "kit"])
def test_a_set_is_not_gone_on_with_when_what_it_is_made_by_has_changed(tmp_path: Path, name: str) -> None:
    write_amass(write_small_set(tmp_path) / "amass" / KICK, 200, fps=100)
    write_kit(tmp_path, SENTENCES, {"00001": KICK})
    prepared(name, tmp_path)
    changed = tmp_path / {"babel": "val.json", "kit": "amass-paths.json"}[name]
    changed.write_text(changed.read_text() + "\n")
    result = run("prepare", name, "--source", tmp_path, "--out", tmp_path / "set")
    assert result.exit_code == 1
    assert changed.name in result.output


def test_a_damaged_file_is_told_and_counted_and_read_once_it_is_replaced(tmp_path: Path) -> None:
    path = write_small_set(tmp_path) / "amass" / SIT
    path.write_bytes(path.read_bytes()[:5000])
    result = run("prepare", "babel", "--source", tmp_path, "--out", tmp_path / "set")
    assert result.exit_code == 1
    assert "damaged: 7:" in result.stderr
    write_amass(path, 960)
    assert prepared("babel", tmp_path)["recordings"] == {"train": 1, "val": 1}


@pytest.mark.parametrize(
    ("name", "told"), [("babel", "babel.is.tue.mpg.de"), ("amass", "SMPL+H"), ("kit", "motion-annotation")]
)
def test_an_empty_folder_is_an_error_that_says_what_to_get(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "empty").mkdir()
    result = run("prepare", name, "--source", tmp_path / "empty", "--out", tmp_path / "set")
    assert result.exit_code == 1
    assert told in result.output
    assert not (tmp_path / "set").exists()


def test_what_was_left_out_is_shown(tmp_path: Path) -> None:
    write_small_set(tmp_path)
    content = json.loads((tmp_path / "train.json").read_text())
    content["13"] = content["12"] | {"babel_sid": 13, "frame_ann": None}
    (tmp_path / "train.json").write_text(json.dumps(content))
    prepared("babel", tmp_path)
    result = run("show", "babel", "--data-dir", tmp_path / "set")
    assert "left out: 1 labelled as a whole only" in result.stdout
