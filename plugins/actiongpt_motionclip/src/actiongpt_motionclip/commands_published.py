"""The commands for published experiments and the originals' data bases: accuracy, test samples, conversion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import attrs
import typer

from actiongpt_core.cli import options
from actiongpt_motionclip import command_inputs as shared

_Database = Annotated[
    Path, typer.Argument(help="A data base of the originals: NAME_db.pt for its splits, or one split's file.")
]


def accuracy(
    database: _Database,
    drop_first: shared.DropFirst = False,
    class_set: Annotated[str, typer.Option(help="60, 45 or 15 of the BABEL-60 classes.")] = "60",
    checkpoint: shared.Checkpoint = None,
    text_encoder: options.TextEncoder = None,
    device: shared.Device = "auto",
    as_json: options.AsJson = False,
) -> None:
    """Count how often a data base's clips (its split vald) are recognised among the BABEL-60 classes."""
    from actiongpt_motionclip.categories import require_class_set

    chosen = require_class_set(class_set)
    windows = shared.read_windows(database, ("vald",), drop_first)
    pipeline = shared.build_pipeline(checkpoint, text_encoder, "passthrough", 1, device)
    from actiongpt_motionclip import classifier
    from actiongpt_motionclip.dataset import load_item
    from actiongpt_motionclip.latents import item_settings, require_motionclip

    model = require_motionclip(pipeline)
    settings = attrs.evolve(item_settings(model), labels="category", class_set=chosen)
    found = classifier.accuracy(model, [load_item(window, settings) for window in windows], chosen)
    report = {"total": found.total, "hits": {str(k): hits for k, hits in found.hits.items()}}
    typer.echo(json.dumps(report, indent=2) if as_json else "\n".join(found.lines()))


def sample(
    database: _Database,
    output: shared.Output,
    smpl: Annotated[
        Path | None, typer.Option(help="SMPL model file for the joints; the stick figure's proportions if not given.")
    ] = None,
    drop_first: shared.DropFirst = False,
    checkpoint: shared.Checkpoint = None,
    text_encoder: options.TextEncoder = None,
    llm: options.Llm = None,
    k: options.K = 4,
    device: shared.Device = "auto",
    as_json: options.AsJson = False,
) -> None:
    """Write the joints of a test set's clips, and those generated from their labels, for an evaluation.

    ground_truth/N.npy and action_gpt/N.npy hold (60, 24, 3) float32: metres, Z up, from the pelvis; texts.json has the
    labels.
    """
    clips = shared.read_windows(database, ("test",), drop_first)
    folders = [shared.make_folder(output / name) for name in ("ground_truth", "action_gpt")]
    pipeline = shared.build_pipeline(checkpoint, text_encoder, llm, k, device)
    import numpy as np

    from actiongpt_core.body.smpl import SmplBody
    from actiongpt_motionclip.sampling import sample as sample_clips

    texts = []
    for number, item in enumerate(sample_clips(pipeline, clips, SmplBody(smpl) if smpl else None)):
        for folder, joints in zip(folders, (item.ground_truth, item.generated), strict=True):
            np.save(folder / f"{number}.npy", joints.numpy())
        texts.append(item.text)
    (output / "texts.json").write_text(json.dumps(texts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    report = {"folder": str(output.resolve()), "samples": len(texts), "without_label": len(clips) - len(texts)}
    typer.echo(json.dumps(report, indent=2) if as_json else f"wrote {len(texts)} samples to {output.resolve()}")


def convert(
    folder: Annotated[Path, typer.Argument(help="The published experiment folder, or one checkpoint file in it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The checkpoint folder to write; must not exist.")],
    upstream: Annotated[
        bool, typer.Option("--upstream", help="It is of upstream MotionCLIP, not of Action-GPT.")
    ] = False,
    text_encoder: options.TextEncoder = None,
) -> None:
    """Convert a published experiment to a checkpoint folder of this library's format."""
    from actiongpt_core.checkpoints import convert_folder
    from actiongpt_motionclip.convert import convert as convert_published

    convert_folder(
        folder,
        output,
        lambda source, target: convert_published(source, target, text_encoder=text_encoder, upstream=upstream),
    )
    typer.echo(f"wrote {output.resolve()}")
