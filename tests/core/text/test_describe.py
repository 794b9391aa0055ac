from __future__ import annotations

from pathlib import Path

import pytest

from actiongpt_core.errors import ConfigError
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.describe import describe
from actiongpt_core.types.text import Action, Descriptions


class CountingProvider:
    """Numbers its answers and remembers what it was asked."""

    name = "counting"

    def __init__(self, cacheable: bool = True, model: str = "m", base_url: str | None = None) -> None:
        self.cacheable = cacheable
        self.model = model
        self.base_url = base_url
        self.asked: list[tuple[str, int]] = []

    def complete(self, action: Action, k: int) -> Descriptions:
        self.asked.append((action.phrase, k))
        first = sum(count for _, count in self.asked[:-1])
        texts = tuple(f"text {first + i}" for i in range(k))
        return Descriptions(action=action, texts=texts, source="llm", provider=self.name, model=self.model)


@pytest.fixture
def cache(tmp_path: Path) -> DescriptionCache:
    return DescriptionCache(tmp_path / "cache.sqlite")


def test_second_time_is_answered_from_the_cache(cache: DescriptionCache) -> None:
    provider = CountingProvider()
    (fresh,) = describe([Action("walk")], provider, 4, cache)
    (cached,) = describe([Action("walk", seconds=3.0)], CountingProvider(), 4, cache)
    assert (fresh.source, cached.source) == ("llm", "cache")
    assert cached.texts == fresh.texts
    assert (cached.provider, cached.model, cached.action.seconds) == ("counting", "m", 3.0)
    assert provider.asked == [("walk", 4)]


def test_only_the_missing_descriptions_are_asked_for(cache: DescriptionCache) -> None:
    provider = CountingProvider()
    describe([Action("walk")], provider, 2, cache)
    (more,) = describe([Action("walk")], provider, 4, cache)
    assert provider.asked == [("walk", 2), ("walk", 2)]
    assert more.texts == ("text 0", "text 1", "text 2", "text 3")
    (fewer,) = describe([Action("walk")], provider, 1, cache)
    assert fewer.texts == ("text 0",)
    assert len(provider.asked) == 2


def test_action_that_stands_twice_is_asked_for_once_and_keeps_its_seconds() -> None:
    provider = CountingProvider()
    found = describe([Action("walk", 1.0), Action("jump"), Action("walk", 2.0)], provider, 4)
    assert provider.asked == [("walk", 4), ("jump", 4)]
    assert [item.action.seconds for item in found] == [1.0, None, 2.0]
    assert found[0].texts == found[2].texts


def test_other_model_and_other_server_are_asked_anew(cache: DescriptionCache) -> None:
    describe([Action("walk")], CountingProvider(), 4, cache)
    for other in (CountingProvider(model="other"), CountingProvider(base_url="http://localhost")):
        describe([Action("walk")], other, 4, cache)
        assert other.asked == [("walk", 4)]


def test_provider_that_costs_nothing_is_not_cached(cache: DescriptionCache) -> None:
    provider = CountingProvider(cacheable=False)
    describe([Action("walk")], provider, 4, cache)
    describe([Action("walk")], provider, 4, cache)
    assert len(provider.asked) == 2
    assert not cache.path.exists()


@pytest.mark.parametrize("k", [0, -1])
def test_number_of_descriptions_must_be_positive(k: int) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        describe([Action("walk")], CountingProvider(), k)
