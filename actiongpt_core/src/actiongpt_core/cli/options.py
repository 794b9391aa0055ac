"""Options that several commands share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from actiongpt_core.errors import ConfigError

Text = Annotated[str, typer.Argument(help='What the person does, such as "walk forward, then sit down".')]
Backbone = Annotated[str | None, typer.Option(help="The motion model; see `actiongpt plugins`.")]
Checkpoint = Annotated[Path | None, typer.Option(help="Checkpoint folder; the one that ships if not given.")]
TextEncoder = Annotated[
    str | None, typer.Option(help="Folder or hub name of the text model, instead of the checkpoint's own.")
]
Stats = Annotated[Path | None, typer.Option(help="Feature statistics of a published checkpoint.")]
Llm = Annotated[str | None, typer.Option(help="Who describes the actions; the pack that ships if not given.")]
Model = Annotated[str | None, typer.Option(help="The language model that the provider is to use.")]
Strategy = Annotated[
    str | None,
    typer.Option(help="How it is asked: action-gpt (the paper's sentence), few-shot, normalise, decompose."),
]
LlmOptions = Annotated[
    list[str] | None,
    typer.Option("-O", "--llm-option", help="A setting of the provider, as temperature=0.2. Repeatable."),
]
Aggregator = Annotated[str | None, typer.Option(help="How K descriptions become one; the paper's mean if not given.")]
K = Annotated[int, typer.Option(help="Descriptions of each action.")]
Seconds = Annotated[
    str, typer.Option(help="Of each action that names none; auto estimates each from its words.", metavar="FLOAT|auto")
]
NoiseScale = Annotated[float | None, typer.Option(help="Variety: 0 gives the mean motion, 1 the model's own.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def provider_options(model: str | None, pairs: list[str] | None) -> dict[str, Any]:
    """What a provider is built with, from `--model` and `-O name=value`.

    A value is read as JSON (0.2, true, null), and as it stands where it is none.

    Raises:
        ConfigError: A pair has no name or no equals sign.
    """
    options: dict[str, Any] = {} if model is None else {"model": model}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise ConfigError(
                f"A setting of the provider is written -O name=value, such as -O temperature=0.2; got {pair!r}."
            )
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


def read_seconds(value: str) -> Any:
    """`--seconds`: a number, or "auto".

    Raises:
        ConfigError: It is neither.
    """
    if value == "auto":
        return value
    try:
        return float(value)
    except ValueError:
        raise ConfigError(f"seconds must be a positive number or 'auto', got {value!r}.") from None
