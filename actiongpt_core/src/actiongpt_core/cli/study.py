"""`actiongpt study`: a grid of settings, measured, compared, and shown on one page."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actiongpt_core.cli import bulk_options, options
from actiongpt_core.errors import ConfigError

if TYPE_CHECKING:
    from actiongpt_core.study.running import Count
    from actiongpt_core.study.summary import Summary


def study(
    grid: Annotated[Path, typer.Option(help="The grid file, TOML or JSON.", metavar="FILE")],
    out: Annotated[Path, typer.Option(help="The study's folder: index.html, results.json, what was measured.")],
    places: Annotated[
        list[str] | None,
        typer.Option(
            "-P", "--place", help="What ${NAME} in a path of the grid stands for. Repeatable.", metavar="NAME=FOLDER"
        ),
    ] = None,
    device: options.Device = "auto",
    as_json: options.AsJson = False,
) -> None:
    """Do descriptions help? Measure models told in many ways, compare, and write one page.

    Run it again to go on: only what is missing is measured.
    """
    from actiongpt_core.bulk.progress import Progress
    from actiongpt_core.study.grid_file import read_grid

    settings = read_grid(grid, _read_places(places or []))
    from actiongpt_core.study.running import run

    progress = Progress(sys.stderr)

    def line(count: Count) -> str:
        failed = f", {len(count.problems)} cannot run" if count.problems else ""
        return f"{count.done} of {count.cells} cells, {count.seconds:.0f} s{failed}: {count.current}"

    try:
        summary, count = run(settings, out, device=device, report=lambda count: progress.show(lambda: line(count)))
    except KeyboardInterrupt:
        progress.clear()
        typer.echo(f"Interrupted. What was measured is in {out}; run the same command again to go on.", err=True)
        raise typer.Exit(bulk_options.INTERRUPTED) from None
    finally:
        progress.clear()
    _show(summary, count, out, as_json)
    if count.problems:
        raise typer.Exit(1)


def _read_places(pairs: list[str]) -> dict[str, str]:
    """A folder of the command line starts where the command runs."""
    found = {}
    for pair in pairs:
        name, equals, folder = pair.partition("=")
        if not equals or not name.isidentifier() or not folder:
            raise ConfigError(f"A folder of the grid is written -P name=folder, such as -P raw=runs; got {pair!r}.")
        found[name] = str(Path(folder).resolve())
    return found


def _show(summary: Summary, count: Count, out: Path, as_json: bool) -> None:
    from actiongpt_core.study.answer import sentences
    from actiongpt_core.study.store import PAGE

    for name, reason in count.problems.items():
        typer.echo(f"  {name}: {reason}", err=True)
    page = str((out / PAGE).resolve())
    if as_json:
        told = {"cells": count.cells, "before": count.before, "measured": count.measured, "problems": count.problems}
        typer.echo(json.dumps({"page": page, "answer": sentences(summary), **told}, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{count.measured} cells measured in {count.seconds:.0f} s, {count.before} were there already")
    for sentence in sentences(summary):
        typer.echo(sentence)
    typer.echo(page)
