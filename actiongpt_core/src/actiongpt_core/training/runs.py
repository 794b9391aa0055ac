"""A resumable training run in one folder: state, curves, checkpoint."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from actiongpt_core.safe_pickle import load_checkpoint
from actiongpt_core.training.backend import lightning
from actiongpt_core.training.optimiser import OptimiserSettings


def run_recipe(train: Callable[..., Path], description: str | None, default_steps: int) -> None:
    """Read a recipe's arguments and train: `--cmu FOLDER --out FOLDER [--steps N] [--seed N] [--threads N]`.

    Args:
        train: Called with the folder of the CMU set (or None), the output folder, the steps and the seed.
        description: For `--help`.
        default_steps: Optimiser steps in all.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--cmu", help="folder of the prepared CMU set (default: ACTIONGPT_CMU)")
    parser.add_argument("--out", type=Path, required=True, help="where state, curves and the checkpoint go")
    parser.add_argument("--steps", type=int, default=default_steps)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves torch's own number")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    lightning.seed_everything(arguments.seed)
    train(arguments.cmu, arguments.out, arguments.steps, arguments.seed)


def state_file(out: Path) -> Path:
    """Where a run keeps its state."""
    return out / "last.ckpt"


def steps_done(out: Path) -> int:
    """Optimiser steps of a run so far; 0 for a new one."""
    file = state_file(out)
    return int(load_checkpoint(file)["global_step"]) if file.is_file() else 0


def shipped_descriptions() -> dict[str, list[str]]:
    """The descriptions that ship: phrase -> K texts."""
    text = files("actiongpt_core.text").joinpath("packs/default.json").read_text("utf-8")
    found: dict[str, list[str]] = json.loads(text)["descriptions"]
    return found


def fit(
    module: lightning.LightningModule,
    batches: IterableDataset[Any],
    out: Path,
    optimiser: OptimiserSettings,
    save_every: int = 250,
) -> None:
    """Train up to `optimiser.total_steps`, from the folder's state if there is one."""
    keep = lightning.pytorch.callbacks.ModelCheckpoint(
        dirpath=out, filename="last", every_n_train_steps=save_every, enable_version_counter=False
    )
    trainer = lightning.Trainer(
        max_steps=optimiser.total_steps,
        accelerator="auto",
        devices=1,
        gradient_clip_val=optimiser.clip,
        callbacks=[keep],
        logger=lightning.pytorch.loggers.CSVLogger(out, name="curves", version=f"from_step_{steps_done(out)}"),
        log_every_n_steps=50,
        enable_model_summary=False,
    )
    loader: DataLoader[Any] = DataLoader(batches, batch_size=None, num_workers=1)
    last = state_file(out)
    trainer.fit(module, loader, ckpt_path=str(last) if last.is_file() else None)
