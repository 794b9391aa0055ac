"""A new plugin package: what is written, and what is refused."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from actiongpt_core.cli.main import app
from actiongpt_core.errors import ConfigError
from actiongpt_core.plugins import installed_version
from actiongpt_core.scaffold.kinds import KINDS
from actiongpt_core.scaffold.writer import next_commands, write_package


@pytest.fixture(params=KINDS)
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A package of each kind."""
    write_package("my-demo", request.param, tmp_path)
    return tmp_path / "my-demo"


def test_a_package_is_complete(package: Path) -> None:
    expected = {"pyproject.toml", "README.md", "LICENSE", ".gitignore", ".github/workflows/test.yml"}
    expected |= {"src/my_demo/__init__.py", "src/my_demo/hooks.py", "src/my_demo/py.typed", "tests/test_my_demo.py"}
    written = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    assert expected < written


def test_no_marker_of_a_template_is_left(package: Path) -> None:
    for path in package.rglob("*"):
        if path.is_file() and path.suffix != ".yml":
            assert "$" not in path.read_text(encoding="utf-8"), path


def test_the_package_asks_for_the_core_that_wrote_it(package: Path) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = Requirement(project["dependencies"][0])
    assert core.name == "actiongpt-core"
    assert core.specifier.contains(installed_version("actiongpt-core") or "")
    assert not core.specifier.contains("9.0")


def test_the_hooks_import_nothing_heavy(package: Path) -> None:
    tree = ast.parse((package / "src/my_demo/hooks.py").read_text(encoding="utf-8"))
    modules = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert modules == {"__future__", "typing", "actiongpt_core"}


def test_the_tests_subclass_the_suite_and_do_nothing_else(package: Path) -> None:
    tree = ast.parse((package / "tests/test_my_demo.py").read_text(encoding="utf-8"))
    (suite,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    assert not any(isinstance(node, ast.FunctionDef) for node in suite.body)


def test_the_code_is_clean(package: Path) -> None:
    pytest.importorskip("ruff", reason="pip install ruff")
    for command in (["check", "--select", "E,F,I,B,UP,D1", "--ignore", "D107"], ["format", "--check"]):
        options = ["--isolated", "--line-length", "120"]
        process = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *options, str(package)],
            capture_output=True,
            text=True,
            check=False,
            cwd=package,
        )
        assert process.returncode == 0, process.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Demo", "made of a-z"),
        ("2d", "made of a-z"),
        ("a_b", "made of a-z"),
        ("a/b", "made of a-z"),
        ("../up", "made of a-z"),
        ("", "made of a-z"),
        ("class", "no word of Python"),
        ("json", "installed already"),
        ("numpy", "installed already"),
        ("actiongpt-core", "installed already"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_written(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        write_package(name, "motion-model", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_part_that_is_installed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the llm 'passthrough' already"):
        write_package("passthrough", "llm-provider", tmp_path)


def test_an_unknown_kind_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'motion-model'"):
        write_package("demo", "motion-modle", tmp_path)


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "my-demo").mkdir()
    (tmp_path / "my-demo" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        write_package("my-demo", "aggregator", tmp_path)
    assert [path.name for path in (tmp_path / "my-demo").iterdir()] == ["mine.txt"]


def test_the_command_says_what_it_wrote_and_what_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["plugins", "new", "my-demo", "--kind", "data-set"])
    assert result.exit_code == 0, result.output
    assert "wrote my-demo/pyproject.toml" in result.output
    assert [line.strip() for line in result.output.splitlines()[-3:]] == next_commands("my-demo", "data-set")


def test_the_command_prints_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["plugins", "new", "my-demo", "--kind", "aggregator", "--json"])
    content = json.loads(result.stdout)
    assert all(Path(file).is_file() for file in content["files"])
    assert content["next"][0] == "pip install -e my-demo"
