"""Options that several commands share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from actiongpt_core.errors import ConfigError
from actiongpt_core.postprocess import check_postprocesses

Text = Annotated[str, typer.Argument(help='What the person does, such as "walk forward, then sit down".')]
Backbone = Annotated[
    str | None, typer.Option(help="The motion model; that of the checkpoint if not given. See `actiongpt plugins`.")
]
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
Postprocess = Annotated[
    str | None,
    typer.Option(help="Clean-up, none if not given: smooth, floor, foot-skate; commas between."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Data = Annotated[str | None, typer.Option("--data", help="The data set; see `actiongpt data list`.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder of the prepared set; not needed by sets that know their own.")
]
DataOptions = Annotated[
    list[str] | None, typer.Option("-D", "--data-option", help="A setting of the data set, as variants=4. Repeatable.")
]
Split = Annotated[str, typer.Option(help="Of the data set.")]
NumSamples = Annotated[int, typer.Option(help="Motions of each clip.", min=1)]
MaxSeconds = Annotated[float, typer.Option(help="Longer clips are cut to this.")]
MaxClips = Annotated[int | None, typer.Option(help="At most so many clips, spread over the split.", min=1)]
Body = Annotated[
    Path | None,
    typer.Option(help="SMPL, SMPL-H or SMPL-X file whose joints and heels are compared; the stick body if not given."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def provider_options(model: str | None, pairs: list[str] | None) -> dict[str, Any]:
    """What a provider is built with, from `--model` and `-O name=value`.

    Raises:
        ConfigError: A pair has no name or no equals sign.
    """
    options: dict[str, Any] = {} if model is None else {"model": model}
    return options | read_pairs(pairs, "A setting of the provider is written -O name=value, such as -O temperature=0.2")


def data_options(pairs: list[str] | None) -> dict[str, Any]:
    """What a data set is opened with, from `-D name=value`.

    Raises:
        ConfigError: A pair has no name or no equals sign.
    """
    return read_pairs(pairs, "A setting of the data set is written -D name=value, such as -D variants=4")


def read_pairs(pairs: list[str] | None, how: str) -> dict[str, Any]:
    """Settings that are written name=value; see `read_value`.

    Args:
        pairs: As the user wrote them.
        how: How they are to be written, for the error.

    Raises:
        ConfigError: A pair has no name or no equals sign.
    """
    options: dict[str, Any] = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise ConfigError(f"{how}; got {pair!r}.")
        options[name] = read_value(value)
    return options


def read_value(value: str) -> Any:
    """A value of a setting, read as JSON (0.2, true, null), and as it stands otherwise."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def read_postprocess(value: str | None) -> tuple[str, ...]:
    """`--postprocess`: names with commas between, in the order in which they are done.

    Raises:
        ConfigError: A name is unknown.
    """
    return check_postprocesses([name.strip() for name in value.split(",")] if value else [])


def read_body(path: Path | None) -> Any:
    """`--body`: the body of a file; None for the stick body."""
    if path is None:
        return None
    from actiongpt_core.body.smpl import SmplBody

    return SmplBody(path)


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
