from __future__ import annotations

import json
import logging
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
from cache_files import make_old_file

from actiongpt_core.errors import CacheError
from actiongpt_core.text.cache import CacheKey, DescriptionCache, cache_folder
from actiongpt_core.text.cache_file import opened
from actiongpt_core.types.text import Answer

KEY = CacheKey(
    provider="openai", model="m", strategy="action-gpt", version=1, phrase="walk", sampling={"top_p": 1.0, "n": 2}
)


@pytest.fixture
def cache(tmp_path: Path) -> DescriptionCache:
    return DescriptionCache(tmp_path / "cache.sqlite")


def rows(path: Path, columns: str = "*") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT {columns} FROM descriptions ORDER BY rowid").fetchall()


def test_what_is_put_is_got_by_index(tmp_path: Path) -> None:
    cache = DescriptionCache(tmp_path / "deep" / "cache.sqlite")
    assert cache.get(KEY) == {}
    assert not cache.path.exists()
    cache.put(KEY, 3, "d")
    cache.put(KEY, 0, "a")
    assert list(DescriptionCache(cache.path).get(KEY).items()) == [(0, "a"), (3, "d")]


def test_of_two_writers_the_first_wins(cache: DescriptionCache) -> None:
    cache.put(KEY, 0, "first")
    cache.put(KEY, 0, "second")
    assert cache.get(KEY) == {0: "first"}


@pytest.mark.parametrize(
    "change",
    [
        {"provider": "other"},
        {"model": "other"},
        {"strategy": "other"},
        {"version": 2},
        {"phrase": "Walk"},
        {"sampling": {"top_p": 0.9, "n": 2}},
        {"sampling": {"top_p": 1.0, "n": 2, "base_url": "http://localhost"}},
    ],
)
def test_every_part_of_the_key_matters(cache: DescriptionCache, change: dict[str, Any]) -> None:
    cache.put(KEY, 0, "a")
    assert cache.get(attrs.evolve(KEY, **change)) == {}


def test_order_of_the_sampling_settings_does_not_matter(cache: DescriptionCache) -> None:
    cache.put(KEY, 0, "a")
    assert cache.get(attrs.evolve(KEY, sampling={"n": 2, "top_p": 1.0})) == {0: "a"}


def test_a_row_keeps_the_raw_answer_its_usage_and_its_time(cache: DescriptionCache) -> None:
    answer = Answer(draw=7, text="1. Walks.\n", prompt_tokens=12, completion_tokens=3, seconds=0.5)
    cache.put(KEY, 0, "Walks.", answer)
    cache.put(KEY, 1, "Strolls.")
    first, second = rows(cache.path, "text, raw, prompt_tokens, completion_tokens, seconds, time")
    assert first[:-1] == ("Walks.", "1. Walks.\n", 12, 3, 0.5)
    assert second[:-1] == ("Strolls.", None, None, None, None)
    assert first[-1] < second[-1]
    assert first[-1].endswith("+00:00")


