"""The real client against a server of our own: what is asked, and what becomes of the answers."""

from __future__ import annotations

import gc
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from llm_stub import CUT, Reply, Request, StubServer, answer, chat, completion, describe, error, ignore_n, refuse_n

from actiongpt_core.errors import BudgetError, ConfigError, ProviderError
from actiongpt_core.interfaces import LanguageModel
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.describe import describe_action
from actiongpt_core.text.providers.openai import OpenAIProvider
from actiongpt_core.types.text import Action, Answer, Prompt

QUESTION = Prompt(messages=({"role": "user", "content": "How?"},), text="Action: walk\nMovements:", stop=("\n",))


def ask(provider: OpenAIProvider, draws: Sequence[int] = (0,), **sampling: Any) -> list[Answer]:
    return list(provider.answers(QUESTION, draws, sampling))


def test_provider_asks_the_papers_prompt_with_the_papers_sampling(server: StubServer) -> None:
    provider = OpenAIProvider("some-model")
    found = provider.complete(Action("walk"), 4)
    assert isinstance(provider, LanguageModel)
    (request,) = server.requests
    content = "Describe a person's body movements who is performing the action walk in details"
    assert request == {
        "path": "/v1/chat/completions",
        "model": "some-model",
        "messages": [{"role": "user", "content": content}],
        "n": 4,
        "temperature": 0.5,
        "top_p": 1.0,
        "max_tokens": 128,
    }
    assert (found.source, found.provider, found.model, found.k) == ("llm", "openai", "some-model", 4)


def test_sampling_holds_only_what_the_user_sets(server: StubServer) -> None:
    assert OpenAIProvider().sampling == {}
    provider = OpenAIProvider(temperature=0.0, top_p=0.9, max_tokens=64, seed=0)
    assert provider.sampling == {"temperature": 0.0, "top_p": 0.9, "max_tokens": 64, "seed": 0}
    provider.complete(Action("walk"), 1)
    assert {name: server.requests[0][name] for name in provider.sampling} == provider.sampling


def test_legacy_completions_continue_the_text_of_the_prompt_up_to_its_end(server: StubServer) -> None:
    server.reply = lambda request: completion(["one", "two"], finish_reason="length")
    found = ask(OpenAIProvider("m", endpoint="completions"), [0, 1], max_tokens=9)
    assert server.requests == [
        {"path": "/v1/completions", "model": "m", "prompt": QUESTION.text, "stop": ["\n"], "max_tokens": 9, "n": 2}
    ]
    assert [(item.draw, item.text, item.is_cut) for item in found] == [(0, "one", True), (1, "two", True)]


def test_answers_of_the_two_endpoints_are_kept_apart(server: StubServer, tmp_path: Path) -> None:
    cache = DescriptionCache(tmp_path / "cache.sqlite")
    for endpoint in ("chat", "completions"):
        provider = OpenAIProvider(endpoint=endpoint)
        sources = [describe_action(Action("walk"), provider, 1, cache).source for _ in range(2)]
        assert sources == ["llm", "cache"]
    assert [request["path"] for request in server.requests] == ["/v1/chat/completions", "/v1/completions"]


# --- several answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [refuse_n, ignore_n])
def test_server_that_gives_one_answer_a_request_is_asked_one_by_one(server: StubServer, reply: Any) -> None:
    server.reply = reply
    assert sorted(item.draw for item in ask(OpenAIProvider(), [3, 5, 7])) == [3, 5, 7]


@pytest.mark.parametrize(("reply", "num_requests"), [(refuse_n, 1 + 4 + 4), (ignore_n, 1 + 3 + 4)])
def test_server_that_gives_one_answer_a_request_is_asked_for_several_only_once(
    server: StubServer, reply: Any, num_requests: int
) -> None:
    server.reply = reply
    provider = OpenAIProvider()
    for _ in range(2):
        assert len(ask(provider, range(4))) == 4
    assert len(server.requests) == num_requests
    assert sum("n" in request for request in server.requests) == 1


