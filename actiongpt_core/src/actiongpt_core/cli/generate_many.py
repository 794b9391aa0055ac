"""`actiongpt generate --input FILE --out DIR`: the motions of many prompts into a folder."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import typer

from actiongpt_core.cli import bulk_options

if TYPE_CHECKING:
    from actiongpt_core.bulk.generate import Count, Engine
    from actiongpt_core.bulk.job import Job


@attrs.frozen(kw_only=True)
class Machines:
    """Where and how fast the motions are made; nothing here changes them."""

    engine: bulk_options.Engines
    address: str | None
    workers: int | None
    batch_size: int
    device: str


def generate_many(source: str, out: Path, settings: dict[str, Any], machines: Machines, as_json: bool) -> None:
    """Make the motions that are missing, and say what came of it.

    Args:
        source: The input, "-" for standard input.
        out: The folder.
        settings: Of the `Job`.
        machines: Where the work is done.
        as_json: Whether the report is JSON.

    Raises:
        typer.Exit: A prompt failed, or the user interrupted.
    """
    from actiongpt_core.bulk.inputs import input_file
    from actiongpt_core.bulk.job import Job
    from actiongpt_core.registry import get_registry

    job = Job(**settings)
    # What can be wrong without a model is found before one is loaded, or a cluster started.
    get_registry().build_provider(job.llm, **job.llm_options)
    with input_file(source) as path, _engine(machines) as engine:
        count = _run(path, out, job, engine)
    _show(count, out, as_json)
    if count.failed:
        raise typer.Exit(1)


@contextlib.contextmanager
def _engine(machines: Machines) -> Iterator[Engine]:
    from actiongpt_core.bulk.generate import LocalEngine

    if machines.engine is bulk_options.Engines.LOCAL:
        bulk_options.refuse_ray_options(machines.address, machines.workers)
        yield LocalEngine(batch_size=machines.batch_size, device=machines.device)
        return
    from actiongpt_core.bulk.ray_generate import RayEngine

    with bulk_options.cluster(machines.address, machines.workers) as cluster:
        yield RayEngine(cluster=cluster, batch_size=machines.batch_size, device=machines.device)


def _run(path: Path, out: Path, job: Job, engine: Engine) -> Count:
    from actiongpt_core.bulk.generate import generate
    from actiongpt_core.bulk.progress import Progress, remaining

    progress = Progress(sys.stderr)

    def line(count: Count) -> str:
        speed = remaining(count.made + count.failed, count.prompts - count.before, count.seconds)
        failed = f", {count.failed:,} failed" if count.failed else ""
        return f"{count.done:,} of {count.prompts:,} motions, {speed}{failed}"

    try:
        return generate(path, out, job, engine, lambda count: progress.show(lambda: line(count)))
    except KeyboardInterrupt:
        progress.clear()
        typer.echo(f"Interrupted. What was made is in {out}; run the same command again to go on.", err=True)
        raise typer.Exit(bulk_options.INTERRUPTED) from None
    finally:
        progress.clear()


def _show(count: Count, out: Path, as_json: bool) -> None:
    for prompt, problem in count.problems.items():
        typer.echo(f"  {prompt:.80}: {problem}", err=True)
    if count.failed:
        more = f", the first {len(count.problems)} above" if count.failed > len(count.problems) else ""
        typer.echo(f"{count.failed:,} prompts failed{more}; the next run tries them again", err=True)
    if as_json:
        typer.echo(json.dumps({"folder": str(out.resolve()), **attrs.asdict(count)}, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{count.made:,} motions made in {count.seconds:.1f} s, {count.before:,} were there already")
    typer.echo(str(out.resolve()))
