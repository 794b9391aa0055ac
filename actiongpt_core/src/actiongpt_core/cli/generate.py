"""`actiongpt generate`: a sentence to motion files."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actiongpt_core.cli import bulk_options, options
from actiongpt_core.cli.describe import said_of

if TYPE_CHECKING:
    from actiongpt_core.types.motion import Motion
    from actiongpt_core.types.text import Descriptions

_MAX_SEED = 2**31


def generate(
    text: Annotated[str | None, typer.Argument(help='What the person does, such as "walk, then sit down".')] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="File to write; the suffix chooses the format. Repeatable."),
    ] = None,
    backbone: options.Backbone = None,
    checkpoint: options.Checkpoint = None,
    text_encoder: options.TextEncoder = None,
    stats: options.Stats = None,
    llm: options.Llm = None,
    model: options.Model = None,
    strategy: options.Strategy = None,
    llm_options: options.LlmOptions = None,
    aggregator: options.Aggregator = None,
    k: options.K = 4,
    seconds: options.Seconds = "auto",
    seed: Annotated[
        int | None, typer.Option(help="Same seed, same motion; a random one if not given, with --input 0.")
    ] = None,
    noise_scale: options.NoiseScale = None,
    postprocess: options.Postprocess = None,
    device: options.Device = "auto",
    as_json: options.AsJson = False,
    source: bulk_options.Input = None,
    out: bulk_options.Out = None,
    file_format: bulk_options.Format = None,
    shard_size: bulk_options.ShardSize = None,
    batch_size: bulk_options.BatchSize = None,
    engine: bulk_options.EngineName = bulk_options.Engines.LOCAL,
    ray_address: bulk_options.RayAddress = None,
    workers: bulk_options.Workers = None,
) -> None:
    """Generate the motion that TEXT tells and write it to files, or those of all the prompts of a file to a folder."""
    if source is not None:
        from actiongpt_core.cli.generate_many import Machines, generate_many

        if text is not None or output or out is None or postprocess:
            raise typer.BadParameter("--input goes with --out DIR, and without TEXT, --output and --postprocess.")
        settings = {
            "backbone": backbone,
            "llm": llm,
            "aggregator": aggregator,
            "checkpoint": checkpoint,
            "text_encoder": text_encoder,
            "stats": stats,
            "llm_options": options.provider_options(model, llm_options),
            "strategy": strategy,
            "k": k,
            "seconds": options.read_seconds(seconds),
            "noise_scale": noise_scale,
            "seed": seed or 0,
            "format": file_format or "npz",
            "shard_size": shard_size or 1000,
        }
        machines = Machines(
            engine=engine, address=ray_address, workers=workers, batch_size=batch_size or 32, device=device
        )
        generate_many(source, out, settings, machines, as_json)
        return
    if text is None or not output or out is not None or engine is not bulk_options.Engines.LOCAL:
        raise typer.BadParameter("Give TEXT and --output FILE; or --input FILE and --out DIR for many prompts.")
    for name, value in (("format", file_format), ("shard-size", shard_size), ("batch-size", batch_size)):
        if value is not None:
            raise typer.BadParameter(f"--{name} goes with --input FILE and --out DIR; leave it out for one text.")
    bulk_options.refuse_ray_options(ray_address, workers)
    from actiongpt_core.checkpoints import read_backbone
    from actiongpt_core.export import check_path, save
    from actiongpt_core.registry import get_registry
    from actiongpt_core.text.cache import DescriptionCache
    from actiongpt_core.text.decompose import read_text

    # All that can be wrong without a model is found before one is loaded: nobody waits to learn of a typo.
    for path in output:
        check_path(path)
    length = options.read_seconds(seconds)
    names = options.read_postprocess(postprocess)
    if backbone is None and checkpoint is not None:
        backbone = read_backbone(checkpoint)
    get_registry().motion_model(backbone)
    get_registry().aggregator(aggregator)
    provider = get_registry().build_provider(llm, **options.provider_options(model, llm_options))
    actions = read_text(text, provider, strategy, DescriptionCache())

    from actiongpt_core.pipeline import Pipeline

    pipeline = Pipeline(
        backbone,
        llm=provider,
        aggregator=aggregator,
        checkpoint=checkpoint,
        text_encoder=text_encoder,
        stats=stats,
        strategy=strategy,
        k=k,
        device=device,
    )
    descriptions = pipeline.describe(pipeline.plan(actions, seconds=length))
    seed = secrets.randbelow(_MAX_SEED) if seed is None else seed
    motion = pipeline.generate(descriptions, seed=seed, noise_scale=noise_scale, postprocess=names)
    files = [save(motion, path).resolve() for path in output]
    report = _report(motion, descriptions, files, seed)
    typer.echo(json.dumps(report, indent=2, ensure_ascii=False) if as_json else _as_text(report, descriptions))


def _report(motion: Motion, descriptions: list[Descriptions], files: list[Path], seed: int) -> dict[str, Any]:
    ends = [*motion.starts[1:], motion.num_frames]
    actions = [
        {
            "phrase": item.phrase,
            "start": start / motion.fps,
            "end": end / motion.fps,
            "source": item.source,
            "texts": item.texts,
        }
        for item, start, end in zip(descriptions, motion.starts, ends, strict=True)
    ]
    return {
        "files": [str(path) for path in files],
        "seconds": motion.seconds,
        "fps": motion.fps,
        "frames": motion.num_frames,
        "seed": seed,
        "actions": actions,
    }


def _as_text(report: dict[str, Any], descriptions: list[Descriptions]) -> str:
    lines = [
        f"{action['start']:5.1f} s  {action['phrase']}  (descriptions: {said_of(item)})"
        for action, item in zip(report["actions"], descriptions, strict=True)
    ]
    lines.append(
        f"{report['seconds']:5.1f} s  end; {report['frames']} frames at {report['fps']:g} fps, seed {report['seed']}"
    )
    return "\n".join([*lines, *(f"wrote {path}" for path in report["files"])])
