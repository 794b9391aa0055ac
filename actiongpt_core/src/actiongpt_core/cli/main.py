"""The `actiongpt` command: what its commands share, which is mostly how errors reach the user."""

from __future__ import annotations

import logging
import traceback
import warnings
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from actiongpt_core.cli import checkpoints, plugins
from actiongpt_core.cli.describe import describe
from actiongpt_core.cli.generate import generate
from actiongpt_core.errors import ActionGPTError

_INTERRUPTED = 130  # what shells use for Ctrl-C


class _Commands(TyperGroup):
    """A group whose commands end with one message, not with a traceback, when the user can do something about it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ActionGPTError as error:
            if ctx.params.get("debug"):
                typer.echo("".join(traceback.format_exception(error)), err=True)
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.echo("Interrupted.", err=True)
            raise typer.Exit(_INTERRUPTED) from None


# Plain help: rich costs as much time to import as everything else together.
app = typer.Typer(
    name="actiongpt",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(generate)
app.command()(describe)
app.add_typer(plugins.app, name="plugins")
app.add_typer(checkpoints.app, name="checkpoints")


def _print_version(wanted: bool) -> None:
    if wanted:
        from actiongpt_core import __version__

        typer.echo(f"actiongpt {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks, and log what is done.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Text to 3D human motion, through descriptions that a language model writes."""
    if debug:
        logging.getLogger("actiongpt_core").setLevel(logging.DEBUG)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as a sentence: users of a command have no use for its line of code."""
    typer.echo(f"Note: {message}", err=True)


def run() -> None:
    """The entry point of the command."""
    logging.basicConfig(format="%(message)s")
    warnings.showwarning = _show_warning
    app()


if __name__ == "__main__":
    run()
