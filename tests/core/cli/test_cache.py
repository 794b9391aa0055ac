"""`actiongpt cache`: what it counts, writes, takes in and removes, and how it fails."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
from typer.testing import CliRunner

from actiongpt_core.cli.main import app
from actiongpt_core.registry import reset_registry
from actiongpt_core.text.asking import sampling_of
from actiongpt_core.text.cache import CacheKey, DescriptionCache
from actiongpt_core.text.prompts import get_strategy
from actiongpt_core.types.text import Answer

KEY = CacheKey(provider="openai", model="gpt", strategy="action-gpt", version=1, phrase="walk", sampling={})
OLD = "2020-01-01T00:00:00.000000+00:00"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    reset_registry()
    yield
    reset_registry()


@pytest.fixture
def cache() -> DescriptionCache:
    """The user's cache: two texts of "walk" by one model, four of "walk" and "run" by another, later."""
    cache = DescriptionCache()
    answer = Answer(draw=0, text="raw", prompt_tokens=10, completion_tokens=5, seconds=1.0)
    put(cache, "first", 2, answer)
    put(cache, "second", 4, model="local", strategy="few-shot", provider="local")
    put(cache, "second", 4, model="local", strategy="few-shot", provider="local", phrase="run")
    return cache


def put(cache: DescriptionCache, name: str, k: int, answer: Answer | None = None, **change: Any) -> None:
    for index in range(k):
        cache.put(attrs.evolve(KEY, **change), index, f"{name} {index}", answer)


def make_old(cache: DescriptionCache, condition: str) -> None:
    with closing(sqlite3.connect(cache.path)) as connection, connection:
        connection.execute(f"UPDATE descriptions SET time = ? WHERE {condition}", (OLD,))


def run(*arguments: str | Path, code: int = 0, typed: str | None = None) -> str:
    """The standard output of a command that ends with this code and no traceback."""
    result = CliRunner().invoke(app, ["cache", *map(str, arguments)], input=typed)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.stderr
    return result.stdout


def fail(*arguments: str | Path) -> str:
    """The message of a command that must fail, without standard output."""
    result = CliRunner().invoke(app, ["cache", *map(str, arguments)])
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def write(content: str) -> Path:
    path = Path("in.json")
    path.write_text(content, encoding="utf-8")
    return path


# --- stats ---------------------------------------------------------------------------------------


def test_stats_count_by_who_wrote_and_how_they_were_asked(cache: DescriptionCache) -> None:
    lines = run("stats").splitlines()
    assert lines[0].startswith(str(cache.path))
    assert lines[1] == "10 descriptions of 2 phrases"
    assert lines[3].split()[:7] == ["local", "local", "few-shot", "1", "2", "8", "-"]
    assert lines[4].split()[:8] == ["openai", "gpt", "action-gpt", "1", "1", "2", "20", "10"]


def test_stats_for_programs(cache: DescriptionCache) -> None:
    make_old(cache, "provider = 'openai' AND k_index = 0")
    found = json.loads(run("stats", "--json"))
    assert (found["file"], found["descriptions"], found["phrases"]) == (str(cache.path), 10, 2)
    assert found["bytes"] == cache.path.stat().st_size
    group = found["groups"][1]
    assert (group["prompt_tokens"], group["completion_tokens"], group["first"]) == (20, 10, OLD)
    assert group["last"] > OLD


def test_another_file_can_be_looked_into(tmp_path: Path) -> None:
    put(DescriptionCache(tmp_path / "paper.sqlite"), "text", 3)
    assert "3 descriptions of 1 phrase\n" in run("stats", "--file", tmp_path / "paper.sqlite")


@pytest.mark.parametrize(
    "arguments", [["stats"], ["export", "out.json"], ["prune", "--provider", "openai", "--yes"]], ids=lambda a: a[0]
)
def test_a_cache_that_is_not_there_or_damaged_is_an_error(arguments: list[str]) -> None:
    path = DescriptionCache().path
    assert f"There is no description cache at {path}" in fail(*arguments)
    path.parent.mkdir()
    path.write_bytes(b"damaged" * 1000)
    assert "not a database" in fail(*arguments)
    assert path.read_bytes() == b"damaged" * 1000
    assert not Path("out.json").exists()


def test_a_page_that_is_damaged_is_an_error(cache: DescriptionCache) -> None:
    put(cache, "long " * 2000, 4, phrase="sit")
    content = bytearray(cache.path.read_bytes())
    content[4096:-4096] = b"\xff" * (len(content) - 8192)
    cache.path.write_bytes(content)
    assert "cannot be used" in fail("export", "out.json")


# --- export --------------------------------------------------------------------------------------


