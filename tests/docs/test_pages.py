"""What every page promises: its code compiles, its commands and links exist, and nothing public is left out."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from pages import PAGES, ROOT, blocks, commands, links, name

import actiongpt_core
from actiongpt_core.cli.main import app
from actiongpt_core.hookspecs import CAPABILITIES, HOOKS, RESERVED_COMMANDS

REFERENCE = ROOT / "docs" / "reference"
COMMAND: Any = typer.main.get_command(app)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files(page: Path) -> None:
    assert [target for target in links(page) if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_blocks_compile(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            ast.parse(block.code, filename=f"{name(page)}:{block.line}")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_names_that_are_imported_from_the_library_exist(page: Path) -> None:
    for block in blocks(page):
        for node in ast.walk(ast.parse(block.code if block.language == "python" else "")):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("actiongpt_core"):
                module = importlib.import_module(str(node.module))
                assert [alias.name for alias in node.names if not _holds(module, alias.name)] == []


def _holds(module: Any, name: str) -> bool:
    return hasattr(module, name) or importlib.util.find_spec(f"{module.__name__}.{name}") is not None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_have_the_options_that_are_shown(page: Path) -> None:
    for line in commands(page, "actiongpt"):
        _parse(shlex.split(line, comments=True)[1:])


@pytest.mark.parametrize("arguments", ["generate walk --output", "generate walk -o a.bvh --sead 1"])
def test_a_wrong_option_would_be_found(arguments: str) -> None:
    with pytest.raises(Exception, match=r"(?i)option|parameter"):
        _parse(arguments.split())


def _parse(arguments: list[str]) -> None:
    """Parse as the command would, without running it; an unknown command or option is an error."""
    command = COMMAND
    while arguments and hasattr(command, "commands") and arguments[0] != "--help":
        command = command.get_command(None, word := arguments.pop(0))  # of the core, or of an installed plugin
        assert command is not None, f"no command {word}"
    if arguments != ["--help"]:
        command.make_context(command.name, arguments)


def test_every_public_name_is_in_the_reference() -> None:
    page = (REFERENCE / "api.md").read_text(encoding="utf-8")
    assert [public for public in actiongpt_core.__all__ if f"`{public}`" not in page] == []


def test_every_hook_capability_and_reserved_name_is_in_the_reference() -> None:
    page = (REFERENCE / "hooks.md").read_text(encoding="utf-8")
    named = [*HOOKS, *CAPABILITIES, *RESERVED_COMMANDS]
    assert [name for name in named if f"`{name}`" not in page] == []


def test_every_command_and_option_is_in_the_reference() -> None:
    page = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    for path, command in _commands(COMMAND, "actiongpt"):
        assert f"`{path}" in page
        options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
        assert [option for option in options if option not in page and option != "--help"] == []


def _commands(command: Any, path: str) -> list[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        return [(path, command)]
    return [found for name, inner in command.commands.items() for found in _commands(inner, f"{path} {name}")]


@pytest.mark.parametrize("page", sorted(ROOT.glob("plugins/*/README.md")), ids=name)
def test_a_plugins_readme_names_modules_that_exist(page: Path) -> None:
    named = set(re.findall(r"`(\w+\.py)`", page.read_text(encoding="utf-8")))
    assert named
    assert named - {file.name for file in page.parent.glob("src/*/*.py")} == set()


def test_the_readme_shows_the_line_that_continuous_integration_runs() -> None:
    line = "python -m pip install nox && python -m nox -s tests"
    assert line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
