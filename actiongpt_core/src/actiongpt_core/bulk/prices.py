"""What the tokens of a language model cost: a few list prices, or the user's own."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import attrs

from actiongpt_core.errors import ConfigError

#: When these prices were written down, from public lists; the company may have changed them since.
PRICES_OF = "March 2026"
#: US dollars for a million tokens, read and written, of those models that write nothing but the answer.
LIST_PRICES: dict[str, tuple[float, float]] = {
    "gpt-3.5-turbo": (0.50, 1.50),
    "gpt-3.5-turbo-instruct": (1.50, 2.00),
    "gpt-4.1": (2.00, 8.00),
    "gpt-4.1-mini": (0.40, 1.60),
    "gpt-4.1-nano": (0.10, 0.40),
    "gpt-4o": (2.50, 10.00),
    "gpt-4o-mini": (0.15, 0.60),
}
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@attrs.frozen
class Price:
    """US dollars for a million tokens."""

    read: float
    written: float
    origin: str  #: as it is told to the user

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """US dollars."""
        return (prompt_tokens * self.read + completion_tokens * self.written) / 1e6


def read_price(text: str) -> Price:
    """A price as users write it: "0.15,0.60", for tokens read and written.

    Raises:
        ConfigError: It is something else.
    """
    try:
        read, written = (float(part) for part in text.split(","))
    except ValueError:
        read = written = -1.0
    if not (0 <= read < float("inf") and 0 <= written < float("inf")):
        raise ConfigError(
            f"A price is two numbers, US dollars for a million tokens read and written, as 0.15,0.60; got {text!r}."
        )
    return Price(read, written, "as given")


def price_of(provider: Any) -> Price | None:
    """The list price of the model that a provider asks; None if it is not known, or the server is another one."""
    host = urlsplit(str(getattr(provider, "base_url", None) or "https://api.openai.com")).hostname
    model = _SNAPSHOT.sub("", str(getattr(provider, "model", "")))
    if host != "api.openai.com" or model not in LIST_PRICES:
        return None
    return Price(*LIST_PRICES[model], f"list prices of {PRICES_OF}")
