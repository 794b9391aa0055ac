"""The documentation's code runs as it stands there; each page has its own folder, a tutorial its own process."""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import PAGES, ROOT, Block, blocks, commands, name

TUTORIALS = [page for page in PAGES if "tutorials" in page.parts]
WITH_CODE = [page for page in PAGES if any(block.language == "python" for block in blocks(page))]


def _runs(block: Block) -> bool:
    return block.language == "python" and not block.flags and block.file is None


def _require_backbones() -> None:
    for package in ("actiongpt_teach", "actiongpt_temos", "actiongpt_motionclip"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed.")


class Reader:
    """Somebody who does what a page says.

    Args:
        page: The page.
        folder: Where its files go.
    """

    def __init__(self, page: Path, folder: Path) -> None:
        self.page, self.folder = page, folder
        self._site = folder / "site"

    def write_files(self) -> None:
        """The blocks whose first line names a file."""
        for block in blocks(self.page):
            if block.file:
                path = self.folder / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.code, encoding="utf-8")

    def install(self) -> None:
        """The packages that the page installs from its own files; they are seen by this reader alone."""
        options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(self._site)]
        for line in commands(self.page, "python -m pip install"):
            for source in filter(self._is_own, shlex.split(line)):
                self._run("-m", "pip", "--disable-pip-version-check", "install", *options, source)

    def _is_own(self, word: str) -> bool:
        return word.startswith("./") and (self.folder / word).is_dir()

    def follow(self) -> None:
        """Run the Python blocks, then the commands, in one process: torch is imported once. Warnings are errors."""
        steps = [block.code for block in blocks(self.page) if _runs(block)]
        self._run("-W", "error::UserWarning", "-c", "\n".join([*steps, *self._commands()]))

    def _commands(self) -> Iterator[str]:
        for line in commands(self.page, "actiongpt"):
            yield "from actiongpt_core.cli.main import app"
            yield f"assert not app({shlex.split(line)[1:]!r}, standalone_mode=False)"
        for line in commands(self.page, "python -m pytest"):
            arguments = [*shlex.split(line)[3:], "-p", "no:cacheprovider"]
            yield f"import pytest\nassert pytest.main({arguments!r}) == 0"

    def _run(self, *arguments: str) -> None:
        own = {"PYTHONPATH": str(self._site), "XDG_CACHE_HOME": str(self.folder / "cache"), "HF_HUB_OFFLINE": "1"}
        process = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=os.environ | own,
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, f"{name(self.page)}: {process.stdout}{process.stderr}"


@pytest.mark.parametrize("page", [page for page in WITH_CODE if page not in TUTORIALS], ids=name)
def test_the_python_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _require_backbones()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    memory: dict[str, object] = {"__name__": name(page)}
    for block in filter(_runs, blocks(page)):
        exec(compile(block.code, f"{name(page)}:{block.line}", "exec"), memory)


@pytest.mark.parametrize("page", TUTORIALS, ids=name)
def test_a_tutorial_works_from_beginning_to_end(page: Path, tmp_path: Path) -> None:
    _require_backbones()
    reader = Reader(page, tmp_path)
    reader.write_files()
    reader.install()
    reader.follow()


def test_there_are_tutorials() -> None:
    assert TUTORIALS
    assert ROOT / "README.md" in WITH_CODE
