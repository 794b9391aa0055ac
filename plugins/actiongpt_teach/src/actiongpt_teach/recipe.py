"""The shipped checkpoint's recipe: `python -m actiongpt_teach.recipe --cmu FOLDER --out FOLDER`.

One resumable command. It stops and goes on where it was, on whatever device there is; the result is a checkpoint
folder, `OUT/checkpoint`. Needs the extra `train`.
"""

from __future__ import annotations

import argparse
import json
import logging
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from actiongpt_core.data.cmu import CmuSet
from actiongpt_core.data.mixture import training_clips
from actiongpt_core.features.base import Normalizer
from actiongpt_core.safe_pickle import load_checkpoint
from actiongpt_core.training.backend import lightning
from actiongpt_core.training.curves import plot_curves
from actiongpt_teach.config import TeachConfig
from actiongpt_teach.losses import LossWeights
from actiongpt_teach.model import Teach
from actiongpt_teach.pairs import PairSampler
from actiongpt_teach.text_bank import TextBank
from actiongpt_teach.training import OptimiserSettings, PairBatches, TeachTraining

_LOG = logging.getLogger(__name__)

CONFIG = TeachConfig(
    latent_dim=192,
    text_layers=1,
    keyword_detectors=768,
    motion_layers=2,
    decoder_layers=3,
    ff_size=512,
    dropout=0.0,
    text_dim=384,
    text_encoder="package:all-minilm-l6-v2",
    motion_lengths=True,
    root="pelvis",
    heading="facing",
    frames_per_token=5,
    basis_components=128,
    max_frames=180,
    transition_frames=12,
    noise_scale=0.6,
)
WEIGHTS = LossWeights(kl_between=5e-4, kl_prior=5e-5, latent=1e-3, joints=1.0, velocity=0.2, contact=0.03)
BATCH_SIZE = 32
CURVES = ["basis_0", "text2motion_0", "text2motion_1", "motion2motion_0", "joints_0", "velocity_0", "contact_0"]
PAIR_SHARE = 0.35
CONSECUTIVE_SHARE = 0.6
VARIANTS = 40
#: The motion branch sees half of each batch: a third less computation.
MOTION_SHARE = 0.5
#: The first steps teach the text and the linear basis alone: a fifth of the computation, and the text comes first.
BASIS_STEPS = 7000


def main() -> None:
    """Read the arguments, train, write the checkpoint."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cmu", help="folder of the prepared CMU set (default: ACTIONGPT_CMU)")
    parser.add_argument("--out", type=Path, required=True, help="where state, curves and the checkpoint go")
    parser.add_argument("--steps", type=int, default=9_800)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves torch's own number")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    train(arguments.cmu, arguments.out, arguments.steps, arguments.seed)


def train(cmu: str | None, out: Path, steps: int, seed: int) -> Path:
    """Train, or go on, for `steps` optimiser steps in all; returns the checkpoint folder."""
    out.mkdir(parents=True, exist_ok=True)
    lightning.seed_everything(seed)
    clips = training_clips(CmuSet(cmu), max_frames=CONFIG.max_frames, variants=VARIANTS, seed=seed, progress=_LOG.info)
    last = out / "last.ckpt"
    done = _steps_done(last)
    drawn = seed + done  # going on must not repeat the first draws
    sampler = PairSampler(
        clips, gap=CONFIG.transition_frames, pair_share=PAIR_SHARE, consecutive_share=CONSECUTIVE_SHARE, seed=drawn
    )
    model = Teach(CONFIG)
    bank = TextBank(_descriptions(), model.text_encoder, drawn)
    _LOG.info("encoding texts")
    bank.encode_all([item.clip.texts for item in clips], out / "text_states.pt")
    if not last.is_file():
        _fit_statistics(model, sampler)
    optimiser = OptimiserSettings(total_steps=steps)
    module = TeachTraining(model, WEIGHTS, optimiser, motion_share=MOTION_SHARE, basis_steps=BASIS_STEPS)
    batches = PairBatches(sampler, bank, BATCH_SIZE, CONFIG.max_frames)
    trainer = _trainer(out, steps, done)
    loader: DataLoader[Any] = DataLoader(batches, batch_size=None, num_workers=1)
    trainer.fit(module, loader, ckpt_path=str(last) if last.is_file() else None)
    folder = model.eval().save(out / "checkpoint")
    plot_curves(out / "curves", folder / "curves.png", CURVES, "Training of the small TEACH checkpoint")
    _LOG.info("wrote %s", folder)
    return folder


def _steps_done(last: Path) -> int:
    return int(load_checkpoint(last)["global_step"]) if last.is_file() else 0


def _descriptions() -> dict[str, list[str]]:
    """The descriptions that ship."""
    text = files("actiongpt_core.text").joinpath("packs/default.json").read_text("utf-8")
    found: dict[str, list[str]] = json.loads(text)["descriptions"]
    return found


def _trainer(out: Path, steps: int, done: int) -> lightning.Trainer:
    keep = lightning.pytorch.callbacks.ModelCheckpoint(
        dirpath=out, filename="last", every_n_train_steps=250, enable_version_counter=False
    )
    return lightning.Trainer(
        max_steps=steps,
        accelerator="auto",
        devices=1,
        gradient_clip_val=OptimiserSettings().clip,
        callbacks=[keep],
        logger=lightning.pytorch.loggers.CSVLogger(out, name="curves", version=f"from_step_{done}"),
        log_every_n_steps=50,
        enable_model_summary=False,
    )


@torch.no_grad()
def _fit_statistics(model: Teach, sampler: PairSampler, count: int = 2500) -> None:
    """Mean and spread of the features, and the linear basis, from drawn clips."""
    drawn = [sampler.draw(CONFIG.max_frames).first.features for _ in range(count)]
    fitted = Normalizer.fit(torch.cat(drawn))
    model.normalizer = Normalizer(fitted.mean, _shared_spread(fitted.std))
    normalised = torch.stack([_held(model.normalizer.normalise(rows), CONFIG.max_frames) for rows in drawn])
    if model.motion_decoder.basis is not None:
        share = model.motion_decoder.basis.fit(normalised)
        _LOG.info("the linear basis holds %.0f %% of the variance", 100 * share)


def _shared_spread(std: torch.Tensor) -> torch.Tensor:
    """One spread for each joint's six numbers and one for the two planar velocities: no entry is blown up."""
    joints = std[3:].reshape(-1, 6).pow(2).mean(1).sqrt().clamp(min=0.05).repeat_interleave(6)
    return torch.cat([std[:1], std[1:3].pow(2).mean().sqrt().expand(2), joints])


def _held(features: torch.Tensor, num_frames: int) -> torch.Tensor:
    """(T, F) filled up to `num_frames` by its last row."""
    missing = num_frames - len(features)
    return torch.cat([features, features[-1:].expand(missing, -1)]) if missing > 0 else features


if __name__ == "__main__":
    main()
