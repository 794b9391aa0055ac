"""`actiongpt studio`."""

from __future__ import annotations

import threading
import webbrowser
from typing import Annotated

import typer

from actiongpt_core.cli import options


def studio(
    host: Annotated[str, typer.Option(help="Where to listen; others than this machine reach 0.0.0.0.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen.", min=1, max=65535)] = 8080,
    backbone: options.Backbone = None,
    checkpoint: options.Checkpoint = None,
    llm: options.Llm = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """A studio in the browser: type what a person does, look at the motion, save it."""
    from actiongpt_studio.pipelines import Choices, Pipelines, named
    from actiongpt_studio.studio.server import serve

    choices = Choices(backbone=backbone, checkpoint=None if checkpoint is None else str(checkpoint), llm=llm)
    pipelines = Pipelines()
    pipelines.get(choices)  # what cannot work is said before a page opens
    pipelines.warm_up(named(choices))
    server = serve(pipelines, choices, host, port)
    address = f"http://{host}:{server.get_port()}"
    typer.echo(f"The studio is at {address} (Ctrl-C ends it).")
    if browser:
        webbrowser.open(address)
    try:
        threading.Event().wait()
    finally:
        server.stop()
