"""The `actiongpt` command: what its commands share, which is mostly how errors reach the user."""

from __future__ import annotations

import logging
import traceback
import warnings
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from actiongpt_core.cli import cache, checkpoints, data, plugin_commands, plugins
from actiongpt_core.cli.annotate import annotate
from actiongpt_core.cli.describe import describe
from actiongpt_core.cli.evaluate import evaluate
from actiongpt_core.cli.export import export
from actiongpt_core.cli.generate import generate
from actiongpt_core.cli.sample import sample
from actiongpt_core.cli.study import study
from actiongpt_core.cli.train import train
from actiongpt_core.errors import ActionGPTError

_INTERRUPTED = 130  # what shells use for Ctrl-C


class _Commands(TyperGroup):
    """The core's commands, then those of plugins; all end with one message where the user can do something about it.

    Plugins are found when a name is not the core's, or help is shown; so they cannot take one of its names, and cost
    nothing where they are not needed.
    """

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        own = super().get_command(ctx, cmd_name)
        return plugin_commands.find(cmd_name) if own is None else own

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None:
            ctx.fail(plugin_commands.unknown(args[0], self.commands))
        return args[0], command, args[1:]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        super().format_commands(ctx, formatter)
        if rows := plugin_commands.listed():
            with formatter.section("Commands of plugins"):
                formatter.write_dl(rows)

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
app.command()(annotate)
app.command()(export)
app.command()(train)
app.command()(sample)
app.command()(evaluate)
app.command()(study)
app.add_typer(plugins.app, name="plugins")
app.add_typer(cache.app, name="cache")
app.add_typer(checkpoints.app, name="checkpoints")
app.add_typer(data.app, name="data")


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
