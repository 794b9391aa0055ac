from __future__ import annotations

import threading
from pathlib import Path

import attrs
import pytest

from actiongpt_core.errors import ConfigError, ProviderError
from actiongpt_core.testing.fakes import FakeLanguageModel
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.describe import cache_key, describe, describe_action
from actiongpt_core.text.prompts import get_strategy
from actiongpt_core.types.text import Action, Descriptions, Prompt


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


# --- a provider that is asked prompts --------------------------------------------------------------------------------


def test_a_language_model_is_asked_only_for_the_draws_that_are_missing(cache: DescriptionCache) -> None:
    model = FakeLanguageModel()
    describe([Action("walk")], model, 2, cache)
    (more,) = describe([Action("walk")], model, 4, cache)
    assert [draws for _, draws in model.asked] == [(0, 1), (2, 3)]
    assert (more.source, more.prompt_tokens, more.completion_tokens) == ("llm", 20, 10)
    (again,) = describe([Action("walk")], model, 4, cache)
    assert again.texts == more.texts
    assert (again.source, again.prompt_tokens, again.elapsed) == ("cache", None, None)


def test_what_was_answered_before_a_failure_is_kept(cache: DescriptionCache) -> None:
    broken = FakeLanguageModel(lambda prompt, draw: None if draw % 1000 == 2 else f"The person moves, way {draw}.")
    with pytest.raises(ProviderError, match="3 of 4"):
        describe([Action("walk")], broken, 4, cache)
    whole = FakeLanguageModel()
    describe([Action("walk")], whole, 4, cache)
    assert [draws for _, draws in whole.asked] == [(2,)]


def test_answers_of_another_strategy_version_or_sampling_are_not_reused(cache: DescriptionCache) -> None:
    paper = get_strategy("action-gpt")
    describe([Action("walk")], FakeLanguageModel(), 1, cache, strategy=paper)
    for strategy, sampling in (
        (attrs.evolve(paper, version=paper.version + 1), {}),
        (attrs.evolve(paper, name="mine"), {}),
        (paper, {"temperature": 0.1}),
    ):
        model = FakeLanguageModel(sampling=sampling)
        describe([Action("walk")], model, 1, cache, strategy=strategy)
        assert len(model.asked) == 1


def test_as_many_actions_are_asked_for_at_a_time_as_the_provider_allows() -> None:
    together = threading.Barrier(3, timeout=20)

    def write(prompt: Prompt, draw: int) -> str:
        together.wait()  # passes only if three requests are under way
        (phrase,) = [phrase for phrase in ("walk", "run", "jump") if f"action {phrase} " in prompt.text]
        return f"The person starts to {phrase} with the left leg."

    model = FakeLanguageModel(write)
    model.concurrency = 3  # type: ignore[attr-defined]
    found = describe([Action(phrase) for phrase in ("walk", "run", "jump")], model, 1)
    assert ["walk" in found[0].texts[0], "run" in found[1].texts[0], "jump" in found[2].texts[0]] == [True] * 3


def test_a_strategy_for_a_provider_without_a_language_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="asks no language model"):
        describe_action(Action("walk"), CountingProvider(), 4, strategy="few-shot")


def test_credentials_in_a_servers_address_are_no_part_of_the_key() -> None:
    plain, secret = FakeLanguageModel(), FakeLanguageModel()
    plain.base_url = "https://host:8080/v1"  # type: ignore[attr-defined]
    secret.base_url = "https://user:sk-secret@host:8080/v1?key=sk-secret"  # type: ignore[attr-defined]
    strategy = get_strategy(None)
    assert cache_key("walk", secret, strategy) == cache_key("walk", plain, strategy)
