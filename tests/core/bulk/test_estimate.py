"""What an annotation would cost, and that nobody is asked to find out."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actiongpt_core.bulk.annotate import LocalEngine, annotate
from actiongpt_core.bulk.asker import Asker, Asking
from actiongpt_core.bulk.estimate import estimate
from actiongpt_core.bulk.prices import LIST_PRICES, Price, price_of, read_price
from actiongpt_core.errors import ConfigError

#: "Describe a person's body movements who is performing the action walk in details": 79 characters.
PROMPT_TOKENS = 20 + 4


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "phrases.txt"
    path.write_text("walk\nskip\nwalk\n123\nhops\n")
    return path


def test_questions_and_tokens_are_counted_and_nobody_is_asked(source: Path, scripted: Any) -> None:
    found = estimate(source, Asker(Asking(llm="scripted", k=4)))
    assert (found.survey.phrases, found.survey.duplicates, found.odd) == (4, 1, 1)
    assert (found.kept, found.asked, found.requests, found.answers) == (0, 3, 3, 12)
    assert (found.prompt_tokens, found.completion_tokens) == (3 * PROMPT_TOKENS, 12 * 128)
    assert scripted.asked == []


def test_what_is_in_the_cache_costs_nothing_again(source: Path, tmp_path: Path, scripted: Any) -> None:
    annotate(source, tmp_path / "out.json", LocalEngine(Asking(llm="scripted", k=2)))
    found = estimate(source, Asker(Asking(llm="scripted", k=2)))
    assert (found.kept, found.asked, found.prompt_tokens) == (3, 0, 0)
    more = estimate(source, Asker(Asking(llm="scripted", k=3)))
    assert (more.kept, more.asked, more.answers) == (0, 3, 3)


def test_a_provider_without_a_language_model_costs_nothing(source: Path) -> None:
    found = estimate(source, Asker(Asking(llm="passthrough")))
    assert (found.asked, found.requests, found.completion_tokens) == (3, 0, 0)


# --- prices ----------------------------------------------------------------------------------------------------------


def test_a_price_is_for_a_million_tokens() -> None:
    assert read_price("0.5, 2").of(1_000_000, 250_000) == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "-1,2", "nan,1", "1,inf"])
def test_a_price_that_is_none_is_our_error(text: str) -> None:
    with pytest.raises(ConfigError, match=r"two numbers.*0\.15,0\.60"):
        read_price(text)


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-4o-mini-2024-07-18"])
def test_a_model_and_its_snapshots_have_the_list_price(model: str) -> None:
    price = price_of(SimpleNamespace(model=model, base_url=None))
    assert isinstance(price, Price)
    assert (price.read, price.written) == LIST_PRICES["gpt-4o-mini"]


@pytest.mark.parametrize(
    ("model", "base_url"),
    [("gpt-4o-mini", "http://localhost:8080/v1"), ("gpt-4o-mini-ours", None), ("unknown", None), ("", None)],
)
def test_another_server_or_model_has_no_price_that_we_know(model: str, base_url: str | None) -> None:
    assert price_of(SimpleNamespace(model=model, base_url=base_url)) is None
    assert price_of(object()) is None
