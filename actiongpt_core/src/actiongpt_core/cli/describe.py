"""`actiongpt describe`: what the backbone will be told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs
import typer

from actiongpt_core.cli import options

if TYPE_CHECKING:
    from actiongpt_core.interfaces import LLMProvider
    from actiongpt_core.types.text import Descriptions


def describe(text: options.Text, llm: options.Llm = None, k: options.K = 4, as_json: options.AsJson = False) -> None:
    """Print the descriptions of each action in TEXT."""
    _, found = describe_text(text, llm, k)
    if as_json:
        typer.echo(json.dumps([attrs.asdict(item) for item in found], indent=2, ensure_ascii=False))
        return
    for item in found:
        typer.echo(f"{item.phrase}  (descriptions: {item.source})")
        for number, description in enumerate(item.texts, start=1):
            typer.echo(f"  {number}. {description}")


def describe_text(text: str, llm: str | None, k: int) -> tuple[LLMProvider, list[Descriptions]]:
    """Parse and describe a text, without a backbone.

    Returns:
        The provider, and what it says of each action.

    Raises:
        PromptError: The text cannot be turned into actions.
        UnknownPluginError: No installed plugin provides the provider.
        ProviderError: The provider could not answer.
    """
    from actiongpt_core.registry import get_registry
    from actiongpt_core.text import actions, cache
    from actiongpt_core.text import describe as language

    provider = get_registry().build_provider(llm)
    found = actions.parse_actions(text, known=getattr(provider, "knows", None))
    return provider, language.describe(found, provider, k, cache.DescriptionCache())
