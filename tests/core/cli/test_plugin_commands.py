"""Commands that plugins add: found after the core's own, loaded when used, and failing as the core's do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from actiongpt_core.cli import plugin_commands
from actiongpt_core.cli.main import app
from actiongpt_core.hookspecs import RESERVED_COMMANDS

Install = Callable[..., None]

HEAD = (
    "import typer\nfrom actiongpt_core import ConfigError\nfrom actiongpt_core.hookspecs import CommandSpec, hookimpl\n"
)
HOOK = """
@hookimpl
def actiongpt_commands():
    return [CommandSpec(name="{name}", load={load}, summary="{summary}")]
"""

FUNCTION = """
def load():
    def count(steps: int, loud: bool = False) -> None:
        "Count the steps."
        if steps > 100:
            raise ConfigError(f"{steps} steps are too many; give at most 100.")
        typer.echo(f"{steps} steps{'!' if loud else ''}")
    return count
"""

GROUP = """
def load():
    group = typer.Typer(help="Ways of walking.")
    @group.command()
    def fast(): typer.echo("fast")
    @group.command()
    def slow(): raise ConfigError("Nobody walks that slowly.")
    return group
"""


def plugin(code: str, name: str = "count", load: str = "load", summary: str = "Counts.") -> str:
    return HEAD + code + HOOK.format(name=name, load=load, summary=summary)


@pytest.fixture
def invoke(install: Install) -> Callable[..., Any]:
    """`invoke("generate", "walk")`: the result of the command, which wrote no traceback."""

    def call(*arguments: str) -> Any:
        result = CliRunner().invoke(app, arguments)
        assert "Traceback" not in result.output
        return result

    return call


def test_a_function_is_a_command_with_its_own_options(install: Install, invoke: Callable[..., Any]) -> None:
    install("count", plugin(FUNCTION))
    assert invoke("count", "3", "--loud").stdout == "3 steps!\n"
    shown = invoke("count", "--help").stdout
    assert "Usage: actiongpt count [OPTIONS]" in shown
    assert "Count the steps." in shown


def test_a_typer_is_a_group_of_commands(install: Install, invoke: Callable[..., Any]) -> None:
    install("gait", plugin(GROUP, name="gait"))
    assert invoke("gait", "fast").stdout == "fast\n"
    assert "Ways of walking." in invoke("gait", "--help").stdout
    assert invoke("gait", "sideways").exit_code == 2


def test_a_typer_with_one_command_stays_a_group(install: Install, invoke: Callable[..., Any]) -> None:
    install("gait", plugin(GROUP.replace("@group.command()\n    def slow", "def slow"), name="gait"))
    assert invoke("gait", "fast").stdout == "fast\n"
    assert invoke("gait").exit_code == 2


@pytest.mark.parametrize(
    ("code", "arguments", "message"),
    [(FUNCTION, ["101"], "101 steps are too many; give at most 100."), (GROUP, ["slow"], "Nobody walks that slowly.")],
)
def test_our_errors_end_a_plugins_command_with_one_message(
    install: Install, invoke: Callable[..., Any], code: str, arguments: list[str], message: str
) -> None:
    install("any", plugin(code, name="any"))
    result = invoke("any", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"Error: {message}\n")


def test_help_lists_the_commands_of_plugins_below_the_cores_and_loads_none(
    install: Install, invoke: Callable[..., Any]
) -> None:
    install("count", plugin("", load="lambda: 1 / 0", summary="Counts all steps."))
    lines = [line.split() for line in invoke("--help").stdout.splitlines()]
    below = lines[lines.index(["Commands", "of", "plugins:"]) :]
    assert ["count", "Counts", "all", "steps."] in below
    assert not [line for line in below if line[:1] == ["generate"]]


def test_help_has_no_section_for_plugins_where_none_has_a_command(invoke: Callable[..., Any], install: Install) -> None:
    install("silent", "")
    listed = {part for part, _ in plugin_commands.listed()}
    assert ("Commands of plugins" in invoke("--help").stdout) == bool(listed)


def test_a_command_of_the_core_needs_no_plugin(
    install: Install, invoke: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise AssertionError("plugins were looked for")

    monkeypatch.setattr("actiongpt_core.registry.load_plugins", refuse)
    for name in sorted(RESERVED_COMMANDS):
        assert invoke(name, "--help").exit_code == 0
    assert isinstance(invoke("--help").exception, AssertionError)


def test_the_reserved_names_are_the_commands_of_the_core() -> None:
    root: Any = typer.main.get_command(app)
    assert set(root.commands) == RESERVED_COMMANDS


def test_a_plugin_with_a_command_of_the_cores_name_is_set_aside_and_the_core_works_on(
    install: Install, invoke: Callable[..., Any]
) -> None:
    install("thief", plugin(FUNCTION, name="describe"))
    assert "ConfigError: The command 'describe' is the library's own" in invoke("plugins", "list").stdout
    assert "Print the descriptions of each action" in invoke("describe", "--help").stdout


def test_a_name_that_two_plugins_claim_is_an_error_when_it_is_used(
    install: Install, invoke: Callable[..., Any]
) -> None:
    install("a", plugin(FUNCTION))
    install("b", plugin(GROUP))
    result = invoke("count", "3")
    assert result.exit_code == 1
    assert "The command 'count' is provided by actiongpt-a 1.0 and actiongpt-b 1.0." in result.stderr
    assert invoke("actiongpt-a:count", "3").stdout == "3 steps\n"
    assert invoke("actiongpt-b:count", "fast").stdout == "fast\n"
    assert "actiongpt-a:count" in invoke("--help").stdout
    assert "actiongpt-b:count" in invoke("plugins", "list").stdout


@pytest.mark.parametrize(("typed", "meant"), [("cuont", "count"), ("descibe", "describe")])
def test_an_unknown_command_is_told_the_nearest_of_all(
    install: Install, invoke: Callable[..., Any], typed: str, meant: str
) -> None:
    install("count", plugin(FUNCTION))
    result = invoke(typed)
    assert result.exit_code == 2
    assert f"No such command '{typed}'. Did you mean '{meant}'?" in result.stderr


def test_an_unknown_command_tells_of_broken_plugins(install: Install, invoke: Callable[..., Any]) -> None:
    install("count", "raise RuntimeError('no licence')")
    assert "Installed but broken: actiongpt-count 1.0 (RuntimeError: no licence)" in invoke("count").stderr


@pytest.mark.parametrize(
    ("code", "load", "reason"),
    [
        ("", "lambda: __import__('surely_not_there')", "cannot be loaded: ModuleNotFoundError"),
        ("", "lambda: 'package.module:command'", "must return a typer.Typer or a function"),
        ("def load():\n    def odd(x: set): ...\n    return odd\n", "load", "cannot be set up: RuntimeError"),
    ],
)
def test_a_command_that_cannot_be_loaded_is_one_message_with_its_plugin(
    install: Install, invoke: Callable[..., Any], code: str, load: str, reason: str
) -> None:
    install("count", plugin(code, load=load))
    result = invoke("count")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "The command 'count' of actiongpt-count 1.0" in result.stderr
    assert reason in result.stderr


def test_plugins_list_shows_commands(install: Install, invoke: Callable[..., Any]) -> None:
    install("count", plugin(FUNCTION))
    content = json.loads(invoke("plugins", "list", "--json").stdout)
    found = [part for part in content["parts"] if part["kind"] == "command" and part["name"] == "count"]
    assert [(part["distribution"], part["summary"], part["is_default"]) for part in found] == [
        ("actiongpt-count", "Counts.", False)
    ]
    assert ["count", "Counts."] in [line.split() for line in invoke("plugins", "list").stdout.splitlines()]
    assert "command:count" in next(item for item in content["plugins"] if item["name"] == "count")["provides"]
