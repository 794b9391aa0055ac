"""What may be spent on a language model, and what was."""

from __future__ import annotations

import threading

from actiongpt_core.errors import BudgetError, ConfigError


class Budget:
    """Counts requests and tokens, and stops before a limit is passed. Threads may share it.

    Args:
        max_requests: Requests that may be made; None for any number.
        max_tokens: Tokens of prompts and answers together; None for any number.

    Attributes:
        requests: Requests that were begun. A request that the client repeats by itself, as after an error 429, is one.
        prompt_tokens: Tokens of the prompts that were answered, as the server counts.
        completion_tokens: Tokens of the answers.

    Raises:
        ConfigError: A limit is no whole number of at least 0.
    """

    def __init__(self, max_requests: int | None = None, max_tokens: int | None = None) -> None:
        for name, limit in (("max_requests", max_requests), ("max_tokens", max_tokens)):
            if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
                raise ConfigError(f"The limit {name} of a budget must be a whole number of at least 0, got {limit!r}.")
        self.max_requests = max_requests
        self.max_tokens = max_tokens
        self.requests = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self._reserved = 0  # tokens that requests under way may take
        self._settled = threading.Condition()

    @property
    def tokens(self) -> int:
        """Tokens of prompts and answers."""
        return self.prompt_tokens + self.completion_tokens

    def reserve(self, tokens: int) -> None:
        """Begin a request; it waits while requests under way might take the tokens that it needs.

        Args:
            tokens: What the request may take at most.

        Raises:
            BudgetError: There is not enough left.
        """
        with self._settled:
            self._check(tokens)
            while self.max_tokens is not None and self.tokens + self._reserved + tokens > self.max_tokens:
                self._settled.wait()
                self._check(tokens)
            self.requests += 1
            self._reserved += tokens

    def settle(self, reserved: int, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
        """End a request that was begun by `reserve(reserved)`: what it really took."""
        with self._settled:
            self._reserved -= reserved
            self.prompt_tokens += prompt_tokens
            self.completion_tokens += completion_tokens
            self._settled.notify_all()

    def _check(self, tokens: int) -> None:
        if self.max_requests is not None and self.requests >= self.max_requests:
            self._stop(f"{self.requests} of at most {self.max_requests} requests are made")
        if self.max_tokens is not None and self.tokens + tokens > self.max_tokens:
            self._stop(
                f"{self.tokens} of at most {self.max_tokens} tokens are spent, and the next request may take {tokens}"
            )

    def _stop(self, why: str) -> None:
        raise BudgetError(
            f"The budget is used up: {why} (so far {self.requests} requests, {self.prompt_tokens} tokens of prompts, "
            f"{self.completion_tokens} of answers). Answers that came before are in the description cache: run again "
            f"with a larger budget, and only what is missing is asked."
        )
