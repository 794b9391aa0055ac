from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

import attrs
import pytest

from actiongpt_core.text.cache import CacheKey, DescriptionCache, cache_folder

KEY = CacheKey(provider="openai", model="m", strategy="action-gpt", phrase="walk", sampling={"top_p": 1.0, "n": 2})


def test_what_is_put_is_got_in_order(tmp_path: Path) -> None:
    cache = DescriptionCache(tmp_path / "deep" / "cache.sqlite")
    assert cache.get(KEY) == []
    cache.put(KEY, ["a", "b"])
    cache.put(KEY, ["c"], first=2)
    assert DescriptionCache(cache.path).get(KEY) == ["a", "b", "c"]
    cache.put(KEY, ["x"], first=1)
    assert cache.get(KEY) == ["a", "x", "c"]


@pytest.mark.parametrize(
    "change",
    [
        {"provider": "other"},
        {"model": "other"},
        {"strategy": "other"},
        {"phrase": "Walk"},
        {"sampling": {"top_p": 0.9, "n": 2}},
    ],
)
def test_every_part_of_the_key_matters(tmp_path: Path, change: dict[str, object]) -> None:
    cache = DescriptionCache(tmp_path / "cache.sqlite")
    cache.put(KEY, ["a"])
    assert cache.get(attrs.evolve(KEY, **change)) == []  # type: ignore[arg-type]


def test_order_of_the_sampling_settings_does_not_matter(tmp_path: Path) -> None:
    cache = DescriptionCache(tmp_path / "cache.sqlite")
    cache.put(KEY, ["a"])
    assert cache.get(attrs.evolve(KEY, sampling={"n": 2, "top_p": 1.0})) == ["a"]


def test_file_is_in_wal_mode_so_that_readers_do_not_wait(tmp_path: Path) -> None:
    cache = DescriptionCache(tmp_path / "cache.sqlite")
    cache.put(KEY, ["a"])
    connection = sqlite3.connect(cache.path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_many_threads_may_write(tmp_path: Path) -> None:
    cache = DescriptionCache(tmp_path / "cache.sqlite")
    threads = [threading.Thread(target=cache.put, args=(KEY, [str(i)], i)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get(KEY) == [str(i) for i in range(12)]


def test_damaged_file_is_reported_and_passed_by(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "cache.sqlite"
    file.write_text("this is not a database, but long enough to be looked at" * 20, encoding="utf-8")
    cache = DescriptionCache(file)
    with caplog.at_level(logging.WARNING, logger="actiongpt_core"):
        cache.put(KEY, ["a"])
        assert cache.get(KEY) == []
    assert "Cannot write the description cache" in caplog.text
    assert "Cannot read the description cache" in caplog.text


def test_folder_that_cannot_be_made_is_reported_and_passed_by(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    cache = DescriptionCache(tmp_path / "file" / "cache.sqlite")
    with caplog.at_level(logging.WARNING, logger="actiongpt_core"):
        cache.put(KEY, ["a"])
    assert "Cannot write" in caplog.text


def test_cache_lies_in_the_xdg_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert DescriptionCache().path == tmp_path / "actiongpt" / "descriptions.sqlite"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path.home() / ".cache" / "actiongpt"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "actiongpt"
