"""`actiongpt describe`: what the backbone will be told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import typer

from actiongpt_core.cli import options

if TYPE_CHECKING:
    from actiongpt_core.types.text import Action, Descriptions


def describe(
    text: options.Text,
    llm: options.Llm = None,
    model: options.Model = None,
    strategy: options.Strategy = None,
    llm_options: options.LlmOptions = None,
    k: options.K = 4,
    as_json: options.AsJson = False,
) -> None:
    """Print the descriptions of each action in TEXT, who wrote them, and what that cost."""
    from actiongpt_core.registry import get_registry
    from actiongpt_core.text.cache import DescriptionCache
    from actiongpt_core.text.decompose import is_decompose, read_text
    from actiongpt_core.text.describe import describe as describe_actions

    provider = get_registry().build_provider(llm, **options.provider_options(model, llm_options))
    cache = DescriptionCache()
    actions = read_text(text, provider, strategy, cache)
    asked_by = None if is_decompose(strategy) else strategy
    found = describe_actions(actions, provider, k, cache, strategy=asked_by)
    if as_json:
        typer.echo(json.dumps([attrs.asdict(item) for item in found], indent=2, ensure_ascii=False))
        return
    for item in found:
        typer.echo(f"{_phrase(item.action)}  (descriptions: {said_of(item)})")
        for number, description in enumerate(item.texts, start=1):
            typer.echo(f"  {number}. {description}")


def said_of(item: Descriptions) -> str:
    """Where descriptions come from, and what they cost: "llm, openai gpt-4o, few-shot; 310 tokens, 1.2 s"."""
    asked: list[str] = [item.source]
    if item.strategy:  # a language model, and who it is
        asked += [f"{item.provider} {item.model}".strip(), item.strategy]
    counts: list[Any] = [item.prompt_tokens, item.completion_tokens]
    cost = [f"{sum(counts)} tokens"] if None not in counts else []
    cost += [f"{item.elapsed:.1f} s"] if item.elapsed is not None else []
    return ", ".join(asked) + ("; " + ", ".join(cost) if cost else "")


def _phrase(action: Action) -> str:
    return action.phrase if action.seconds is None else f"{action.phrase} ({action.seconds:g} s)"
