"""Text on its way to the network: actions, descriptions, features."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import attrs

from actiongpt_core.errors import ConfigError, PromptError, ShapeError

if TYPE_CHECKING:  # the CLI reads this module without paying for torch
    from torch import Tensor

#: More than this is taken for a mistake, whatever a checkpoint could do.
MAX_SECONDS = 60.0


def _check_seconds(_: Any, __: Any, value: float | None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise ConfigError(f"seconds must be a positive number, got {value!r}.")
    if value > MAX_SECONDS:
        raise ConfigError(f"seconds must be at most {MAX_SECONDS:g} an action, got {value:g}. Split long motions.")


def _check_phrase(_: Any, __: Any, value: str) -> None:
    if not isinstance(value, str) or not any(character.isalpha() for character in value):
        raise PromptError(f"An action needs a phrase with letters in it, got {value!r}.")


def _to_texts(texts: Iterable[str]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)  # a string is one text, not its letters


@attrs.frozen
class Action:
    """One action: the user's words, and how long it lasts (None: the caller's or the model's default)."""

    phrase: str = attrs.field(validator=_check_phrase)
    seconds: float | None = attrs.field(default=None, validator=_check_seconds)


@attrs.frozen(kw_only=True)
class Descriptions:
    """K descriptions of one action, and where they come from."""

    action: Action
    texts: tuple[str, ...] = attrs.field(converter=_to_texts)  #: K descriptions
    #: how the texts were found: "pack", "nearest:<phrase>", "phrase", "llm", "cache", "edited"; a provider may add
    #: its own
    source: str
    provider: str = ""
    model: str = ""  #: the language model that wrote them, as far as known
    strategy: str = ""  #: the prompt strategy by which it was asked
    prompt: str = ""  #: what the language model was asked
    sampling: dict[str, Any] = attrs.field(factory=dict)
    #: as the language model counted for what it wrote in this call; None where nothing was asked or counted
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    #: seconds from the question to the last answer; None where no model was asked
    elapsed: float | None = attrs.field(default=None, eq=False)

    def __attrs_post_init__(self) -> None:
        """Check the texts.

        Raises:
            PromptError: There is no text, or one is blank.
        """
        if not self.texts or any(not isinstance(text, str) or not text.strip() for text in self.texts):
            raise PromptError(f"Descriptions of {self.action.phrase!r} must be one or more texts, none of them blank.")

    @property
    def phrase(self) -> str:
        """The action's phrase."""
        return self.action.phrase

    @property
    def k(self) -> int:
        """K, the number of descriptions."""
        return len(self.texts)

    def with_text(self, index: int, text: str) -> Descriptions:
        """A copy with one text replaced; its source is "edited".

        Raises:
            IndexError: There is no text of this index.
        """
        if not -self.k <= index < self.k:
            raise IndexError(f"Descriptions of {self.phrase!r} hold {self.k} texts; there is no text {index}.")
        texts = list(self.texts)
        texts[index] = text
        return attrs.evolve(self, texts=tuple(texts), source="edited")


@attrs.frozen(kw_only=True)
class Prompt:
    """One question to a language model, in the two forms that servers take."""

    messages: tuple[dict[str, str], ...]  #: for chat completions: {"role": ..., "content": ...}
    text: str  #: for legacy completions
    stop: tuple[str, ...] = ()  #: what ends an answer to `text`


@attrs.frozen(kw_only=True)
class Answer:
    """What a language model wrote, as it wrote it."""

    #: which of the draws that were asked for; another draw is another sample, the same one (with a seed) the same
    draw: int
    text: str
    is_cut: bool = False  #: it ended at the limit of tokens, not by itself
    prompt_tokens: int | None = None  #: None where the server does not count
    completion_tokens: int | None = None
    seconds: float | None = None  #: from the question to this answer


@attrs.frozen(eq=False, kw_only=True)
class TextFeatures:
    """Encoded text: K descriptions of one action before the aggregator, one text after it."""

    tokens: Tensor  #: token states, (K, L, C) or (L, C)
    mask: Tensor  #: boolean, True where a token is real, (K, L) or (L,)
    pooled: Tensor | None = None  #: one vector a text, (K, C) or (C,)

    def __attrs_post_init__(self) -> None:
        """Check that tokens and mask fit.

        Raises:
            ShapeError: They do not.
        """
        if self.tokens.ndim not in (2, 3) or self.mask.shape != self.tokens.shape[:-1]:
            raise ShapeError(
                f"TextFeatures need tokens (K, L, C) with mask (K, L), or (L, C) with (L,); "
                f"got {tuple(self.tokens.shape)} and {tuple(self.mask.shape)}."
            )
