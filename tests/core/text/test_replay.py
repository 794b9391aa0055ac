from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from actiongpt_core.errors import ConfigError, ProviderError
from actiongpt_core.registry import get_registry
from actiongpt_core.text.actions import parse_actions
from actiongpt_core.text.cache import CacheKey, DescriptionCache
from actiongpt_core.text.describe import describe
from actiongpt_core.text.providers.replay import ReplayProvider
from actiongpt_core.types.text import Action

KEY = CacheKey(
    provider="openai", model="m", strategy="action-gpt", version=1, phrase="walk", sampling={"temperature": 0.5}
)


@pytest.fixture
def cache(tmp_path: Path) -> DescriptionCache:
    return DescriptionCache(tmp_path / "cache.sqlite")


def record(cache: DescriptionCache, name: str, k: int = 4, **change: Any) -> None:
    for index in range(k):
        cache.put(attrs.evolve(KEY, **change), index, f"{name} {index}")


def replayed(cache: DescriptionCache, k: int = 4, **narrowed: Any) -> tuple[str, ...]:
    return ReplayProvider(path=cache.path, **narrowed).complete(Action("walk"), k).texts


def test_what_was_recorded_is_repeated_with_how_it_was_asked(cache: DescriptionCache) -> None:
    record(cache, "text")
    found = ReplayProvider(path=cache.path).complete(Action("walk", 2.0), 4)
    assert found.texts == ("text 0", "text 1", "text 2", "text 3")
    assert (found.source, found.provider, found.model, found.strategy) == ("cache", "openai", "m", "action-gpt")
    assert (found.sampling, found.action.seconds) == ({"temperature": 0.5}, 2.0)


def test_fewer_than_were_recorded_are_the_first_ones(cache: DescriptionCache) -> None:
    record(cache, "text")
    assert replayed(cache, k=2) == ("text 0", "text 1")


def test_of_several_recordings_the_newest_is_taken(cache: DescriptionCache) -> None:
    record(cache, "zebra", model="z")
    record(cache, "aardvark", model="a")
    record(cache, "monkey", model="m", version=2)
    assert replayed(cache)[0] == "monkey 0"


def test_a_recording_with_fewer_than_k_gives_way_to_an_older_one(cache: DescriptionCache) -> None:
    record(cache, "whole")
    record(cache, "broken off", k=2, model="newer")
    assert replayed(cache, k=4)[0] == "whole 0"
    assert replayed(cache, k=2)[0] == "broken off 0"


def test_recordings_are_not_mixed(cache: DescriptionCache) -> None:
    record(cache, "warm", k=2)
    record(cache, "hot", k=2, sampling={"temperature": 1.0})
    with pytest.raises(ProviderError, match="at most 2"):
        replayed(cache, k=4)


@pytest.mark.parametrize(
    "narrowed", [{"model": "m"}, {"provider": "openai"}, {"strategy": "action-gpt"}, {"model": "m", "strategy": None}]
)
def test_a_recording_can_be_chosen(cache: DescriptionCache, narrowed: dict[str, Any]) -> None:
    record(cache, "wanted")
    record(cache, "newer", model="other", provider="local", strategy="few-shot")
    assert replayed(cache, **narrowed)[0] == "wanted 0"


def test_a_list_of_actions_is_no_description(cache: DescriptionCache) -> None:
    record(cache, "text")
    record(cache, "[actions]", strategy="decompose")
    assert replayed(cache)[0] == "text 0"


def test_a_phrase_that_is_not_recorded_is_an_error_that_says_what_to_do(cache: DescriptionCache) -> None:
    record(cache, "text")
    with pytest.raises(ProviderError) as caught:
        ReplayProvider(path=cache.path, model="m").complete(Action("juggle"), 3)
    for part in (
        "'juggle' is not recorded by m",
        "1 other phrases",
        "--k 3",
        "actiongpt cache import",
        str(cache.path),
    ):
        assert part in str(caught.value)


def test_too_few_descriptions_are_an_error_that_says_who_wrote_them(cache: DescriptionCache) -> None:
    record(cache, "text", k=3)
    with pytest.raises(ProviderError, match=r"at most 3 descriptions .*openai m action-gpt.*k is 4"):
        replayed(cache, k=4)


def test_without_a_cache_the_error_says_where_it_was_looked_for(tmp_path: Path) -> None:
    provider = ReplayProvider(path=tmp_path / "none.sqlite")
    assert not provider.knows("walk")
    with pytest.raises(ProviderError, match=r"There is no description cache at .*none\.sqlite"):
        provider.complete(Action("walk"), 4)
    assert list(tmp_path.iterdir()) == []


def test_k_must_be_positive(cache: DescriptionCache) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        replayed(cache, k=0)


def test_a_phrase_that_is_recorded_with_a_comma_is_not_split(cache: DescriptionCache) -> None:
    record(cache, "text", phrase="jump, balance")
    provider = ReplayProvider(path=cache.path)
    assert parse_actions("jump, balance", known=provider.knows) == [Action("jump, balance")]
    assert len(parse_actions("jump, fall", known=provider.knows)) == 2


def test_replaying_writes_nothing(cache: DescriptionCache) -> None:
    record(cache, "text")
    with closing(sqlite3.connect(cache.path)) as connection:
        before = list(connection.iterdump())
    describe([Action("walk")], ReplayProvider(path=cache.path), 4, cache)
    with closing(sqlite3.connect(cache.path)) as connection:
        assert list(connection.iterdump()) == before


def test_it_is_found_by_its_name_and_takes_its_options(cache: DescriptionCache) -> None:
    record(cache, "text")
    provider = get_registry().build_provider("replay", model="m", path=str(cache.path))
    assert provider.complete(Action("walk"), 1).texts == ("text 0",)