def test_more_answers_than_asked_for_are_cut(server: StubServer) -> None:
    server.reply = lambda request: chat(["a", "b", "c"])
    assert [item.text for item in ask(OpenAIProvider(), range(2))] == ["a", "b"]


def test_with_a_seed_each_draw_has_its_own(server: StubServer) -> None:
    provider = OpenAIProvider(seed=40)
    together = {item.draw: item.text for item in ask(provider, [0, 1, 2], seed=40)}
    assert sorted(request["seed"] for request in server.requests) == [40, 41, 42]
    assert all("n" not in request for request in server.requests)
    assert {item.draw: item.text for item in ask(provider, [1], seed=40)} == {1: together[1]}


def test_single_requests_run_at_the_same_time(server: StubServer) -> None:
    both = threading.Barrier(2, timeout=30)

    def reply(request: Request) -> Reply:
        both.wait()
        return describe(request)

    server.reply = reply
    assert len(ask(OpenAIProvider(), range(2), seed=0)) == 2


def test_no_more_requests_than_the_limit_are_under_way(server: StubServer) -> None:
    two = threading.Barrier(2, timeout=30)

    def reply(request: Request) -> Reply:
        two.wait()
        return describe(request)

    server.reply = reply
    provider = OpenAIProvider(concurrency=2)
    threads = [threading.Thread(target=ask, args=(provider, range(4)), kwargs={"seed": i}) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(server.requests), server.most_busy) == (8, 2)


def test_answers_that_came_are_given_out_before_a_later_failure_is_told(server: StubServer) -> None:
    server.reply = lambda request: error(403) if request["seed"] == 2 else describe(request)
    answers = OpenAIProvider(concurrency=1).answers(QUESTION, range(4), {"seed": 0})
    assert {next(answers).draw, next(answers).draw} == {0, 1}
    with pytest.raises(ProviderError, match="403"):
        next(answers)
    assert [request["seed"] for request in server.requests][:3] == [0, 1, 2]


def test_after_a_failure_only_what_is_missing_is_asked(server: StubServer, tmp_path: Path) -> None:
    cache, provider = DescriptionCache(tmp_path / "cache.sqlite"), OpenAIProvider(seed=0, concurrency=1)
    server.reply = lambda request: error(403) if request["seed"] == 2 else describe(request)
    with pytest.raises(ProviderError):
        describe_action(Action("walk"), provider, 4, cache)
    server.reply = describe
    del server.requests[:]
    assert describe_action(Action("walk"), provider, 4, cache).k == 4
    assert [request["seed"] for request in server.requests] == [2, 3]


# --- counts ----------------------------------------------------------------------------------------------------------


def test_counts_of_one_request_are_spread_over_its_answers(server: StubServer) -> None:
    server.reply = lambda request: chat(["a", "b", "c"], usage=(11, 20))
    found = ask(OpenAIProvider(), range(3))
    assert [item.prompt_tokens for item in found] == [11, 0, 0]
    assert [item.completion_tokens for item in found] == [7, 7, 6]


def test_a_server_that_does_not_count_leaves_the_counts_open(server: StubServer) -> None:
    server.reply = lambda request: chat(["words " * 10], usage=None)
    provider = OpenAIProvider()
    (found,) = ask(provider)
    assert (found.prompt_tokens, found.completion_tokens) == (None, None)
    assert (provider.budget.prompt_tokens, provider.budget.completion_tokens) == (1, 15)  # four characters each


def test_the_budget_counts_requests_and_tokens(server: StubServer) -> None:
    server.reply = lambda request: refuse_n(request) if "n" in request else chat(["a"], usage=(10, 20))
    provider = OpenAIProvider()
    ask(provider, range(2))
    budget = provider.budget
    assert (budget.requests, budget.prompt_tokens, budget.completion_tokens) == (3, 20, 40)


def test_the_limit_of_requests_stops_before_it_is_passed(server: StubServer) -> None:
    provider = OpenAIProvider(max_requests=2)
    answers = provider.answers(QUESTION, range(4), {"seed": 0})
    assert {next(answers).draw, next(answers).draw} == {0, 1}
    with pytest.raises(BudgetError, match="2 of at most 2 requests"):
        next(answers)
    assert len(server.requests) == 2


