"""Saving: the suffix chooses, errors come before the work, and nothing is half-written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from actiongpt_core.errors import ExportError
from actiongpt_core.export import FORMATS, bvh, check_path, save
from actiongpt_core.types.motion import Motion


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_every_format_writes_a_file_and_leaves_nothing_else(motion: Motion, tmp_path: Path, suffix: str) -> None:
    path = motion.save(tmp_path / f"motion{suffix}")
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_size > 1000


def test_the_case_of_the_suffix_does_not_matter(motion: Motion, tmp_path: Path) -> None:
    assert save(motion, tmp_path / "motion.BVH").read_text().startswith("HIERARCHY")


def test_an_existing_file_is_replaced(motion: Motion, tmp_path: Path) -> None:
    path = tmp_path / "motion.bvh"
    path.write_text("old")
    assert save(motion, path).read_text().startswith("HIERARCHY")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("motion.bhv", "Did you mean '.bvh'"),
        ("motion.fbx", ".bvh, .glb, .npz, .npy, .csv, .zip, .html, .mp4, .gif, .png"),
        ("motion", "no suffix"),
        ("nowhere/motion.bvh", "no folder"),
        ("folder.bvh", "is a folder"),
        ("file.txt/motion.bvh", "no folder"),
    ],
)
def test_a_path_that_cannot_work_is_refused_before_anything_is_written(
    motion: Motion, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "folder.bvh").mkdir()
    (tmp_path / "file.txt").write_text("in the way")
    with pytest.raises(ExportError, match=re.escape(message)):
        check_path(tmp_path / name)
    with pytest.raises(ExportError, match=re.escape(message)):
        save(motion, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.txt", "folder.bvh"]


def test_a_folder_without_write_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ExportError, match="not writable"):
        check_path(tmp_path / "motion.bvh")


def test_a_full_disk_leaves_the_old_file_and_no_new_one(
    motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_half(motion: Motion, path: Path) -> None:
        path.write_text("HIER")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bvh, "save_bvh", write_half)
    (tmp_path / "motion.bvh").write_text("old")
    with pytest.raises(ExportError, match="No space left"):
        save(motion, tmp_path / "motion.bvh")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_checking_a_path_imports_no_torch() -> None:
    code = (
        "import sys, actiongpt_core.export as e; e.check_path('x.bvh'); assert not {'torch', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
