"""`actiongpt plugins new`: write a plugin package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from actiongpt_core.cli import options


def new(
    name: Annotated[str, typer.Argument(help="Of the package, the entry point and the part: a-z, 0-9 and '-'.")],
    kind: Annotated[str, typer.Option(help="motion-model, llm-provider, aggregator or data-set.")],
    as_json: options.AsJson = False,
) -> None:
    """Write ./NAME: a plugin package that works, with tests, ready to be filled and published."""
    from actiongpt_core.scaffold.writer import next_commands, write_package

    files = [str(path) for path in write_package(name, kind, Path())]
    commands = next_commands(name, kind)
    if as_json:
        typer.echo(json.dumps({"files": files, "next": commands}, indent=2))
        return
    typer.echo("\n".join([*(f"wrote {file}" for file in files), "", "Next:", *(f"  {line}" for line in commands)]))
