"""`actiongpt motionclip`: the four applications of MotionCLIP; and the commands of `commands_published`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from actiongpt_core.cli import options
from actiongpt_core.errors import ConfigError
from actiongpt_motionclip import command_inputs as shared
from actiongpt_motionclip.commands_published import accuracy, convert, sample

if TYPE_CHECKING:
    from actiongpt_core.types.motion import Motion

app = typer.Typer(
    help="MotionCLIP: text to motion, editing, interpolation, classification.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def text2motion(
    file: Annotated[Path, typer.Argument(help="A text file, one phrase a line.")],
    output: shared.Output,
    format_: shared.Format = "gif",
    checkpoint: shared.Checkpoint = None,
    text_encoder: options.TextEncoder = None,
    llm: options.Llm = None,
    k: options.K = 4,
    seconds: shared.Seconds = None,
    device: shared.Device = "auto",
    as_json: options.AsJson = False,
) -> None:
    """Generate a motion for each phrase of a file."""
    from actiongpt_motionclip.assets import read_texts

    phrases = read_texts(file)
    output = shared.make_folder(output, format_)
    pipeline = shared.build_pipeline(checkpoint, text_encoder, llm, k, device)
    from actiongpt_core.types.text import Action

    motions = pipeline.generate_batch([Action(phrase) for phrase in phrases], seconds=seconds)
    names = [f"{number:02}-{shared.slug(phrase)}" for number, phrase in enumerate(phrases, start=1)]
    shared.save_motions(dict(zip(names, motions, strict=True)), output, format_, as_json)


@app.command()
def edit(
    output: shared.Output,
    sources: Annotated[
        list[str] | None, typer.Argument(help="BASE MINUS PLUS: phrases, or motion files (.npz, .bvh).")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Many edits: CSV with motion_source,base,v_start,v_end.")
    ] = None,
    database: shared.Database = None,
    drop_first: shared.DropFirst = False,
    format_: shared.Format = "gif",
    checkpoint: shared.Checkpoint = None,
    text_encoder: options.TextEncoder = None,
    llm: options.Llm = None,
    k: options.K = 4,
    seconds: shared.Seconds = None,
    device: shared.Device = "auto",
    as_json: options.AsJson = False,
) -> None:
    """Change a motion by the step from one to another: BASE - MINUS + PLUS.

    Writes the three, and the result.
    """
    from actiongpt_motionclip.assets import EditLine, read_edits

    texts = shared.require_count(sources, 3, "BASE MINUS PLUS", file)
    lines = read_edits(file) if file else [EditLine("text", *texts)]
    if any(line.source == "data" for line in lines) and database is None:
        raise ConfigError(f"{file} has lines of the kind 'data'; name the data base with --database.")
    if database is not None and all(line.source == "text" for line in lines):
        raise ConfigError("--database is for lines of the kind 'data' of a --file, and there is none. Leave it out.")
    output = shared.make_folder(output, format_)
    pipeline = shared.build_pipeline(checkpoint, text_encoder, llm, k, device)
    from actiongpt_motionclip import editing

    find = shared.build_finder(pipeline, database, drop_first)
    motions: dict[str, Motion] = {}
    for number, line in enumerate(lines, start=1):
        named = {"base": line.base, "minus": line.v_start, "plus": line.v_end}
        parts = {role: find(name, line.source == "data") for role, name in named.items()}
        for role, latent in parts.items():
            motions[f"{number:02}-{role}"] = editing.decode(pipeline, latent[None], seconds)[0].motion
        motions[f"{number:02}-result"] = editing.edit(pipeline, **parts, seconds=seconds).motion
    shared.save_motions(motions, output, format_, as_json)


@app.command()
def interpolate(
    output: shared.Output,
    sources: Annotated[
        list[str] | None, typer.Argument(help="START END: phrases, or motion files (.npz, .bvh).")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Many interpolations: CSV with start,end.")] = None,
    stops: Annotated[int, typer.Option(help="Motions on the way, both ends included.")] = 5,
    database: shared.Database = None,
    drop_first: shared.DropFirst = False,
    format_: shared.Format = "gif",
    checkpoint: shared.Checkpoint = None,
    text_encoder: options.TextEncoder = None,
    llm: options.Llm = None,
    k: options.K = 4,
    seconds: shared.Seconds = None,
    device: shared.Device = "auto",
    as_json: options.AsJson = False,
) -> None:
    """Go from one motion to another in some steps.

    The values of a file are phrases; with --database they are labels of its clips, as the originals have it.
    """
    from actiongpt_motionclip.assets import InterpolationLine, read_interpolations

    texts = shared.require_count(sources, 2, "START END", file)
    lines = read_interpolations(file) if file else [InterpolationLine(*texts)]
    if database is not None and file is None:
        raise ConfigError("--database is for the labels of a --file, and there is none. Leave it out.")
    output = shared.make_folder(output, format_)
    pipeline = shared.build_pipeline(checkpoint, text_encoder, llm, k, device)
    from actiongpt_motionclip import editing

    find = shared.build_finder(pipeline, database, drop_first)
    is_data = file is not None and database is not None
    motions: dict[str, Motion] = {}
    for number, line in enumerate(lines, start=1):
        ends = find(line.start, is_data), find(line.end, is_data)
        found = editing.interpolate(pipeline, *ends, num_stops=stops, seconds=seconds)
        motions |= {f"{number:02}-stop-{stop}": item.motion for stop, item in enumerate(found, start=1)}
    shared.save_motions(motions, output, format_, as_json)


@app.command()
def classify(
    motions: Annotated[list[Path], typer.Argument(help="Motion files (.npz, .bvh).")],
    labels: Annotated[
        str | None, typer.Option(help="Labels with commas between, or a file with one a line; BABEL-60 if not given.")
    ] = None,
    top: Annotated[int, typer.Option(help="How many labels to name.")] = 5,
    checkpoint: shared.Checkpoint = None,
    text_encoder: options.TextEncoder = None,
    device: shared.Device = "auto",
    as_json: options.AsJson = False,
) -> None:
    """Say which labels fit motions best. Labels are compared as they stand, without descriptions."""
    names, clips = shared.read_labels(labels), [shared.read_motion(path) for path in motions]
    pipeline = shared.build_pipeline(checkpoint, text_encoder, "passthrough", 1, device)
    from actiongpt_motionclip.classifier import classify as classify_motions
    from actiongpt_motionclip.latents import require_motionclip

    found = classify_motions(require_motionclip(pipeline), clips, names, top)
    report = [{"file": str(path), **attrs.asdict(item)} for path, item in zip(motions, found, strict=True)]
    if as_json:
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for path, item in zip(motions, found, strict=True):
        typer.echo(str(path))
        for label, chance, cosine in zip(item.labels, item.probabilities, item.cosines, strict=True):
            typer.echo(f"  {chance:6.1%}  {label}  (cosine {cosine:.3f})")


for _command in (accuracy, sample, convert):
    app.command()(_command)
