"""What a server sent: answers with their counts, or why it is none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import attrs

from actiongpt_core.errors import ProviderError
from actiongpt_core.types.text import Answer

#: Of a text in English, where a server does not count.
_CHARACTERS_IN_TOKEN = 4


@attrs.frozen(kw_only=True)
class Found:
    """What one request brought."""

    answers: list[Answer]
    refusals: list[str]  #: why the other choices hold no answer: what the model did instead
    prompt_tokens: int | None  #: None where the server does not count
    completion_tokens: int | None

    @property
    def num_choices(self) -> int:
        """How many choices the server gave of those that were asked for."""
        return len(self.answers) + len(self.refusals)

    def spent(self, asked: str) -> tuple[int, int]:
        """Tokens of prompt and answers: as the server counts, else estimated."""
        written = [answer.text for answer in self.answers]
        prompt = _estimate([asked]) if self.prompt_tokens is None else self.prompt_tokens
        return prompt, _estimate(written) if self.completion_tokens is None else self.completion_tokens


def read_answers(content: str, draws: Sequence[int], seconds: float, server: str) -> Found:
    """The answers in what a server sent, of either endpoint.

    Args:
        content: What it sent.
        draws: Those that were asked for; choices beyond them are dropped.
        seconds: From the question to here.
        server: Its name, for messages.

    Raises:
        ProviderError: It is no completion.
    """
    completion = _parse(content, server)
    choices, refusals, texts = completion["choices"][: len(draws)], [], []
    for draw, choice in zip(draws, choices, strict=False):
        text, refusal = _read_choice(choice)
        if refusal:
            refusals.append(refusal)
        else:
            texts.append((draw, text, choice.get("finish_reason") == "length"))
    usage = completion.get("usage")
    asked, written = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    answers = [
        Answer(
            draw=draw,
            text=text,
            is_cut=is_cut,
            prompt_tokens=asked if number == 0 or asked is None else 0,  # the prompt is paid for once
            completion_tokens=share,
            seconds=seconds,
        )
        for number, ((draw, text, is_cut), share) in enumerate(zip(texts, _shares(written, len(texts)), strict=True))
    ]
    return Found(answers=answers, refusals=refusals, prompt_tokens=asked, completion_tokens=written)


def _parse(content: str, server: str) -> dict[str, Any]:
    text = content.strip()
    start = repr(text[:80]) if text else "nothing at all"
    try:
        completion = json.loads(text)
    except (ValueError, RecursionError):
        problem = (
            "a web page, not with a completion: it may be the login page of a proxy, or the base URL is wrong (it ends "
            "in /v1 with most servers)."
            if text.startswith("<")
            else f"malformed JSON: {start}. Try again; if it stays, the server or a proxy before it is broken."
        )
        raise ProviderError(f"{server} answered with {problem}") from None
    choices = completion.get("choices") if isinstance(completion, dict) else None
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, dict) for choice in choices):
        raise ProviderError(
            f"{server} answered with JSON that holds no choices: {start}. Its base URL may be wrong (it ends in /v1 "
            f"with most servers), or it does not speak the protocol of OpenAI."
        )
    return dict(completion)


def _read_choice(choice: dict[str, Any]) -> tuple[str, str]:
    """The text of a choice, and why there is none."""
    message = choice.get("message")
    message = message if isinstance(message, dict) else choice  # a legacy completion holds its text itself
    written = message.get("content", message.get("text"))
    text = written if isinstance(written, str) else ""
    reason = choice.get("finish_reason")
    if message.get("refusal"):
        return "", f"refused to answer: {str(message['refusal'])[:200]!r}"
    if reason == "content_filter":
        return "", "was stopped by its content filter"
    if reason == "length" and not text.strip():
        return "", "used up max_tokens before it wrote a word, as models do that think first (raise -O max_tokens=...)"
    return text, ""


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) else None


def _shares(total: int | None, count: int) -> list[int | None]:
    """A total in equal parts, as far as it goes."""
    if total is None:
        return [None] * count
    return [total // count + (number < total % count) for number in range(count)]


def _estimate(texts: Sequence[str]) -> int:
    return sum(-(-len(text) // _CHARACTERS_IN_TOKEN) for text in texts)
