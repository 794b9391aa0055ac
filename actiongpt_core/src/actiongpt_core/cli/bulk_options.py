"""What the commands for many phrases share: on which machines they work."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actiongpt_core.errors import ConfigError

if TYPE_CHECKING:
    from actiongpt_core.bulk.cluster import Cluster

INTERRUPTED = 130  #: exit code; what shells use for Ctrl-C


@contextlib.contextmanager
def interruptible(kept: str) -> Iterator[None]:
    """Around long work: Ctrl-C ends it with a message instead of a traceback.

    Args:
        kept: What becomes of the work that was done.
    """
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"Interrupted. {kept}", err=True)
        raise typer.Exit(INTERRUPTED) from None


class Engines(enum.StrEnum):
    """Where the work is done."""

    LOCAL = "local"
    RAY = "ray"


Input = Annotated[
    str | None, typer.Option("--input", metavar="FILE", help="Many prompts, one a line; - for standard input.")
]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="With --input: the folder of the motions.")]
Format = Annotated[str | None, typer.Option("--format", help="With --input: npz, bvh, png or gif. [default: npz]")]
ShardSize = Annotated[int | None, typer.Option(min=1, help="With --input: motions in one folder. [default: 1000]")]
BatchSize = Annotated[
    int | None, typer.Option(min=1, help="With --input: prompts that go through the network together. [default: 32]")
]
EngineName = Annotated[Engines, typer.Option("--engine", help="This process, or Ray: many processes or machines.")]
RayAddress = Annotated[
    str | None, typer.Option(help="A running cluster, HOST:PORT or auto; one on this machine if not given.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes of Ray; one a CPU if not given.")]


def refuse_ray_options(address: str | None, workers: int | None) -> None:
    """Say it where options of Ray would do nothing.

    Raises:
        ConfigError: One is given.
    """
    if address is not None or workers is not None:
        raise ConfigError("--ray-address and --workers belong to Ray: add --engine ray, or leave them out.")


def cluster(address: str | None, workers: int | None) -> AbstractContextManager[Cluster]:
    """A cluster for the time of a command.

    Raises:
        MissingAssetError: Ray is not installed.
        ConfigError: The cluster cannot be reached, or has fewer CPUs than workers are asked for.
    """
    import logging

    from actiongpt_core.bulk.cluster import cluster as started

    is_debugging = logging.getLogger("actiongpt_core").isEnabledFor(logging.DEBUG)
    return started(address, workers, is_quiet=not is_debugging)
