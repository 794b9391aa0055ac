"""`actiongpt sample`: motions of a model for the clips of a split, a file each."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actiongpt_core.cli import bulk_options, options

if TYPE_CHECKING:
    from actiongpt_core.evaluation.sampling import SampleReport


def sample(
    out: Annotated[Path, typer.Option(help="Folder of the motions; the same command again goes on in it.")],
    data: Annotated[str, typer.Option(help="The data set; see `actiongpt data list`.")],
    data_dir: options.DataDir = None,
    data_options: options.DataOptions = None,
    split: options.Split = "val",
    num_samples: options.NumSamples = 1,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Pairs of consecutive clips, for backbones that make sequences.")
    ] = False,
    layout: Annotated[
        str, typer.Option(help='"ours" (.npz), or "published": the .npy files that the originals\' evaluation reads.')
    ] = "ours",
    backbone: options.Backbone = None,
    checkpoint: options.Checkpoint = None,
    text_encoder: options.TextEncoder = None,
    stats: options.Stats = None,
    llm: options.Llm = None,
    model: options.Model = None,
    llm_options: options.LlmOptions = None,
    strategy: options.Strategy = None,
    aggregator: options.Aggregator = None,
    k: options.K = 4,
    seed: Annotated[int, typer.Option(help="Of the folder; each motion has its own, by the clip.")] = 0,
    noise_scale: options.NoiseScale = None,
    max_seconds: options.MaxSeconds = 6.0,
    max_clips: options.MaxClips = None,
    body: options.Body = None,
    batch_size: Annotated[int, typer.Option(help="Motions made together; changes none of them.", min=1)] = 32,
    device: options.Device = "auto",
    as_json: options.AsJson = False,
) -> None:
    """Make motions for the texts of a split, as long as its clips; a file each. Exit code 1 if some cannot be made."""
    from actiongpt_core.cli.pipelines import open_pipeline
    from actiongpt_core.registry import get_registry

    opened = get_registry().open_data_set(data, data_dir, **options.data_options(data_options))
    pipeline = open_pipeline(
        backbone=backbone,
        checkpoint=checkpoint,
        text_encoder=text_encoder,
        stats=stats,
        llm=llm,
        model=model,
        llm_options=llm_options,
        strategy=strategy,
        aggregator=aggregator,
        k=k,
        device=device,
    )
    from actiongpt_core.evaluation.sampling import sample as make_samples

    settings: dict[str, Any] = {"layout": layout}  # checked where the files are chosen
    with bulk_options.interruptible(f"What was made is in {out}; give the same command again to go on."):
        report = with_progress(
            lambda progress: make_samples(
                pipeline,
                opened,
                out,
                split=split,
                num_samples=num_samples,
                seed=seed,
                pairs=pairs,
                noise_scale=noise_scale,
                max_seconds=max_seconds,
                max_clips=max_clips,
                body=options.read_body(body),
                batch_size=batch_size,
                progress=progress,
                **settings,
            )
        )
    _show(report, out, as_json)
    if report.left_out:
        raise typer.Exit(1)


def with_progress(work: Callable[[Callable[[int, int], None]], Any]) -> Any:
    """Do what makes motions, and show how many there are."""
    from actiongpt_core.bulk.progress import Progress, remaining

    progress, begun = Progress(sys.stderr), time.monotonic()
    before: int | None = None

    def show(done: int, total: int) -> None:
        nonlocal before
        before = done - 1 if before is None else before
        new, seconds = done - before, time.monotonic() - begun
        progress.show(lambda: f"{done:,} of {total:,} motions, {remaining(new, total - (before or 0), seconds)}")

    try:
        return work(show)
    finally:
        progress.clear()


def _show(report: SampleReport, out: Path, as_json: bool) -> None:
    if as_json:
        content = {"folder": str(out.resolve()), "motions": report.motions, "before": report.before}
        content |= {"made": report.made, "left_out": report.left_out, "counts": report.counts}
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{report.made:,} motions made, {report.before:,} were there already, of {report.motions:,}")
    for key, reason in report.left_out.items():
        typer.echo(f"left out: {key}: {reason}", err=True)
    typer.echo(str(out.resolve()))
