"""`actiongpt train`: a backbone on a data set, into a folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actiongpt_core.cli import bulk_options, options
from actiongpt_core.errors import ConfigError

if TYPE_CHECKING:
    from actiongpt_core.training.keeping import Progress as Training
    from actiongpt_core.training.trainer import Trained

_HOW = "A setting is written --set SECTION.NAME=VALUE, such as --set training.learning_rate=1e-4"


def train(
    backbone: options.Backbone = None,
    data: options.Data = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run; the same command again goes on in it.")] = None,
    data_dir: options.DataDir = None,
    data_options: options.DataOptions = None,
    preset: Annotated[str, typer.Option(help="Settings to begin with; --list-presets shows them.")] = "default",
    config: Annotated[
        Path | None, typer.Option(help="File of settings, TOML or JSON, over those of the preset.", metavar="FILE")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="One setting, over all others, as training.batch_size=16. Repeatable."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help='Checkpoint folder, ours or published, to begin with; "shipped" for the one here.'),
    ] = None,
    text_encoder: Annotated[
        str | None, typer.Option(help="With --from: folder or hub name of the text model, instead of its own.")
    ] = None,
    stats: Annotated[Path | None, typer.Option(help="With --from: feature statistics of a published folder.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Optimiser steps in all, over training.max_steps.")] = None,
    llm: options.Llm = None,
    model: options.Model = None,
    llm_options: options.LlmOptions = None,
    strategy: options.Strategy = None,
    aggregator: options.Aggregator = None,
    text_states: Annotated[
        Path | None, typer.Option(help="Folder of the text model's states, to share them between runs.")
    ] = None,
    devices: Annotated[int, typer.Option(help="Processes that share every batch, each with a device.", min=1)] = 1,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    workers: Annotated[int, typer.Option(help="1 makes batches in a process of their own.", min=0, max=1)] = 0,
    list_presets: Annotated[bool, typer.Option("--list-presets", help="Show the presets of the backbones.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Train a backbone on a data set. The same command again goes on where the run stopped."""
    from actiongpt_core.registry import get_registry

    if list_presets:
        _show_presets(backbone, as_json)
        return
    if data is None or out is None:
        raise typer.BadParameter("a run needs --data NAME and --out DIR.")
    from actiongpt_core.training.settings import read_changes
    from actiongpt_core.training.trainer import train as train_backbone

    registry = get_registry()
    name = registry.part("backbone", backbone).spec.name if backbone is None else backbone
    given = options.data_options(data_options)
    changes: dict[str, Any] = {part: dict(values) for part, values in (read_changes(config) if config else {}).items()}
    for section, key, value in _read_settings(settings):
        changes.setdefault(section, {})[key] = value
    if max_steps is not None:
        changes.setdefault("training", {})["max_steps"] = max_steps
    report = _Report()
    with bulk_options.interruptible(f"The run is in {out}; give the same command again to go on."), report:
        trained = train_backbone(
            name,
            registry.open_data_set(data, data_dir, **given),
            out,
            preset=preset,
            changes=changes,
            start=start,
            text_encoder=text_encoder,
            stats=stats,
            llm=registry.build_provider(llm, **options.provider_options(model, llm_options)),
            strategy=strategy,
            aggregator=aggregator,
            data_options=given,
            devices=devices,
            accelerator=accelerator,
            workers=workers,
            states=text_states,
            report=report.show,
        )
    if trained.rank == 0:
        _show(trained, as_json)


class _Report:
    """A bar with losses and time left on a terminal; elsewhere a line now and then."""

    def __init__(self) -> None:
        from actiongpt_core.bulk.progress import Progress

        self._line = Progress(sys.stderr)

    def show(self, progress: Training) -> None:
        self._line.show(lambda: _progress_line(progress))

    def __enter__(self) -> None:
        """Nothing is shown before the first report."""

    def __exit__(self, *_: object) -> None:
        self._line.clear()


def _progress_line(progress: Training) -> str:
    from actiongpt_core.bulk.progress import remaining

    new = progress.done - progress.begun_at
    left = remaining(new, progress.total - progress.begun_at, progress.seconds)
    if progress.phase == "texts":
        return f"encoding texts: {progress.done:,} of {progress.total:,}, {left}"
    filled = round(20 * progress.done / progress.total)
    losses = [f"{name} {progress.losses[name]:.4g}" for name in ("loss", "val_loss") if name in progress.losses]
    bar = f"[{'=' * filled}{' ' * (20 - filled)}] step {progress.done:,} of {progress.total:,}"
    return ", ".join([bar, left, *losses])


def _read_settings(pairs: list[str] | None) -> list[tuple[str, str, Any]]:
    found = []
    for pair in pairs or []:
        path, equals, value = pair.partition("=")
        section, dot, name = path.partition(".")
        if not equals or not dot or not name:
            raise ConfigError(f"{_HOW}; got {pair!r}.")
        found.append((section, name, options.read_value(value)))
    return found


def _show(trained: Trained, as_json: bool) -> None:
    if as_json:
        content = {"folder": str(trained.out.resolve()), "steps": trained.steps, "new_steps": trained.new_steps}
        content |= {"best_step": trained.best_step, "best_loss": trained.best_loss, "seconds": trained.seconds}
        typer.echo(json.dumps(content, indent=2))
        return
    best = "the last weights" if trained.best_step is None else f"the weights of step {trained.best_step:,}"
    typer.echo(f"{trained.new_steps:,} steps in {trained.seconds:.0f} s, {trained.steps:,} in all; {best}:")
    typer.echo(str(trained.out.resolve()))


def _show_presets(backbone: str | None, as_json: bool) -> None:
    from actiongpt_core.registry import get_registry

    registry = get_registry()
    names = [label for label, part in registry.labels("backbone") if getattr(part.spec, "training", None)]
    if backbone is not None:
        names = [registry.part("backbone", backbone).spec.name]
    found = {}
    for name in names:
        training = registry.motion_model(name).training
        found[name] = {} if training is None else {it: preset.about for it, preset in training().presets.items()}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for name, presets in found.items():
        for preset, about in presets.items():
            typer.echo(f"{name}  {preset}: {about}")
