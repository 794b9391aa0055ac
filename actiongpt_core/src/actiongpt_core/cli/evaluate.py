"""`actiongpt evaluate`: the metrics of a model, or of a folder of motions, on a split of a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actiongpt_core.cli import bulk_options, options
from actiongpt_core.errors import ConfigError

if TYPE_CHECKING:
    from actiongpt_core.evaluation.evaluation import Evaluation


def evaluate(
    data: options.Data = None,
    data_dir: options.DataDir = None,
    data_options: options.DataOptions = None,
    split: options.Split = "test",
    num_samples: options.NumSamples = 1,
    samples: Annotated[
        Path | None,
        typer.Option(help="Measure the motions of this folder, of `actiongpt sample` or of the originals' programs."),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Compare two results that --json wrote; of one protocol.", metavar="FILE FILE"),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result as JSON.", metavar="FILE")] = None,
    plots: Annotated[Path | None, typer.Option(help="Folder for plots.", metavar="DIR")] = None,
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
    seed: Annotated[int, typer.Option(help="Of the run; each motion has its own, by the clip.")] = 0,
    noise_scale: options.NoiseScale = None,
    max_seconds: options.MaxSeconds = 6.0,
    max_clips: options.MaxClips = None,
    body: options.Body = None,
    device: options.Device = "auto",
) -> None:
    """Make motions for the texts of a split and measure them against its clips; a table, JSON, plots."""
    if compare is not None:
        _compare(*compare, json_file)
        return
    if data is None:
        raise typer.BadParameter("Give --data NAME, or --compare FILE FILE.")
    for path in (json_file, plots):
        _require_parent(path)
    from actiongpt_core.registry import get_registry

    opened = get_registry().open_data_set(data, data_dir, **options.data_options(data_options))
    if samples is not None:
        from actiongpt_core.evaluation.reading import evaluate_samples

        if checkpoint is not None or backbone is not None:
            raise typer.BadParameter("--samples measures what is in the folder: leave out --checkpoint and --backbone.")
        result = evaluate_samples(samples, opened, split=split, body=options.read_body(body))
    else:
        from actiongpt_core.cli.pipelines import open_pipeline
        from actiongpt_core.cli.sample import with_progress
        from actiongpt_core.evaluation.evaluate import evaluate as evaluate_model

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
        with bulk_options.interruptible("Nothing was written. `actiongpt sample` keeps motions as they are made."):
            result = with_progress(
                lambda progress: evaluate_model(
                    pipeline,
                    opened,
                    split=split,
                    num_samples=num_samples,
                    seed=seed,
                    max_clips=max_clips,
                    progress=progress,
                    noise_scale=noise_scale,
                    max_seconds=max_seconds,
                    body=options.read_body(body),
                )
            )
    _write(result, json_file, plots)


def _write(result: Evaluation, json_file: Path | None, plots: Path | None) -> None:
    from actiongpt_core.evaluation.table import table

    for line in table(result):
        typer.echo(line)
    if plots is not None:
        from actiongpt_core.evaluation.plots import draw

        for file in draw(result, plots):
            typer.echo(str(file.resolve()))
    if json_file is not None:
        json_file.write_text(json.dumps(result.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        typer.echo(str(json_file.resolve()))


def _compare(first: Path, second: Path, json_file: Path | None) -> None:
    import attrs

    from actiongpt_core.evaluation.evaluation import compare, read_evaluation
    from actiongpt_core.evaluation.table import comparison

    _require_parent(json_file)
    found = compare(read_evaluation(first), read_evaluation(second))
    for line in comparison(found):
        typer.echo(line)
    if json_file is not None:
        content = {name: attrs.asdict(difference) for name, difference in found.items()}
        json_file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        typer.echo(str(json_file.resolve()))


def _require_parent(path: Path | None) -> None:
    """Told before minutes of work, not after them."""
    if path is not None and not path.resolve().parent.is_dir():
        raise ConfigError(f"Cannot write {path}: the folder {path.resolve().parent} does not exist.")
