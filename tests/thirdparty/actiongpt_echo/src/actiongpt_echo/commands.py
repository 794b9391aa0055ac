"""`actiongpt echo`: what the parrot says, on the terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from actiongpt_core import Action, ConfigError
from actiongpt_echo.parrot import Parrot

app = typer.Typer(help="Says a phrase again and again.", no_args_is_help=True)


@app.command()
def say(
    phrase: Annotated[str, typer.Argument(help="What to say.")],
    times: Annotated[int, typer.Option(help="How often at most.")] = 2,
) -> None:
    """Say a phrase once, twice, and so on."""
    if times < 1:
        raise ConfigError(f"times must be at least 1, got {times}.")
    for text in Parrot().complete(Action(phrase), times).texts:
        typer.echo(text)


@app.command()
def names() -> None:
    """Name what this package brings."""
    typer.echo("echo, parrot")
