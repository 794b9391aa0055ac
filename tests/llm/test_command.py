"""`actiongpt describe` with a real language model, in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from actiongpt_core.text import gguf

#: The command; it fails if it has imported torch, which costs seconds and is of no use here.
COMMAND = (
    "import sys\n"
    "from actiongpt_core.cli.main import app\n"
    "app(sys.argv[1:], standalone_mode=False)\n"
    "sys.exit('torch was imported' if 'torch' in sys.modules else 0)"
)


@attrs.frozen
class Run:
    """What a run of the command wrote."""

    result: subprocess.CompletedProcess[str]

    @property
    def told(self) -> dict[str, Any]:
        assert self.result.returncode == 0, self.result.stderr
        found: dict[str, Any] = json.loads(self.result.stdout)[0]
        return found


def describe(cache: Path, *options: str) -> Run:
    arguments = ["describe", "walk", "--k", "2", "-O", "seed=0", "-O", "max_tokens=24", "--json", *options]
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-c", COMMAND, *arguments]
    return Run(subprocess.run(command, capture_output=True, text=True, check=False, env=environment))


@pytest.fixture(scope="module")
def local_runs(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Of the same command twice."""
    cache = tmp_path_factory.mktemp("local")
    return [describe(cache, "--llm", "local", "--model", str(model_file)) for _ in range(2)]


@pytest.fixture(scope="module")
def server_runs(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    cache = tmp_path_factory.mktemp("server")
    options = (
        "--llm",
        "openai",
        "-O",
        f"base_url={server_url}",
        "-O",
        "endpoint=completions",
        "--strategy",
        "few-shot",
    )
    return [describe(cache, *options, "--model", "small") for _ in range(2)]


def test_the_model_in_this_process_describes_by_examples(local_runs: list[Run], model_file: Path) -> None:
    told = local_runs[0].told
    assert [told[key] for key in ("source", "provider", "strategy")] == ["llm", "local", "few-shot"]
    assert told["model"] == gguf.name(model_file)
    assert all(text.startswith("The person ") for text in told["texts"])


def test_llama_cpp_writes_nothing_into_the_terminal(local_runs: list[Run]) -> None:
    assert local_runs[0].result.stderr == ""


def test_a_server_describes_by_examples(server_runs: list[Run]) -> None:
    told = server_runs[0].told
    assert [told[key] for key in ("source", "provider", "strategy")] == ["llm", "openai", "few-shot"]
    assert all(text.startswith("The person ") for text in told["texts"])


@pytest.mark.parametrize("runs", ["local_runs", "server_runs"])
def test_what_was_asked_once_comes_from_the_cache(runs: str, request: pytest.FixtureRequest) -> None:
    first, again = (run.told for run in request.getfixturevalue(runs))
    assert (first["source"], again["source"]) == ("llm", "cache")
    assert first["texts"] == again["texts"]


def test_a_file_that_cannot_be_loaded_ends_the_command_with_one_message(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(b"GGUF" + bytes(100))
    command = [sys.executable, "-m", "actiongpt_core.cli.main", "describe", "walk", "--llm", "local", "--model"]
    result = subprocess.run([*command, str(cut)], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: llama.cpp cannot load {cut}")
    assert result.stderr.count("\n") == 1
