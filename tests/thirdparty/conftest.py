"""An environment of its own, in which packages are really installed and uninstalled."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest


class Environment:
    """A virtual environment that sees the packages of this one; what is installed here is not seen there."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        self._python = folder / scripts / Path(sys.executable).name
        self._site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
        # addsitedir rather than a plain path: editable installs are .pth files, which only it reads.
        outer = sysconfig.get_path("purelib")
        (self._site / "outer.pth").write_text(f"import site; site.addsitedir({outer!r})\n")

    def install(self, source: Path, *, editable: bool = False) -> None:
        options = ["--no-index", "--no-deps", "--no-build-isolation", *(["--editable"] if editable else [])]
        self._pip("install", "--quiet", *options, str(source))

    def uninstall(self, *distributions: str) -> None:
        self._pip("uninstall", "--quiet", "--yes", *distributions)

    def python(self, code: str) -> str:
        """Run code; its standard output."""
        return self.run("-c", code)

    def actiongpt(self, *arguments: str) -> str:
        """Run the command; its standard output."""
        return self.run("-m", "actiongpt_core.cli.main", *arguments)

    def fail(self, *arguments: str) -> str:
        """Run the command, which must end with one error message; the message."""
        process = self._start("-m", "actiongpt_core.cli.main", *arguments)
        assert process.returncode == 1, process.stdout + process.stderr
        assert "Traceback" not in process.stderr
        return process.stderr

    def _pip(self, *arguments: str) -> None:
        process = subprocess.run(
            [sys.executable, "-m", "pip", "--python", str(self._python), "--disable-pip-version-check", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stdout + process.stderr

    def run(self, *arguments: str) -> str:
        """Run the interpreter; its standard output."""
        process = self._start(*arguments)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def _start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        hidden = {"PYTHONPATH", "ACTIONGPT_PLUGINS", "ACTIONGPT_BLOCK"}
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        return subprocess.run(
            [str(self._python), *arguments], capture_output=True, text=True, check=False, env=environment
        )


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("environment"))
