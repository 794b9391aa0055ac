"""`actiongpt describe` with a real language model, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from actiongpt_core.text import gguf

#: The command; it fails if it has imported torch, which costs seconds and is of no use here.
COMMAND = (
    "import sys\n"
    "from actiongpt_core.cli.main import app\n"
    "app(sys.argv[1:], standalone_mode=False)\n"
    "sys.exit('torch was imported' if 'torch' in sys.modules else 0)"
)


def describe(*options: str, phrase: str = "walk") -> subprocess.CompletedProcess[str]:
    arguments = ["describe", phrase, "--k", "2", "-O", "seed=0", *options]
    result = subprocess.run([sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture
def openai(server_url: str) -> tuple[str, ...]:
    return ("--llm", "openai", "-O", f"base_url={server_url}", "-O", "endpoint=completions", "--strategy", "few-shot")


def test_the_model_in_this_process_describes_by_examples(model_file: Path) -> None:
    first, *texts = describe("--llm", "local").stdout.splitlines()
    assert first.startswith(f"walk  (descriptions: llm, local {gguf.name(model_file)}, few-shot; ")
    assert [text[:5] for text in texts] == ["  1. ", "  2. "]


def test_llama_cpp_writes_nothing_into_the_terminal() -> None:
    assert describe("--llm", "local").stderr == ""


def test_a_server_describes_by_examples(openai: tuple[str, ...]) -> None:
    first, *texts = describe(*openai, "--model", "small").stdout.splitlines()
    assert first.startswith("walk  (descriptions: llm, openai small, few-shot; ")
    assert [text[:5] for text in texts] == ["  1. ", "  2. "]


def test_a_server_and_this_process_give_one_model_the_same_words(openai: tuple[str, ...]) -> None:
    here, there = (json.loads(describe(*llm, "--json").stdout)[0] for llm in (("--llm", "local"), openai))
    assert here["texts"] == there["texts"]


@pytest.mark.parametrize("llm", ["local", "openai"])
def test_what_was_asked_once_comes_from_the_cache(llm: str, openai: tuple[str, ...]) -> None:
    options = openai if llm == "openai" else ("--llm", "local")
    first, again = (json.loads(describe(*options, "--json").stdout)[0] for _ in range(2))
    assert (first["source"], again["source"]) == ("llm", "cache")
    assert first["texts"] == again["texts"]


def test_a_file_that_cannot_be_loaded_ends_the_command_with_one_message(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(b"GGUF" + bytes(100))
    command = [
        sys.executable,
        "-m",
        "actiongpt_core.cli.main",
        "describe",
        "walk",
        "--llm",
        "local",
        "--model",
        str(cut),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: llama.cpp cannot load {cut}")
    assert result.stderr.count("\n") == 1