def test_export_writes_the_newest_recording_of_each_phrase_and_says_so(cache: DescriptionCache) -> None:
    put(cache, "newest", 3)
    shown = run("export", "out.json")
    texts = ["second 0", "second 1", "second 2", "second 3"]
    assert json.loads(Path("out.json").read_text(encoding="utf-8")) == {
        "run": texts,
        "walk": ["first 0", "first 1", "newest 2"],
    }
    assert "7 descriptions of 2 phrases (1 with 4, 1 with 3)" in shown
    assert "recorded in several ways, of which the newest is taken: 1 phrase" in shown


def test_export_can_be_narrowed(cache: DescriptionCache) -> None:
    shown = run("export", "out.json", "--provider", "openai", "--model", "gpt", "--strategy", "action-gpt")
    assert json.loads(Path("out.json").read_text(encoding="utf-8")) == {"walk": ["first 0", "first 1"]}
    assert "several" not in shown


def test_export_with_k_has_exactly_k_texts_of_each_phrase(cache: DescriptionCache) -> None:
    put(cache, "newest", 1, phrase="run", model="newest")
    put(cache, "only", 1, phrase="sit")
    shown = run("export", "out.json", "--k", "3")
    exported = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert exported == {phrase: ["second 0", "second 1", "second 2"] for phrase in ("run", "walk")}
    assert "left out, with fewer descriptions than --k: 1 phrase" in shown


@pytest.mark.usefixtures("cache")
def test_export_of_nothing_is_an_error_and_leaves_the_old_file() -> None:
    Path("out.json").write_text("old", encoding="utf-8")
    message = fail("export", "out.json", "--provider", "opnai")
    assert "holds no descriptions by opnai" in message
    assert Path("out.json").read_text(encoding="utf-8") == "old"


@pytest.mark.usefixtures("cache")
def test_an_exported_file_is_read_by_the_pack_provider() -> None:
    from actiongpt_core.text.providers.pack import PackProvider
    from actiongpt_core.types.text import Action

    run("export", "out.json")
    assert PackProvider(Path("out.json")).complete(Action("run"), 1).texts == ("second 0",)


# --- import --------------------------------------------------------------------------------------


WHO = ["--provider", "openai", "--model", "text-davinci-002"]


def test_what_is_imported_is_replayed() -> None:
    shown = run("import", write('{"walk": ["Walks.\\nOn and on. ", "Strolls."], "run": ["Runs."]}'), *WHO)
    assert shown.startswith("3 descriptions of 2 phrases: 3 new")
    result = CliRunner().invoke(app, ["describe", "walk", "--llm", "replay", "--k", "2", "--json"])
    (found,) = json.loads(result.stdout)
    assert found["texts"] == ["Walks. On and on.", "Strolls."]
    assert (found["source"], found["provider"], found["model"]) == ("cache", "openai", "text-davinci-002")


def test_with_a_strategy_they_stand_for_answers_to_it() -> None:
    run("import", write('{"walk": ["Walks."]}'), *WHO, "--strategy", "action-gpt")

    class Model:
        sampling: dict[str, Any] = {}  # noqa: RUF012

    strategy = get_strategy("action-gpt")
    key = attrs.evolve(KEY, model="text-davinci-002", version=strategy.version)
    asked = attrs.evolve(key, sampling=sampling_of(Model(), strategy))  # type: ignore[arg-type]
    assert DescriptionCache().get(asked) == {0: "Walks."}


@pytest.mark.usefixtures("cache")
def test_what_was_exported_can_be_imported_elsewhere(tmp_path: Path) -> None:
    run("export", "out.json")
    run("import", "out.json", *WHO, "--file", tmp_path / "other.sqlite")
    run("export", "again.json", "--file", tmp_path / "other.sqlite")
    assert Path("again.json").read_bytes() == Path("out.json").read_bytes()


def test_descriptions_that_are_there_stay_as_they_are() -> None:
    run("import", write('{"walk": ["Walks."]}'), *WHO)
    shown = run("import", write('{"walk": ["Changed.", "New."]}'), *WHO)
    assert "1 new, 1 there already" in shown
    run("export", "out.json")
    assert json.loads(Path("out.json").read_text(encoding="utf-8")) == {"walk": ["Walks.", "New."]}


def test_bad_entries_are_named_by_line_the_good_ones_come_in_and_the_exit_code_tells() -> None:
    source = write('{\n"walk": ["Walks."],\n"run": "Runs.",\n"sit": ["Sits."]}')
    result = CliRunner().invoke(app, ["cache", "import", str(source), *WHO])
    assert result.exit_code == 1
    assert result.stderr == "in.json, line 3: 'run' needs a list of texts, found a string\n"
    assert "2 descriptions of 2 phrases: 2 new" in result.stdout
    assert "; 1 entry rejected" in result.stdout
    assert json.loads(run("stats", "--json"))["phrases"] == 2


