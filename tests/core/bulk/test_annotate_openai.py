"""Annotation by the real client of a server: what is asked is counted there, whoever is killed when."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from llm_stub import Reply, Request, StubServer, describe, error, question, serve  # type: ignore[import-not-found]
from typer.testing import CliRunner

from actiongpt_core.cli.main import app
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.recordings import Selection, recordings

PHRASES = [f"walk {number} steps" for number in range(24)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubServer]:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with serve() as stub:
        yield stub


@pytest.fixture
def command(tmp_path: Path, server: StubServer) -> Callable[..., list[str]]:
    """The arguments of `actiongpt` that annotate phrases into out.json."""

    def arguments(phrases: list[str], *more: str) -> list[str]:
        source = tmp_path / "phrases.txt"
        source.write_text("\n".join(phrases), encoding="utf-8")
        who = ["--llm", "openai", "--model", "stub", "--k", "2", "-O", f"base_url={server.url}", "-O", "max_retries=0"]
        return ["annotate", str(source), "-o", str(tmp_path / "out.json"), *who, *more]

    return arguments


def phrase_of(request: Request) -> str:
    """The phrase in the paper's prompt."""
    return str(question(request)).removeprefix("Describe a person's body movements who is performing the action ")[:-11]


def asked(server: StubServer) -> list[str]:
    return [phrase_of(request) for request in server.requests]


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("concurrency", [1, 4])
def test_after_kill_9_the_second_run_asks_only_what_is_missing(
    command: Callable[..., list[str]], server: StubServer, tmp_path: Path, concurrency: int
) -> None:
    arguments = command(PHRASES, "-O", f"concurrency={concurrency}", "--json")
    started: list[subprocess.Popen[bytes]] = []

    def kill_at_the_tenth(request: Request) -> Reply:
        if len(server.requests) == 10:
            os.kill(started[0].pid, signal.SIGKILL)
        return describe(request)

    server.reply = kill_at_the_tenth
    program = [sys.executable, "-m", "actiongpt_core.cli.main", *arguments]
    started.append(subprocess.Popen(program, stdout=subprocess.DEVNULL))
    assert started[0].wait(timeout=60) == -signal.SIGKILL
    assert not (tmp_path / "out.json").exists()

    kept = {
        found[0].key.phrase for found in recordings(DescriptionCache().path, Selection()) if len(found[0].texts) == 2
    }
    assert 10 - 2 * concurrency <= len(kept) < 10 + concurrency
    if concurrency == 1:
        assert kept == set(PHRASES[:9])
    server.reply = describe
    server.requests.clear()
    second = CliRunner().invoke(app, arguments)
    assert second.exit_code == 0, second.output
    assert sorted(asked(server)) == sorted(set(PHRASES) - kept)
    assert json.loads(second.stdout)["sources"] == {"cache": len(kept), "llm": len(PHRASES) - len(kept)}
    assert list(read(tmp_path / "out.json")) == PHRASES


def test_what_was_asked_and_spent_is_reported(
    command: Callable[..., list[str]], server: StubServer, tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, command(PHRASES[:3], "--price", "1000000,0", "--json"))
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    num_words = len(question(server.requests[0]).split())
    assert (report["requests"], report["prompt_tokens"], report["usd"]) == (3, 3 * num_words, 3.0 * num_words)
    assert report["completion_tokens"] > 0
    assert (report["annotated"], report["file"]) == (3, str(tmp_path / "out.json"))


def test_a_dry_run_asks_nobody_and_writes_nothing(
    command: Callable[..., list[str]], server: StubServer, tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, command([*PHRASES, PHRASES[0], "123"], "--dry-run", "--price", "0.15,0.6"))
    assert result.exit_code == 0, result.output
    assert "25 phrases, 1 duplicates" in result.stdout
    assert "24 would be asked for, 1 refused" in result.stdout
    assert "24 requests (48 where" in result.stdout
    assert "at most about $" in result.stdout
    assert server.requests == []
    assert [path.name for path in tmp_path.iterdir()] == ["phrases.txt"]


def test_a_dry_run_says_it_where_the_price_is_not_known(command: Callable[..., list[str]]) -> None:
    result = CliRunner().invoke(app, command(PHRASES, "--dry-run"))
    assert "price not known for this model and server; give it with --price IN,OUT" in result.stdout


@pytest.mark.parametrize("concurrency", [1, 8])
def test_no_more_requests_are_made_than_allowed_and_the_next_run_goes_on(
    command: Callable[..., list[str]], server: StubServer, tmp_path: Path, concurrency: int
) -> None:
    arguments = command(PHRASES, "-O", f"concurrency={concurrency}")
    first = CliRunner().invoke(app, [*arguments, "--max-requests", "10"])
    assert first.exit_code == 1
    assert len(server.requests) == 10
    assert "14 phrases were not asked for: the budget is used up" in first.stderr
    assert "run the same command again" in first.stderr
    assert len(read(tmp_path / "out.json")) == 10
    second = CliRunner().invoke(app, [*arguments, "--max-requests", "10"])
    assert (second.exit_code, len(server.requests), len(read(tmp_path / "out.json"))) == (1, 20, 20)
    third = CliRunner().invoke(app, [*arguments, "--max-requests", "10"])
    assert (third.exit_code, len(server.requests)) == (0, 24)
    assert list(read(tmp_path / "out.json")) == PHRASES


def test_what_fails_is_told_at_the_end_and_everything_else_is_kept(
    command: Callable[..., list[str]], server: StubServer, tmp_path: Path
) -> None:
    bad = set(PHRASES[5:8])
    server.reply = lambda request: error(500, "out of order") if phrase_of(request) in bad else describe(request)
    result = CliRunner().invoke(app, command(PHRASES))
    assert result.exit_code == 1
    assert "21 annotated (21 llm)" in result.stdout
    assert f"3 phrases failed; all are in {tmp_path / 'out.failed.json'}" in result.stderr
    assert all(repr(phrase) in result.stderr for phrase in bad)
    assert set(read(tmp_path / "out.failed.json")) == bad
    server.reply = describe
    server.requests.clear()
    again = CliRunner().invoke(app, command(PHRASES))
    assert again.exit_code == 0, again.output
    assert sorted(asked(server)) == sorted(bad)
    assert not (tmp_path / "out.failed.json").exists()


def test_a_server_that_is_down_is_not_asked_for_every_phrase(
    command: Callable[..., list[str]], server: StubServer, tmp_path: Path
) -> None:
    server.reply = lambda request: error(503, "maintenance")
    result = CliRunner().invoke(app, command([f"walk {number} times" for number in range(300)], "-O", "concurrency=2"))
    assert result.exit_code == 1
    assert "were not asked for" in result.stderr
    assert "in a row failed" in result.stderr
    assert len(server.requests) < 150
    assert not (tmp_path / "out.json").exists()
