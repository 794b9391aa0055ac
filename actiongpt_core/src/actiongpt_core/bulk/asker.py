"""Who is asked for the descriptions of many phrases, and what comes of each phrase."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from actiongpt_core.errors import ActionGPTError, BudgetError, ConfigError, PromptError
from actiongpt_core.plugins import one_line
from actiongpt_core.registry import get_registry
from actiongpt_core.text.actions import check_text
from actiongpt_core.text.budget import Budget
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.decompose import is_decompose
from actiongpt_core.text.describe import cache_key, describe_action, how_to_ask
from actiongpt_core.types.text import Action


@attrs.frozen(kw_only=True)
class Asking:
    """Who is asked, and how: plain values, which can be sent to another machine. Keys are none of them."""

    llm: str | None = None  #: name of the provider; None for the default one
    options: Mapping[str, Any] = attrs.field(factory=dict)  #: what it is built with
    strategy: str | None = None
    k: int = 4


def _to_tuple(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(texts)


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of a phrase: descriptions, or a problem, or it was left because no more may be asked."""

    phrase: str
    texts: tuple[str, ...] = attrs.field(default=(), converter=_to_tuple)
    source: str = ""  #: as of `Descriptions`
    problem: str | None = None
    is_left: bool = False
    was_asked: bool = False  #: whether the provider was asked, and not the cache alone


@attrs.frozen(kw_only=True)
class Spent:
    """What was asked for and written in this run, as far as the provider counts."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(**{name: value + getattr(other, name) for name, value in attrs.asdict(self).items()})

    def __sub__(self, other: Spent) -> Spent:
        return Spent(**{name: value - getattr(other, name) for name, value in attrs.asdict(self).items()})


class Asker:
    """A provider that is asked for one phrase after another, by several threads if it allows that.

    Args:
        asking: Who is asked, and how.
        cache: Where answers are kept; None for the user's cache.

    Raises:
        UnknownPluginError: There is no such provider.
        ConfigError: It cannot be built like this, or asked in this way.
        ProviderError: It needs something of the user's.
    """

    def __init__(self, asking: Asking, cache: DescriptionCache | None = None) -> None:
        self.asking = asking
        self.provider: Any = get_registry().build_provider(asking.llm, **asking.options)
        self.strategy = how_to_ask(self.provider, asking.k, asking.strategy)
        if is_decompose(self.strategy):
            raise ConfigError(
                "The strategy 'decompose' parts a text into actions, and what is annotated is one action. Leave the "
                "strategy out, or use 'action-gpt', 'few-shot' or 'normalise'."
            )
        self.cache = cache or DescriptionCache()

    @property
    def concurrency(self) -> int:
        """How many phrases may be asked for at the same time."""
        return max(int(getattr(self.provider, "concurrency", 1)), 1)

    @property
    def is_kept(self) -> bool:
        """Whether answers cost something, and go to the cache."""
        return bool(getattr(self.provider, "cacheable", False))

    def kept(self, phrase: str) -> dict[int, str]:
        """Those of the K descriptions that are in the cache, by index."""
        if not self.is_kept:
            return {}
        stored = self.cache.get(cache_key(phrase, self.provider, self.strategy))
        return {index: text for index, text in stored.items() if index < self.asking.k}

    def ask(self, phrase: str, cache: DescriptionCache | None = None) -> Outcome:
        """What comes of a phrase; whatever goes wrong with it is told, not raised."""
        try:
            check_text(phrase)
            found = describe_action(
                Action(phrase), self.provider, self.asking.k, cache or self.cache, strategy=self.strategy
            )
        except BudgetError:
            return Outcome(phrase=phrase, is_left=True)
        except PromptError as error:
            return Outcome(phrase=phrase, problem=str(error))
        except ActionGPTError as error:
            return Outcome(phrase=phrase, problem=str(error), was_asked=True)
        except Exception as error:  # a provider of a plugin; one bad phrase must not take the others down
            return Outcome(phrase=phrase, problem=f"the provider failed: {one_line(error)}", was_asked=True)
        return Outcome(phrase=phrase, texts=found.texts, source=found.source, was_asked=found.source != "cache")

    def spent(self) -> Spent:
        """What the provider has counted so far."""
        budget = getattr(self.provider, "budget", None)
        return Spent(**{field.name: getattr(budget, field.name, 0) for field in attrs.fields(Spent)})

    def limit(self, max_requests: int) -> None:
        """Let the provider make no more requests than these, or than its own limit if that is lower.

        Raises:
            ConfigError: The provider does not count its requests, or the limit is no number.
        """
        if not hasattr(self.provider, "budget"):
            raise ConfigError(
                f"The provider {getattr(self.provider, 'name', self.asking.llm)!r} counts no requests, so they cannot "
                f"be limited: leave --max-requests out, or use the provider 'openai'."
            )
        before = self.provider.budget
        least = max_requests if before.max_requests is None else min(max_requests, before.max_requests)
        self.provider.budget = Budget(least, before.max_tokens)