def test_import_for_programs() -> None:
    source = write('{"walk": ["Walks."], "run": []}')
    found = json.loads(run("import", source, *WHO, "--json", code=1))
    assert found.pop("file") == str(DescriptionCache().path)
    assert found == {
        "phrases": 1,
        "descriptions": 1,
        "new": 1,
        "there_already": 0,
        "rejected": [{"line": 1, "phrase": "run", "reason": "has no texts"}],
    }


def test_a_file_that_is_no_json_brings_nothing_in() -> None:
    message = fail("import", write('{"walk": ["Walks."],\n"run": ["Runs."'), *WHO)
    assert "line 2, column 16" in message
    assert not DescriptionCache().path.exists()


def test_an_unknown_strategy_brings_nothing_in() -> None:
    message = fail("import", write('{"walk": ["Walks."]}'), *WHO, "--strategy", "action-gtp")
    assert "Did you mean 'action-gpt'?" in message
    assert not DescriptionCache().path.exists()


def test_who_wrote_them_must_be_said() -> None:
    assert "--provider" in CliRunner().invoke(app, ["cache", "import", str(write("{}"))]).stderr


# --- prune ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("cache")
def test_prune_asks_and_removes_nothing_unless_told() -> None:
    shown = run("prune", "--provider", "local", code=1, typed="n\n")
    assert "8 descriptions of 2 phrases" in shown
    assert json.loads(run("stats", "--json"))["descriptions"] == 10
    assert "removed 8 descriptions" in run("prune", "--provider", "local", typed="y\n")
    assert json.loads(run("stats", "--json"))["descriptions"] == 2


def test_prune_by_age(cache: DescriptionCache) -> None:
    make_old(cache, "phrase = 'run'")
    assert "removed 4 descriptions" in run("prune", "--older-than", "30d", "--yes")
    run("export", "out.json")
    assert set(json.loads(Path("out.json").read_text(encoding="utf-8"))) == {"walk"}
    assert "nothing to remove" in run("prune", "--older-than", "30d", "--yes")


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["--model", "gpt"], 8),
        (["--strategy", "few-shot"], 2),
        (["--strategy", "few-shot", "--version", "2"], 10),
        (["--version", "1"], 0),
        (["--provider", "local", "--older-than", "1w"], 10),
        (["--older-than", "0m"], 0),
    ],
)
def test_prune_by_each_part_and_by_several_at_once(arguments: list[str], left: int) -> None:
    run("prune", *arguments, "--yes")
    assert json.loads(run("stats", "--json"))["descriptions"] == left


def test_a_dry_run_says_what_would_go_and_keeps_it(cache: DescriptionCache) -> None:
    before = cache.path.read_bytes()
    shown = run("prune", "--provider", "local", "--dry-run")
    assert shown.startswith("would remove: 8 descriptions of 2 phrases")
    assert cache.path.read_bytes() == before


def test_prune_gives_space_back(cache: DescriptionCache) -> None:
    put(cache, "long " * 20_000, 4, phrase="sit", model="verbose")
    size = cache.path.stat().st_size
    run("prune", "--model", "verbose", "--yes")
    assert cache.path.stat().st_size < size - 300_000


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "Say what to remove"), (["--older-than", "30"], "30"), (["--older-than", "a while"], "a while")],
)
def test_prune_must_be_told_what(arguments: list[str], message: str) -> None:
    assert message in fail("prune", *arguments, "--yes")
    assert json.loads(run("stats", "--json"))["descriptions"] == 10


@pytest.mark.usefixtures("cache")
def test_the_commands_import_nothing_heavy() -> None:
    code = (
        "import sys\nfrom actiongpt_core.cli.main import app\n"
        "try: app(sys.argv[1:])\nexcept SystemExit as end: assert not end.code\n"
        "print([name for name in ('torch', 'numpy', 'openai', 'transformers', 'ray') if name in sys.modules])"
    )
    write('{"sit": ["Sits."]}')
    for arguments in (["stats"], ["export", "out.json"], ["import", "in.json", *WHO], ["prune", "--model", "x"]):
        command = [sys.executable, "-c", code, "cache", *arguments]
        process = subprocess.run(command, capture_output=True, text=True, check=True)
        assert process.stdout.splitlines()[-1] == "[]"
    command = [sys.executable, "-c", code, "describe", "run", "--llm", "replay"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1] == "[]"
