"""A key is planted in the environment of the whole run (tests/conftest.py); nothing that is written may hold it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from llm_stub import CUT, Reply, StubServer, chat, error, serve

#: Ways in which a key could get out: kept with a good answer, repeated by a server, in a broken connection's trace.
REPLIES: dict[str, Callable[[str], Reply]] = {
    "answer": lambda key: chat([f"The person steps forward and says {key} aloud.", "The person steps forward."] * 2),
    "refusal": lambda key: error(401, f"Incorrect API key provided: {key}."),
    "limit": lambda key: error(429, f"Rate limit reached for {key}.", headers={"Retry-After": "0"}),
    "page": lambda key: Reply(body=f"<html>Log in with {key}</html>"),
    "cut": lambda key: CUT,
}


@pytest.fixture
def planted() -> str:
    return os.environ["OPENAI_API_KEY"]


def run(server: StubServer, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"OPENAI_BASE_URL": server.url, "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "actiongpt_core.cli.main", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("case", REPLIES)
def test_the_commands_write_no_key_whatever_the_server_says(tmp_path: Path, planted: str, case: str) -> None:
    (tmp_path / "phrases.txt").write_text("walk\njump\n", encoding="utf-8")
    with serve() as server:
        server.reply = lambda request: REPLIES[case](planted)
        done = [
            run(server, tmp_path, "--debug", "describe", "walk", "--llm", "openai", "-O", "max_retries=1"),
            run(
                server, tmp_path, "annotate", "phrases.txt", "-o", "out.json", "--llm", "openai", "-O", "max_retries=0"
            ),
        ]
    assert all(headers["authorization"] == f"Bearer {planted}" for headers in server.headers)  # it was in use
    assert server.headers
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if planted.encode() in path.read_bytes()] == []
    assert planted not in "".join(process.stdout + process.stderr for process in done)


def test_the_planted_key_is_in_nothing_that_the_tests_wrote(written_with_key: tuple[int, list[str]]) -> None:
    num_files, places = written_with_key
    if num_files < 1000:
        pytest.skip(f"This is for a run of the whole suite; here {num_files} files were written.")
    assert places == []
