"""A wheel holds what its package needs at run time, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = [ROOT / "actiongpt_core", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_a_wheel_holds_every_file_of_its_package(project: Path, tmp_path: Path) -> None:
    # From a copy: a build leaves folders beside the sources, and would take up what an older one left there.
    copy = tmp_path / "source"
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(copy)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", *options], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    source = copy / "src"
    files = {path.relative_to(source).as_posix() for path in (source / project.name).rglob("*") if path.is_file()}
    assert files <= held
    assert {entry.partition("/")[0] for entry in held - files} == {f"{wheel.name.split('-py3')[0]}.dist-info"}
    assert any(entry.endswith("licenses/LICENSE") for entry in held)
