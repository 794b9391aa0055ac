"""`actiongpt annotate`: what it prints, writes and refuses. What it asks of a server is in tests/core/bulk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from actiongpt_core.cli.main import app


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "phrases.txt"
    path.write_text("walk\nrun\nwalk\n")
    return path


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["annotate", *map(str, arguments)], input=stdin)


def test_it_says_what_was_annotated_and_where(source: Path, tmp_path: Path) -> None:
    result = run(source, "-o", tmp_path / "out.json", "--llm", "passthrough", "--k", 2)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "2 phrases, 1 duplicates, 0 malformed entries"
    assert lines[1].startswith("2 annotated (2 phrase) in ")
    assert lines[2] == f"wrote {tmp_path / 'out.json'}"
    assert json.loads((tmp_path / "out.json").read_text()) == {"walk": ["walk"] * 2, "run": ["run"] * 2}


def test_its_output_is_a_pack_of_descriptions(source: Path, tmp_path: Path) -> None:
    from actiongpt_core.text.providers.pack import PackProvider
    from actiongpt_core.types.text import Action

    run(source, "-o", tmp_path / "out.json", "--k", 3)
    found = PackProvider(tmp_path / "out.json").complete(Action("walk"), 3)
    assert found.texts == PackProvider().complete(Action("walk"), 3).texts


def test_json_is_all_that_is_on_standard_output(source: Path, tmp_path: Path) -> None:
    source.write_bytes(b"walk\n123\n\xff\n")
    result = run(source, "-o", tmp_path / "out.json", "--llm", "passthrough", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["annotated"], report["failed"], report["left"], report["malformed"]) == (1, 1, 0, 1)
    assert "no letters" in report["problems"]["123"]
    assert "line 3 is not UTF-8; it is left out" in result.stderr


def test_phrases_come_from_standard_input_too(tmp_path: Path) -> None:
    result = run("-", "-o", tmp_path / "out.json", "--llm", "passthrough", stdin="walk\nrun\n")
    assert result.exit_code == 0, result.output
    assert list(json.loads((tmp_path / "out.json").read_text())) == ["walk", "run"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--llm", "pak"], "Did you mean 'pack'?"),
        (["--llm", "passthrough", "-O", "warmth=2"], "no option 'warmth'"),
        (["--llm", "passthrough", "--max-requests", "3"], "counts no requests"),
        (["--llm", "passthrough", "--strategy", "few-shot"], "asks no language model"),
        (["--price", "cheap"], "two numbers"),
        (["--k", "0"], "k, the number"),
        (["--workers", "2"], "add --engine ray"),
        (["--ray-address", "auto"], "add --engine ray"),
    ],
)
def test_what_cannot_work_is_one_message_and_leaves_no_file(
    source: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = run(source, "-o", tmp_path / "out.json", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["phrases.txt"]


def test_an_input_or_output_that_cannot_be_is_one_message(source: Path, tmp_path: Path) -> None:
    assert "no file" in run(tmp_path / "nowhere.txt", "-o", tmp_path / "out.json").stderr
    assert "Cannot write" in run(source, "-o", tmp_path / "nowhere" / "out.json").stderr


def test_without_ray_the_engine_says_how_to_get_it(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = run(source, "-o", tmp_path / "out.json", "--engine", "ray")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "pip install 'actiongpt-core[ray]'" in result.stderr


def test_an_interruption_says_what_is_kept_and_how_to_go_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Any, phrase: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("actiongpt_core.bulk.asker.Asker.ask", interrupted)
    result = run(source, "-o", tmp_path / "out.json", "--llm", "openai")
    assert (result.exit_code, result.stdout) == (130, "")
    assert "run the same command again to go on" in result.stderr
    assert not (tmp_path / "out.json").exists()


def test_a_provider_without_a_model_needs_no_heavy_import(source: Path, tmp_path: Path) -> None:
    arguments = ["annotate", str(source), "-o", str(tmp_path / "out.json"), "--llm", "passthrough"]
    code = (
        "import sys\nfrom actiongpt_core.cli.main import app\n"
        f"try:\n    app({arguments!r})\nexcept SystemExit as end:\n    assert not end.code\n"
        "print([name for name in ('torch', 'openai', 'ray', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
