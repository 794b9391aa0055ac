"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Text = Annotated[str, typer.Argument(help='What the person does, such as "walk forward, then sit down".')]
Backbone = Annotated[str | None, typer.Option(help="The motion model; see `actiongpt plugins`.")]
TextEncoder = Annotated[
    str | None, typer.Option(help="Folder or hub name of the text model, instead of the checkpoint's own.")
]
Stats = Annotated[Path | None, typer.Option(help="Feature statistics of a published checkpoint.")]
Llm = Annotated[str | None, typer.Option(help="Who describes the actions; the pack that ships if not given.")]
K = Annotated[int, typer.Option(help="Descriptions of each action.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