def test_a_row_holds_what_it_was_given_and_nothing_of_the_environment(
    cache: DescriptionCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    cache.put(KEY, 0, "a")
    assert b"sk-planted" not in b"".join(file.read_bytes() for file in cache.path.parent.iterdir())


def test_file_is_in_wal_mode_so_that_readers_do_not_wait(cache: DescriptionCache) -> None:
    cache.put(KEY, 0, "a")
    with closing(sqlite3.connect(cache.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_every_commit_is_synced(cache: DescriptionCache) -> None:
    with opened(cache.path, create=True) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_many_threads_may_write(cache: DescriptionCache) -> None:
    threads = [threading.Thread(target=cache.put, args=(KEY, i, str(i))) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get(KEY) == {i: str(i) for i in range(12)}


# --- files that cannot be used -------------------------------------------------------------------


def damaged(path: Path) -> None:
    path.write_text("this is not a database, but long enough to be looked at" * 20, encoding="utf-8")


def newer(path: Path) -> None:
    DescriptionCache(path).put(KEY, 0, "a")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (address TEXT)")


def a_folder(path: Path) -> None:
    path.mkdir()


UNUSABLE = [
    (damaged, "not a database"),
    (newer, "newer version"),
    (of_another_program, "something else"),
    (a_folder, "unable to open"),
]


@pytest.mark.parametrize(("make", "message"), UNUSABLE)
def test_a_file_that_cannot_be_used_is_reported_once_and_passed_by(
    cache: DescriptionCache, caplog: pytest.LogCaptureFixture, make: Callable[[Path], None], message: str
) -> None:
    make(cache.path)
    with caplog.at_level(logging.WARNING, logger="actiongpt_core"):
        cache.put(KEY, 0, "a")
        cache.put(KEY, 1, "b")
        assert cache.get(KEY) == {}
    assert len(caplog.records) == 1
    assert "Cannot write the description cache" in caplog.text
    assert message in caplog.text


@pytest.mark.parametrize(("make", "message"), UNUSABLE)
def test_a_file_that_cannot_be_used_is_an_error_where_the_file_matters(
    cache: DescriptionCache, make: Callable[[Path], None], message: str
) -> None:
    make(cache.path)
    with pytest.raises(CacheError, match=message), opened(cache.path):
        pass


def test_what_another_program_wrote_is_left_alone(cache: DescriptionCache) -> None:
    of_another_program(cache.path)
    before = cache.path.read_bytes()
    cache.put(KEY, 0, "a")
    assert cache.path.read_bytes() == before


def test_a_file_that_is_not_there_is_an_error_where_the_file_matters(cache: DescriptionCache) -> None:
    with pytest.raises(CacheError, match="actiongpt cache import"), opened(cache.path):
        pass
    assert not cache.path.exists()


def test_folder_that_cannot_be_made_is_reported_and_passed_by(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with caplog.at_level(logging.WARNING, logger="actiongpt_core"):
        DescriptionCache(tmp_path / "file" / "cache.sqlite").put(KEY, 0, "a")
    assert "Cannot write" in caplog.text


def test_an_answer_that_cannot_be_stored_is_reported_and_passed_by(
    cache: DescriptionCache, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="actiongpt_core"):
        cache.put(KEY, 0, "half a character: \ud800")
    assert "Cannot write" in caplog.text
    assert cache.get(KEY) == {}


# --- files of the version before -----------------------------------------------------------------


def test_descriptions_of_an_old_file_are_found_as_version_1(cache: DescriptionCache) -> None:
    make_old_file(cache.path)
    assert cache.get(KEY) == {index: f"old {index}" for index in range(4)}
    cache.put(KEY, 4, "new")
    assert cache.get(KEY)[4] == "new"
    assert [name for (name,) in rows(cache.path, "DISTINCT version")] == [1]


def test_an_old_file_is_taken_over_once(cache: DescriptionCache) -> None:
    make_old_file(cache.path)
    cache.get(KEY)
    taken_over = rows(cache.path)
    cache.get(KEY)
    assert rows(cache.path) == taken_over
    with closing(sqlite3.connect(cache.path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert tables == [("descriptions",)]


def test_a_password_in_a_server_s_address_does_not_come_over(cache: DescriptionCache) -> None:
    make_old_file(cache.path, json.dumps({"base_url": "https://me:sk-secret@host:8080/v1?key=sk-other", "n": 2}))
    key = attrs.evolve(KEY, sampling={"n": 2, "base_url": "https://host:8080/v1"})
    assert len(cache.get(key)) == 4


def test_an_old_file_that_cannot_be_taken_over_stays_as_it_is(
    cache: DescriptionCache, caplog: pytest.LogCaptureFixture
) -> None:
    make_old_file(cache.path, "no JSON")
    before = rows(cache.path)
    with caplog.at_level(logging.WARNING, logger="actiongpt_core"):
        assert cache.get(KEY) == {}
    assert "Cannot read" in caplog.text
    assert rows(cache.path) == before


# --- where it lies, and what it costs ------------------------------------------------------------


def test_cache_lies_in_the_xdg_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert DescriptionCache().path == tmp_path / "actiongpt" / "descriptions.sqlite"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path.home() / ".cache" / "actiongpt"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "actiongpt"


def test_the_cache_and_what_is_done_with_it_import_nothing_heavy() -> None:
    code = (
        "import sys, actiongpt_core.text.recordings, actiongpt_core.text.annotations, "
        "actiongpt_core.text.providers.replay, actiongpt_core.cli.cache; "
        "print([name for name in ('torch', 'numpy', 'openai', 'transformers') if name in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
