"""The model in this process: it passes the suite, counts, keeps to its seeds, and fails with our errors."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from actiongpt_core.errors import ProviderError
from actiongpt_core.interfaces import LLMProvider
from actiongpt_core.testing.llm_provider import LLMProviderSuite
from actiongpt_core.text import llama
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.describe import describe
from actiongpt_core.text.providers.local import LocalProvider
from actiongpt_core.types.text import Action, Prompt

STORY = Prompt(messages=({"role": "user", "content": "Tell a story."},), text="Once upon a time there", stop=("\n",))
QUESTION = Prompt(messages=STORY.messages, text=STORY.text)
SETTINGS = {"temperature": 1.0, "max_tokens": 12}
LIMIT = 1500
ENDLESS = {"prompt": STORY.text, "max_tokens": LIMIT, "ignore_eos": True}


def ask(provider: LocalProvider, draws: Sequence[int], prompt: Prompt = STORY, seed: int | None = 0) -> dict[int, str]:
    sampling = SETTINGS if seed is None else {**SETTINGS, "seed": seed}
    return {answer.draw: answer.text for answer in provider.answers(prompt, draws, sampling)}


class TestLocal(LLMProviderSuite):
    def build_provider(self) -> LLMProvider:
        return LocalProvider(strategy="action-gpt", max_tokens=12, seed=0, threads=1)


@pytest.mark.parametrize("prompt", [STORY, QUESTION])
def test_every_draw_is_answered_once(local: LocalProvider, prompt: Prompt) -> None:
    draws = [0, 1, 2, 3, 4, 5, 1000, 1003]
    assert sorted(answer.draw for answer in local.answers(prompt, draws, SETTINGS)) == draws


@pytest.mark.parametrize("prompt", [STORY, QUESTION])
def test_the_seed_of_a_draw_is_the_seed_and_its_number(local: LocalProvider, prompt: Prompt) -> None:
    together = ask(local, range(6), prompt, seed=7)
    alone = {draw: ask(local, [0], prompt, seed=7 + draw)[0] for draw in (0, 3, 4, 5)}
    assert {draw: together[draw] for draw in alone} == alone


def test_draws_are_different_samples(local: LocalProvider) -> None:
    assert len(set(ask(local, range(4)).values())) == 4


def test_another_seed_has_other_answers(local: LocalProvider) -> None:
    assert ask(local, range(4), seed=0) != ask(local, range(4), seed=100)


def test_without_a_seed_answers_are_new_each_time(local: LocalProvider) -> None:
    assert ask(local, range(4), seed=None) != ask(local, range(4), seed=None)


def test_what_was_asked_before_does_not_change_an_answer(local: LocalProvider) -> None:
    first = ask(local, range(4))
    ask(local, range(4), Prompt(messages=STORY.messages, text=STORY.text + " was a king", stop=("\n",)), seed=None)
    assert ask(local, range(4)) == first


def test_threads_may_ask_at_the_same_time(local: LocalProvider) -> None:
    alone = [ask(local, range(2), seed=seed) for seed in (0, 10, 20, 30)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda seed: ask(local, range(2), seed=seed), (0, 10, 20, 30))) == alone


def test_each_answer_is_counted_and_the_question_once(local: LocalProvider) -> None:
    answers = list(local.answers(STORY, range(4), {"temperature": 1.0, "max_tokens": 3, "seed": 0}))
    assert [answer.completion_tokens for answer in answers] == [3] * 4
    assert answers[0].prompt_tokens in range(4, 10)  # five words
    assert [answer.prompt_tokens for answer in answers[1:]] == [0] * 3


def test_an_answer_that_ends_at_the_limit_of_tokens_is_cut(local: LocalProvider) -> None:
    cut = next(local.answers(STORY, [0], {"max_tokens": 3, "seed": 0}))
    whole = next(local.answers(Prompt(messages=(), text="One two three four", stop=(" ",)), [0], {"max_tokens": 30}))
    assert (cut.is_cut, whole.is_cut) == (True, False)


def test_an_answer_ends_before_what_stops_it(local: LocalProvider) -> None:
    prompt = Prompt(messages=(), text="1, 2, 3, 4, 5, 6,", stop=("9",))
    assert next(local.answers(prompt, [0], {"temperature": 0.0, "max_tokens": 30})).text == " 7, 8, "


def test_descriptions_say_who_wrote_them_and_what_they_cost(local: LocalProvider) -> None:
    found = local.complete(Action("walk forward"), 2)
    assert (found.source, found.provider, found.model) == ("llm", "local", local.model)
    assert found.prompt_tokens is not None
    assert found.completion_tokens is not None
    assert found.prompt_tokens > 0
    assert found.completion_tokens >= 2


def test_answers_are_kept_and_asked_for_once(local: LocalProvider, tmp_path: Path) -> None:
    cache = DescriptionCache(tmp_path / "cache.sqlite")
    first, again = (describe([Action("walk forward")], local, 2, cache)[0] for _ in range(2))
    assert (first.source, again.source) == ("llm", "cache")
    assert first.texts == again.texts


def test_a_prompt_that_is_too_long_is_refused_in_words(local: LocalProvider) -> None:
    prompt = Prompt(messages=(), text="walk " * llama.CONTEXT, stop=("\n",))
    with pytest.raises(ProviderError, match=rf"prompt has 20\d\d tokens.* at most {llama.CONTEXT}.*Shorten"):
        next(local.answers(prompt, [0], {}))


def test_a_request_that_is_refused_is_our_error(local: LocalProvider) -> None:
    with pytest.raises(ProviderError, match=r"refuses the request.*temperature"):
        next(local.answers(STORY, [0], {"temperature": "warm"}))


def test_text_that_is_no_text_is_our_error(local: LocalProvider) -> None:
    with pytest.raises(ProviderError, match=r"refuses the request.*surrogate"):
        next(local.answers(Prompt(messages=(), text="walk \ud800", stop=("\n",)), [0], {}))


class Observed:
    """llama.cpp, with an observer of the chunks that it sends; they stop when a request is stopped."""

    def __init__(self, provider: LocalProvider, observer: Callable[[int], None] = lambda _: None) -> None:
        self.num_chunks = 0
        self._server = llama.load(provider.path, provider.model, provider.threads)
        self._observer = observer

    def handle_completions(self, request: dict[str, Any], take: Callable[[dict[str, Any]], bool]) -> None:
        def observe(chunk: dict[str, Any]) -> bool:
            self.num_chunks += 1
            self._observer(self.num_chunks)
            return take(chunk)

        self._server.handle_completions(request, observe)


def test_an_answer_that_nobody_waits_for_is_not_written_to_its_end(local: LocalProvider) -> None:
    server = Observed(local)
    chunks = llama.chunks(server, ENDLESS, is_chat=False)
    next(chunks)
    chunks.close()
    assert server.num_chunks < LIMIT


def test_an_interrupt_by_the_user_stops_the_model(local: LocalProvider) -> None:
    # A process that a shell has started in the background ignores the signal otherwise.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt(num_chunks: int) -> None:
        if num_chunks == 5:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    server = Observed(local, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(llama.chunks(server, ENDLESS, is_chat=False))
    finally:
        signal.signal(signal.SIGINT, before)
    assert server.num_chunks < LIMIT


@pytest.mark.parametrize("size", [4, 100, 1_000_000, -1000])
def test_a_file_that_is_cut_off_is_reported_and_the_process_lives(model_file: Path, tmp_path: Path, size: int) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model_file.read_bytes()[:size])
    with pytest.raises(ProviderError, match=r"cannot load .*cut\.gguf.*cut off"):
        list(LocalProvider(cut).answers(STORY, [0], {}))