def test_the_limit_of_tokens_counts_what_may_come(server: StubServer) -> None:
    server.reply = lambda request: answer(request, ["word " * 100])
    provider = OpenAIProvider(max_total_tokens=500)
    ask(provider, max_tokens=200)
    ask(provider, max_tokens=200)
    with pytest.raises(BudgetError, match="of at most 500 tokens"):
        ask(provider, range(2), max_tokens=200)
    assert len(server.requests) == 2


# --- models that think before they answer ----------------------------------------------------------------------------


def test_a_model_that_wants_the_limit_under_another_name_gets_it(server: StubServer) -> None:
    message = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    server.reply = lambda request: (
        error(400, message, param="max_tokens", code="unsupported_parameter")
        if "max_tokens" in request
        else describe(request)
    )
    provider = OpenAIProvider()
    for _ in range(2):
        assert len(ask(provider, range(2), max_tokens=50)) == 2
    assert [request.get("max_completion_tokens") for request in server.requests] == [None, 50, 50]


def test_settings_of_sampling_that_a_model_does_not_take_are_left_out_where_they_are_1(server: StubServer) -> None:
    def reply(request: Request) -> Reply:
        for name in ("temperature", "top_p"):
            if name in request:
                return error(400, f"Unsupported parameter: '{name}' is not supported with this model.", param=name)
        return describe(request)

    server.reply = reply
    assert len(ask(OpenAIProvider(), range(3), temperature=1, top_p=1.0)) == 3
    assert len(server.requests) == 3


def test_a_temperature_that_a_model_does_not_take_is_never_left_out_silently(server: StubServer) -> None:
    message = (
        "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) is supported."
    )
    server.reply = lambda request: error(400, message, param="temperature", code="unsupported_value")
    with pytest.raises(ProviderError, match=r"does not support 0\.5.*-O temperature=1"):
        ask(OpenAIProvider(), temperature=0.5)


# --- settings --------------------------------------------------------------------------------------------------------


def test_model_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert OpenAIProvider().model == "gpt-4o-mini"
    monkeypatch.setenv("ACTIONGPT_OPENAI_MODEL", "other")
    assert OpenAIProvider().model == "other"
    assert OpenAIProvider("given").model == "given"


@pytest.mark.parametrize(
    "setting",
    [
        {"temperature": "hot"},
        {"temperature": -0.1},
        {"top_p": float("nan")},
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"seed": True},
        {"concurrency": 0},
        {"concurrency": None},
        {"timeout": 0},
        {"max_retries": -1},
        {"endpoint": "responses"},
        {"max_requests": -1},
    ],
)
def test_a_setting_that_cannot_work_is_named(setting: dict[str, Any]) -> None:
    (name,) = setting
    with pytest.raises(ConfigError, match=f"{name} must be|limit {name}"):
        OpenAIProvider(**setting)


def test_unknown_strategy_stops_before_the_server_is_asked(server: StubServer) -> None:
    with pytest.raises(ConfigError, match="strategy"):
        OpenAIProvider(strategy="nonsense").complete(Action("walk"), 1)
    assert server.requests == []


def test_the_base_url_of_the_option_goes_before_that_of_the_environment(
    server: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    provider = OpenAIProvider(base_url=server.url)
    ask(provider)
    assert provider.base_url == server.url
    assert len(server.requests) == 1


# --- connections -----------------------------------------------------------------------------------------------------


def test_one_connection_serves_requests_that_follow_each_other(server: StubServer) -> None:
    provider = OpenAIProvider()
    for _ in range(3):
        ask(provider)
    assert server.num_connections == 1


def test_a_provider_that_is_not_used_any_more_closes_its_connections(server: StubServer) -> None:
    provider = OpenAIProvider()
    ask(provider, range(3), seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del provider
        gc.collect()
    assert server.wait_until_closed()


def test_a_connection_that_is_cut_while_it_waits_is_opened_again(server: StubServer) -> None:
    provider = OpenAIProvider(max_retries=1)
    ask(provider)
    server.faults = [CUT]
    assert len(ask(provider)) == 1
