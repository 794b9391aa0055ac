"""`actiongpt describe`: what the backbone will be told."""

from __future__ import annotations

import json

import attrs
import typer

from actiongpt_core.cli import options


def describe(text: options.Text, llm: options.Llm = None, k: options.K = 4, as_json: options.AsJson = False) -> None:
    """Print the descriptions of each action in TEXT."""
    from actiongpt_core.pipeline import Pipeline

    found = Pipeline(llm=llm, k=k).describe(text)
    if as_json:
        typer.echo(json.dumps([attrs.asdict(item) for item in found], indent=2, ensure_ascii=False))
        return
    for item in found:
        typer.echo(f"{item.phrase}  (descriptions: {item.source})")
        for number, description in enumerate(item.texts, start=1):
            typer.echo(f"  {number}. {description}")
