"""The commands `actiongpt retrieval ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.callback()
def _group() -> None:
    """Build the index of the backbone `retrieval`."""


@app.command()
def build(
    data: Annotated[str, typer.Option(help="The data set; see `actiongpt data list`.")],
    out: Annotated[Path, typer.Option(help="Folder of the index; it must not be there yet.")],
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the prepared set.")] = None,
    split: Annotated[str, typer.Option(help="Whose clips answer.")] = "train",
    max_seconds: Annotated[float, typer.Option(help="Longer clips are cut to this.")] = 6.0,
) -> None:
    """Write the texts and motions of a data set as a checkpoint of the backbone `retrieval`."""
    from actiongpt_core import get_registry

    from actiongpt_retrieval.build import build_index

    config = build_index(get_registry().open_data_set(data, data_dir), out, split=split, max_seconds=max_seconds)
    typer.echo(f"{out}: {config.num_clips} clips of {len(config.texts)} texts, {config.num_frames / config.fps:.0f} s")
