"""The provider `openai` against a real server: llama.cpp's, with SmolLM2."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from actiongpt_core.interfaces import LLMProvider
from actiongpt_core.testing.llm_provider import LLMProviderSuite
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.describe import describe
from actiongpt_core.text.llama import SLOTS
from actiongpt_core.text.providers.openai import OpenAIProvider
from actiongpt_core.types.text import Action, Prompt

SHORT = {"temperature": 0.8, "max_tokens": 16}
PROMPT = Prompt(messages=({"role": "user", "content": "Tell me a story."},), text="Once upon a time there")


@pytest.fixture(autouse=True)
def _server(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server_url)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for variable in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)


class TestServer(LLMProviderSuite):
    is_deterministic = False

    def build_provider(self) -> LLMProvider:
        return OpenAIProvider(max_tokens=12)


@pytest.mark.parametrize("endpoint", ["chat", "completions"])
def test_one_request_brings_as_many_answers_as_the_server_has_slots(endpoint: str) -> None:
    provider = OpenAIProvider(endpoint=endpoint)
    found = list(provider.answers(PROMPT, range(SLOTS), SHORT))
    assert [answer.draw for answer in found] == list(range(SLOTS))
    assert len({answer.text for answer in found}) > 1
    assert provider.budget.requests == 1


def test_more_answers_than_slots_are_asked_for_one_by_one() -> None:
    provider = OpenAIProvider()
    found = list(provider.answers(PROMPT, range(SLOTS + 2), SHORT))
    assert sorted(answer.draw for answer in found) == list(range(SLOTS + 2))
    assert provider.budget.requests == 1 + SLOTS + 2


@pytest.mark.parametrize("endpoint", ["chat", "completions"])
def test_the_seed_of_a_draw_is_the_seed_and_its_number(endpoint: str) -> None:
    provider = OpenAIProvider(endpoint=endpoint)
    together = {answer.draw: answer.text for answer in provider.answers(PROMPT, range(3), {**SHORT, "seed": 7})}
    alone = {draw: next(provider.answers(PROMPT, [0], {**SHORT, "seed": 7 + draw})).text for draw in range(3)}
    assert together == alone
    assert len(set(together.values())) > 1


def test_a_request_is_counted_by_the_server() -> None:
    provider = OpenAIProvider()
    (answer,) = provider.answers(PROMPT, [0], SHORT)
    assert answer.prompt_tokens is not None
    assert answer.prompt_tokens > 15  # the words of the question
    assert answer.completion_tokens == 16
    assert answer.is_cut
    assert (provider.budget.prompt_tokens, provider.budget.completion_tokens) == (answer.prompt_tokens, 16)


def test_threads_may_ask_at_the_same_time_and_the_answers_are_kept(tmp_path: Path) -> None:
    cache = DescriptionCache(tmp_path / "cache.sqlite")
    provider = OpenAIProvider(concurrency=3, max_tokens=12)
    actions = [Action(phrase) for phrase in ("walk forward", "sit down", "wave with the left hand")]
    first = describe(actions, provider, 2, cache)
    num_requests = provider.budget.requests
    with ThreadPoolExecutor(3) as pool:
        again = list(pool.map(lambda action: describe([action], provider, 2, cache)[0], actions))
    assert [item.texts for item in again] == [item.texts for item in first]
    assert {item.source for item in again} == {"cache"}
    assert provider.budget.requests == num_requests
