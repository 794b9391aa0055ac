"""OpenAI, and any server that speaks its protocol (base_url or OPENAI_BASE_URL)."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actiongpt_core.errors import ConfigError, ProviderError
from actiongpt_core.text import asking
from actiongpt_core.text.budget import Budget
from actiongpt_core.text.providers.openai_access import Access, read_server
from actiongpt_core.text.providers.openai_answers import Found, read_answers
from actiongpt_core.text.providers.openai_errors import RefusedError, failure
from actiongpt_core.text.sampling import chosen, number
from actiongpt_core.types.text import Answer, Prompt

if TYPE_CHECKING:
    from openai import OpenAI

MODEL_VARIABLE = "ACTIONGPT_OPENAI_MODEL"
DEFAULT_MODEL = "gpt-4o-mini"


class OpenAIProvider:
    """Asks a language model on a server. Threads may share it.

    K descriptions are asked for in one request where the server gives several answers, else in K at the same time.
    With a seed each is a request of its own, so that it does not depend on K.

    Args:
        model: The model's name; None for the environment variable ACTIONGPT_OPENAI_MODEL, else gpt-4o-mini.
        base_url: The server; None for the environment variable OPENAI_BASE_URL, else OpenAI's.
        key_file: File that holds the API key; None for the environment variable OPENAI_API_KEY, else the file that
            OPENAI_API_KEY_FILE names. It is read for each request. A server other than OpenAI's may need none.
        strategy: How it is asked.
        endpoint: "chat", or "completions" for models that continue a text.
        temperature: Randomness of the answers; None for the strategy's.
        top_p: Share of the probability that is sampled from; None for the strategy's.
        max_tokens: Length of an answer; None for the strategy's.
        seed: Of the first of the K answers, the next ones have the numbers after it; None for other answers each time.
        concurrency: Requests at the same time.
        timeout: Seconds to wait for an answer.
        max_retries: How often a request is repeated when the server is busy or the connection breaks. The client
            waits longer each time, or as long as the server says.
        max_requests: Requests in the life of this object; None for any number.
        max_total_tokens: Tokens of questions and answers together; None for any number.

    Raises:
        ConfigError: A setting cannot work.
    """

    name = "openai"
    cacheable = True
    complete = asking.complete

    def __init__(
        self,
        model: str | None = None,
        *,
        base_url: str | None = None,
        key_file: str | Path | None = None,
        strategy: str | None = None,
        endpoint: str = "chat",
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        seed: int | None = None,
        concurrency: int = 8,
        timeout: float = 60.0,
        max_retries: int = 2,
        max_requests: int | None = None,
        max_total_tokens: int | None = None,
    ) -> None:
        if endpoint not in ("chat", "completions"):
            raise ConfigError(f"The endpoint must be 'chat' or 'completions', got {endpoint!r}.")
        sampling = chosen(temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed)
        # Answers depend on the endpoint, so it belongs to what they are kept under.
        self.sampling: Mapping[str, Any] = sampling if endpoint == "chat" else {**sampling, "endpoint": endpoint}
        self.model = model or os.environ.get(MODEL_VARIABLE) or DEFAULT_MODEL
        self.strategy = strategy
        self.endpoint = endpoint
        self.concurrency = int(number("concurrency", concurrency, int, 1))
        self.timeout = float(number("timeout", timeout, float, 0.001))
        self.max_retries = int(number("max_retries", max_retries, int, 0))
        self.budget = Budget(max_requests, max_total_tokens)
        self._access = Access(read_server(base_url), Path(key_file) if key_file is not None else None)
        self.base_url = self._access.server.url
        self._slots = threading.BoundedSemaphore(self.concurrency)
        self._lock = threading.Lock()
        self._client: OpenAI | None = None
        # What the server turned out to be like.
        self._gives_one = False
        self._limit_name = "max_tokens"
        self._left_out: frozenset[str] = frozenset()

    def check(self) -> None:
        """See to it that there is a key where one is needed; asks nothing.

        Raises:
            ProviderError: There is none, or it cannot be read.
        """
        self._access.check()

    def answers(self, prompt: Prompt, draws: Sequence[int], sampling: Mapping[str, Any]) -> Iterator[Answer]:
        """Answers, each as it arrives; see `LanguageModel`.

        Raises:
            BudgetError: No more may be asked.
            ProviderError: There is no key, the server cannot be reached or refuses, or all that it gives is no answer.
        """
        self.check()
        refusals: list[str] = []
        has_answer = False
        for found in self._requests(prompt, list(draws), sampling):
            refusals += found.refusals
            has_answer |= bool(found.answers)
            yield from found.answers
        if refusals and not has_answer:
            raise ProviderError(
                f"{self._access.server} ({self.model}) {refusals[0]}. Write the phrase in other words, or try another "
                f"model or strategy."
            )

    def _requests(self, prompt: Prompt, draws: list[int], sampling: Mapping[str, Any]) -> Iterator[Found]:
        """What came of each request: of one for all draws, then of one for each draw that it leaves."""
        is_refused = False
        if len(draws) > 1 and "seed" not in sampling and not self._gives_one:
            try:
                found = self._ask(prompt, draws, sampling)
            except RefusedError:
                is_refused = True  # perhaps for another reason than the number; then one alone is refused too
            else:
                draws = draws[found.num_choices :]
                self._gives_one = bool(draws)
                yield found
        for found in self._one_by_one(prompt, draws, sampling):
            self._gives_one |= is_refused
            yield found

    def _one_by_one(self, prompt: Prompt, draws: list[int], sampling: Mapping[str, Any]) -> Iterator[Found]:
        """One request a draw, at the same time. After a failure no more are begun; what is under way still comes."""
        if len(draws) < 2:
            yield from (self._ask(prompt, [draw], sampling) for draw in draws)
            return
        is_over, problem = threading.Event(), None

        def one(draw: int) -> Found | None:
            try:
                return None if is_over.is_set() else self._ask(prompt, [draw], sampling)
            except BaseException:
                is_over.set()
                raise

        pool = ThreadPoolExecutor(min(len(draws), self.concurrency))
        try:
            for future in as_completed([pool.submit(one, draw) for draw in draws]):
                problem = problem or future.exception()
                if future.exception() is None and (found := future.result()) is not None:
                    yield found
        finally:
            is_over.set()
            pool.shutdown()
        if problem is not None:
            raise problem

    def _ask(self, prompt: Prompt, draws: list[int], sampling: Mapping[str, Any]) -> Found:
        """One request; it is repeated where the server turns out to want it in another form."""
        request = self._request(prompt, draws, sampling)
        try:
            return self._send(request, draws)
        except RefusedError as refusal:
            self._learn(refusal)
            if self._request(prompt, draws, sampling) == request:
                raise
        return self._ask(prompt, draws, sampling)

    def _request(self, prompt: Prompt, draws: list[int], sampling: Mapping[str, Any]) -> dict[str, Any]:
        settings = {name: value for name, value in sampling.items() if value != 1 or name not in self._left_out}
        settings.pop("endpoint", None)
        if "seed" in settings:
            settings["seed"] += draws[0]
        if "max_tokens" in settings:
            settings[self._limit_name] = settings.pop("max_tokens")
        if len(draws) > 1:
            settings["n"] = len(draws)
        if self.endpoint == "chat":
            return {"model": self.model, "messages": list(prompt.messages), **settings}
        stop = {"stop": list(prompt.stop)} if prompt.stop else {}
        return {"model": self.model, "prompt": prompt.text, **stop, **settings}

    def _learn(self, refusal: RefusedError) -> None:
        """Models that think before they answer want the limit under another name, and no settings of sampling."""
        if "max_completion_tokens" in refusal.reason:
            self._limit_name = "max_completion_tokens"
        elif refusal.parameter in ("temperature", "top_p"):
            self._left_out |= {refusal.parameter}  # where it is 1, which is what the protocol means without it

    def _send(self, request: dict[str, Any], draws: list[int]) -> Found:
        import openai

        client, budget, reserved = self._connected(), self.budget, _most_tokens(request)
        resource: Any = client.chat.completions if self.endpoint == "chat" else client.completions
        spent, problem = (0, 0), None
        budget.reserve(reserved)
        try:
            with self._slots:
                start = time.perf_counter()
                response = resource.with_raw_response.create(**request)
                seconds = time.perf_counter() - start
            found = read_answers(
                self._access.hide(response.http_response.text), draws, seconds, str(self._access.server)
            )
            spent = found.spent(_question(request))
        except openai.APIError as error:
            problem = failure(error, self._access, self.model, self.timeout, self.max_retries)
        finally:
            budget.settle(reserved, *spent)
        if problem is not None:
            raise problem  # here, where the client's error is no context of it
        return found

    def _connected(self) -> OpenAI:
        with self._lock:
            if self._client is None:
                self._client = self._access.connect(self.timeout, self.max_retries)
                weakref.finalize(self, self._client.close)
            return self._client


def _question(request: Mapping[str, Any]) -> str:
    messages = request.get("messages")
    return str(request["prompt"]) if messages is None else "\n".join(message["content"] for message in messages)


def _most_tokens(request: Mapping[str, Any]) -> int:
    """What a request may take: no token is shorter than a byte, and a chat adds some to each message."""
    prompt = len(_question(request).encode()) + 8 * len(request.get("messages", ()))
    limit = request.get("max_tokens") or request.get("max_completion_tokens") or 0  # without one nobody knows
    return prompt + int(request.get("n", 1)) * int(limit)
