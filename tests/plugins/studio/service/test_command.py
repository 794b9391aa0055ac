from __future__ import annotations

import socket
from typing import Any

import pytest
from typer.testing import CliRunner

from actiongpt_core.cli.main import app
from actiongpt_core.errors import ConfigError
from actiongpt_studio.service import command
from actiongpt_studio.service.settings import Settings

RUNNER = CliRunner()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, str, int]]:
    """What the command would have started."""
    calls: list[Any] = []
    monkeypatch.setattr(command, "_run", lambda *arguments: calls.append(arguments))
    return calls


def test_a_service_listens_on_this_machine_only(started: list[Any]) -> None:
    assert RUNNER.invoke(app, ["serve"]).exit_code == 0
    assert started == [(Settings(), "127.0.0.1", 8000)]


def test_the_token_comes_from_the_environment(started: list[Any]) -> None:
    RUNNER.invoke(app, ["serve"], env={"ACTIONGPT_TOKEN": "s3cret"})
    assert started[0][0].token == "s3cret"


def test_the_token_is_not_in_what_is_logged_of_the_settings() -> None:
    assert "s3cret" not in repr(Settings(token="s3cret"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example"])
def test_others_without_a_token_are_warned_of(started: list[Any], host: str) -> None:
    with pytest.warns(UserWarning, match="without a token"):
        RUNNER.invoke(app, ["serve", "--host", host])


@pytest.mark.parametrize("arguments", [["--host", "0.0.0.0", "--token", "s3cret"], ["--host", "::1"], []])
def test_there_is_no_warning_where_there_is_no_danger(started: list[Any], arguments: list[str]) -> None:
    assert RUNNER.invoke(app, ["serve", *arguments]).exit_code == 0  # warnings are errors here


@pytest.mark.parametrize("token", ["", "two words", "tökén", "a\nb"])
def test_a_token_that_no_client_could_send_is_refused(token: str) -> None:
    with pytest.raises(ConfigError, match="token"):
        Settings(token=token)


@pytest.mark.parametrize("name", ["max_queue", "max_body", "batch_size", "timeout", "max_seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True])
def test_a_limit_that_cannot_work_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings(**{name: value})


def test_an_unknown_backbone_is_said_before_anybody_is_served() -> None:
    result = RUNNER.invoke(app, ["serve", "--backbone", "tech"])
    assert result.exit_code == 1
    assert "No backbone named 'tech'" in result.output


def test_a_port_that_is_taken_is_one_message() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = RUNNER.invoke(app, ["serve", "--port", str(taken.getsockname()[1]), "--llm", "passthrough"])
    assert result.exit_code == 1
    assert "cannot listen on" in result.output
