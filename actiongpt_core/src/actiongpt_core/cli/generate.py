"""`actiongpt generate`: a sentence to motion files."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actiongpt_core.cli import options
from actiongpt_core.cli.describe import read_actions, said_of

if TYPE_CHECKING:
    from actiongpt_core.types.motion import Motion
    from actiongpt_core.types.text import Descriptions

_MAX_SEED = 2**31


def generate(
    text: options.Text,
    output: Annotated[
        list[Path], typer.Option("--output", "-o", help="File to write; the suffix chooses the format. Repeatable.")
    ],
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
    seed: Annotated[int | None, typer.Option(help="Same seed, same motion; a random one if not given.")] = None,
    noise_scale: options.NoiseScale = None,
    device: options.Device = "auto",
    as_json: options.AsJson = False,
) -> None:
    """Generate the motion that TEXT tells and write it to files."""
    from actiongpt_core.export import check_path, save
    from actiongpt_core.registry import get_registry

    # All that can be wrong without a model is found before one is loaded: nobody waits to learn of a typo.
    for path in output:
        check_path(path)
    length = options.read_seconds(seconds)
    get_registry().motion_model(backbone)
    get_registry().aggregator(aggregator)
    provider = get_registry().build_provider(llm, **options.provider_options(model, llm_options))
    actions = read_actions(text, provider, strategy)

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
    motion = pipeline.generate(descriptions, seed=seed, noise_scale=noise_scale)
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
