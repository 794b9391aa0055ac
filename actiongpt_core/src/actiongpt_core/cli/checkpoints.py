"""`actiongpt checkpoints`: read published checkpoints once, look into ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actiongpt_core.cli import options
from actiongpt_core.errors import ConfigError

app = typer.Typer(help="Convert published checkpoints, look into ours.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def convert(
    folder: Annotated[Path, typer.Argument(help="The published experiment folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The checkpoint folder to write; must not exist.")],
    backbone: options.Backbone = None,
    text_encoder: options.TextEncoder = None,
    stats: options.Stats = None,
) -> None:
    """Convert a published checkpoint to a folder of this library's format."""
    from actiongpt_core.checkpoints import convert_folder
    from actiongpt_core.registry import get_registry

    spec = get_registry().motion_model(backbone)
    if spec.checkpoint_converter is None:
        raise ConfigError(f"The backbone {spec.name!r} reads no published checkpoints: it has no converter.")
    converter = spec.checkpoint_converter()
    convert_folder(
        folder, output, lambda source, target: converter(source, target, text_encoder=text_encoder, stats=stats)
    )
    typer.echo(f"wrote {output.resolve()}")


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="A checkpoint folder of this library.")],
    as_json: options.AsJson = False,
) -> None:
    """Print the backbone and the settings of a checkpoint."""
    import json

    from actiongpt_core.checkpoints import read_any_config

    backbone, settings = read_any_config(folder)
    if as_json:
        typer.echo(json.dumps({"backbone": backbone, "config": settings}, indent=2))
        return
    typer.echo(f"backbone  {backbone}")
    for name, value in settings.items():
        typer.echo(f"  {name}  {value}")
