"""A budget is not passed, whoever spends it, and what is not taken goes back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from actiongpt_core.errors import BudgetError, ConfigError, ProviderError
from actiongpt_core.text.budget import Budget


def test_without_limits_it_counts() -> None:
    budget = Budget()
    for _ in range(3):
        budget.reserve(100)
        budget.settle(100, 10, 20)
    assert (budget.requests, budget.prompt_tokens, budget.completion_tokens, budget.tokens) == (3, 30, 60, 90)


def test_the_error_says_what_is_spent_of_what_and_what_to_do() -> None:
    budget = Budget(max_requests=1)
    budget.reserve(5)
    budget.settle(5, 3, 2)
    with pytest.raises(BudgetError) as caught:
        budget.reserve(5)
    assert isinstance(caught.value, ProviderError)
    assert str(caught.value) == (
        "The budget is used up: 1 of at most 1 requests are made (so far 1 requests, 3 tokens of prompts, 2 of "
        "answers). Answers that came before are in the description cache: run again with a larger budget, and only "
        "what is missing is asked."
    )


def test_a_request_that_is_larger_than_what_is_left_is_refused() -> None:
    budget = Budget(max_tokens=100)
    budget.reserve(80)
    budget.settle(80, 30, 30)
    with pytest.raises(BudgetError, match="60 of at most 100 tokens are spent, and the next request may take 41"):
        budget.reserve(41)
    budget.reserve(40)
    assert budget.requests == 2


def test_a_request_waits_for_those_under_way_to_give_back_what_they_did_not_take() -> None:
    budget, order = Budget(max_tokens=100), []
    budget.reserve(90)

    def second() -> None:
        budget.reserve(50)
        order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    thread.join(timeout=0.05)
    order.append("first is over")
    budget.settle(90, 5, 5)
    thread.join(timeout=30)
    assert order == ["first is over", "second"]


def test_a_request_that_waits_is_refused_where_those_under_way_take_all() -> None:
    budget = Budget(max_tokens=100)
    budget.reserve(90)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(budget.reserve, 50)
        budget.settle(90, 45, 45)
        with pytest.raises(BudgetError):
            waiting.result(timeout=30)
    assert budget.requests == 1


@pytest.mark.parametrize("limits", [{"max_requests": 50}, {"max_tokens": 500}])
def test_threads_together_do_not_pass_a_limit(limits: dict[str, int]) -> None:
    budget = Budget(**limits)

    def spend(_: int) -> bool:
        try:
            budget.reserve(10)
        except BudgetError:
            return False
        budget.settle(10, 4, 6)
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(spend, range(200)))
    assert (sum(done), budget.requests, budget.tokens) == (50, 50, 500)


@pytest.mark.parametrize("limit", [-1, 1.5, True, "many"])
def test_a_limit_that_is_no_count_is_named(limit: Any) -> None:
    with pytest.raises(ConfigError, match="max_tokens"):
        Budget(max_tokens=limit)


def test_a_limit_of_nothing_lets_nobody_ask() -> None:
    with pytest.raises(BudgetError):
        Budget(max_requests=0).reserve(0)
