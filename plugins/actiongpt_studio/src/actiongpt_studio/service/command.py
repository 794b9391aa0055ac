"""`actiongpt serve`."""

from __future__ import annotations

import ipaddress
import socket
import warnings
from typing import Annotated

import typer

from actiongpt_core.cli import options
from actiongpt_core.errors import ConfigError
from actiongpt_core.registry import get_registry
from actiongpt_studio.service.settings import Settings

_DEFAULT = Settings()


def serve(
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 for other machines too.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen.", min=0, max=65535)] = 8000,
    backbone: options.Backbone = None,
    checkpoint: options.Checkpoint = None,
    llm: options.Llm = None,
    token: Annotated[
        str | None, typer.Option(envvar="ACTIONGPT_TOKEN", help="Ask for this token; other users see options.")
    ] = None,
    max_characters: Annotated[int, typer.Option(help="Of all words of a request.")] = _DEFAULT.max_characters,
    max_actions: Annotated[int, typer.Option(help="Of a request.")] = _DEFAULT.max_actions,
    max_seconds: Annotated[float, typer.Option(help="Of a motion.")] = _DEFAULT.max_seconds,
    max_body: Annotated[int, typer.Option(help="Bytes of a request.")] = _DEFAULT.max_body,
    max_queue: Annotated[int, typer.Option(help="Requests at a time; more are refused.")] = _DEFAULT.max_queue,
    timeout: Annotated[float, typer.Option(help="Seconds of a request.")] = _DEFAULT.timeout,
    batch_size: Annotated[int, typer.Option(help="Requests in one pass of the network.")] = _DEFAULT.batch_size,
    batch_wait: Annotated[float, typer.Option(help="Milliseconds a pass waits for others.")] = _DEFAULT.batch_wait,
) -> None:
    """An HTTP service that turns texts into motions; its page /docs says how it is asked."""
    settings = Settings(
        backbone=backbone,
        checkpoint=None if checkpoint is None else str(checkpoint),
        llm=llm,
        token=token,
        max_characters=max_characters,
        max_actions=max_actions,
        max_seconds=max_seconds,
        max_body=max_body,
        max_queue=max_queue,
        timeout=timeout,
        batch_size=batch_size,
        batch_wait=batch_wait,
    )
    if token is None and not _is_loopback(host):
        warnings.warn(
            f"The service listens on {host} without a token: everybody who reaches this machine can use it. Give one "
            "(environment variable ACTIONGPT_TOKEN), or leave --host out.",
            stacklevel=1,
        )
    _run(settings, host, port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _run(settings: Settings, host: str, port: int) -> None:
    # What cannot work is said before a model is loaded, and before anybody is served.
    with _listener(host, port) as listener:
        get_registry().motion_model(settings.backbone)
        import uvicorn

        from actiongpt_studio.pipelines import Choices, Pipelines
        from actiongpt_studio.service.app import build_app

        pipelines = Pipelines()
        pipelines.get(Choices(backbone=settings.backbone, checkpoint=settings.checkpoint, llm=settings.llm))
        config = uvicorn.Config(
            build_app(settings, pipelines),
            access_log=False,
            server_header=False,
            # What was accepted is answered, if it can be within its own limit of time.
            timeout_graceful_shutdown=int(settings.timeout) + 5,
        )
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"The service is at http://{shown}:{listener.getsockname()[1]}, its page at /docs (Ctrl-C ends it).")
        uvicorn.Server(config).run([listener])


def _listener(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigError(
            f"The service cannot listen on {host}:{port} ({error.strerror or error}). Give another --port or --host."
        ) from None
