"""The shipped checkpoint's recipe: `python -m actiongpt_teach.recipe --cmu FOLDER --out FOLDER`.

One resumable command. It stops and goes on where it was, on whatever device there is; the result is a checkpoint
folder, `OUT/checkpoint`. Needs the extra `train`.
"""

from __future__ import annotations

import logging
from pathlib import Path

from actiongpt_core.data.cmu import CmuSet
from actiongpt_core.data.mixture import training_clips
from actiongpt_core.training.curves import plot_curves
from actiongpt_core.training.losses import LossWeights
from actiongpt_core.training.optimiser import OptimiserSettings
from actiongpt_core.training.runs import fit, run_recipe, shipped_descriptions, state_file, steps_done
from actiongpt_core.training.statistics import fit_statistics
from actiongpt_core.training.text_bank import TextBank
from actiongpt_teach.config import TeachConfig
from actiongpt_teach.model import Teach
from actiongpt_teach.pairs import PairSampler
from actiongpt_teach.training import PairBatches, TeachTraining

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
    strategy="normalise",  # measured: docs/explanation/language-layer-measured.md
    noise_scale=0.6,
)
WEIGHTS = LossWeights(kl_between=5e-4, kl_prior=5e-5, latent=1e-3, joints=1.0, velocity=0.2, contact=0.03)
BATCH_SIZE = 32
CURVES = ["basis", "text2motion_0", "text2motion_1", "motion2motion_0", "joints_0", "velocity_0", "contact_0"]
PAIR_SHARE = 0.35
CONSECUTIVE_SHARE = 0.6
VARIANTS = 40
#: The motion branch sees half of each batch: a third less computation.
MOTION_SHARE = 0.5
#: The first steps teach the text and the linear basis alone: a fifth of the computation, and the text comes first.
BASIS_STEPS = 7000


def train(cmu: str | None, out: Path, steps: int, seed: int) -> Path:
    """Train, or go on, for `steps` optimiser steps in all; returns the checkpoint folder."""
    clips = training_clips(CmuSet(cmu), max_frames=CONFIG.max_frames, variants=VARIANTS, seed=seed, progress=_LOG.info)
    drawn = seed + steps_done(out)  # going on must not repeat the first draws
    sampler = PairSampler(
        clips, gap=CONFIG.transition_frames, pair_share=PAIR_SHARE, consecutive_share=CONSECUTIVE_SHARE, seed=drawn
    )
    model = Teach(CONFIG)
    bank = TextBank(shipped_descriptions(), model.text_encoder, drawn)
    _LOG.info("encoding texts")
    bank.encode_all([item.clip.texts for item in clips], out / "text_states.pt")
    if not state_file(out).is_file():
        fit_statistics(model, sampler)
    optimiser = OptimiserSettings(total_steps=steps)
    module = TeachTraining(model, WEIGHTS, optimiser, motion_share=MOTION_SHARE, basis_steps=BASIS_STEPS)
    fit(module, PairBatches(sampler, bank, BATCH_SIZE, CONFIG.max_frames), out, optimiser)
    folder = model.eval().save(out / "checkpoint")
    plot_curves(out / "curves", folder / "curves.png", CURVES, "Training of the small TEACH checkpoint")
    _LOG.info("wrote %s", folder)
    return folder


if __name__ == "__main__":
    run_recipe(train, __doc__, 9_800)
