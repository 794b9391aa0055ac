"""The shipped checkpoint's recipe: `python -m actiongpt_motionclip.recipe --cmu FOLDER --out FOLDER`.

One resumable command. It stops and goes on where it was, on whatever device there is; the result is a checkpoint
folder, `OUT/checkpoint`. Needs the extra `train`.
"""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from torch import Tensor

from actiongpt_core.data.cmu import CmuSet
from actiongpt_core.data.mixture import training_clips
from actiongpt_core.training.batches import ActionBatches, ActionSampler
from actiongpt_core.training.curves import plot_curves
from actiongpt_core.training.optimiser import OptimiserSettings
from actiongpt_core.training.runs import fit, run_recipe, shipped_descriptions, state_file, steps_done
from actiongpt_core.training.statistics import fit_basis, fit_coefficients, fit_normalizer
from actiongpt_core.training.text_bank import TextBank
from actiongpt_motionclip.config import MotionClipConfig
from actiongpt_motionclip.model import MotionClip
from actiongpt_motionclip.training import MotionClipTraining, SmallWeights

_LOG = logging.getLogger(__name__)

CONFIG = MotionClipConfig(
    latent_dim=384,
    text_dim=770,
    whiten=True,
    num_layers=2,
    ff_size=768,
    dropout=0.0,
    trained_frames=180,
    text_encoder="package:all-minilm-l6-v2",
    text_space="package:all-minilm-l6-v2/mean+max+sides",
    row_24="pelvis",
    root_orientation="decoded",
    frames_per_token=5,
    basis_components=128,
    basis_hidden=512,
    max_frames=180,
    transition_frames=12,
    strategy="normalise",  # measured: docs/explanation/language-layer-measured.md
    default_seconds=4.0,
)
BATCH_SIZE = 32
CURVES = ["basis", "text2motion", "motion2motion", "cosine", "joints", "velocity", "contact"]
VARIANTS = 40
#: The motion branch sees half of each batch: a third less computation.
MOTION_SHARE = 0.5
TEXT_NOISE = 0.1
#: The first steps teach the text and the basis alone: a fifth of the computation, and the text comes first.
BASIS_STEPS = 5000


def train(cmu: str | None, out: Path, steps: int, seed: int) -> Path:
    """Train, or go on, for `steps` optimiser steps in all; returns the checkpoint folder."""
    clips = training_clips(CmuSet(cmu), max_frames=CONFIG.max_frames, variants=VARIANTS, seed=seed, progress=_LOG.info)
    drawn = seed + steps_done(out)  # going on must not repeat the first draws
    model = MotionClip(CONFIG)
    sampler = ActionSampler(clips, lambda r, t: model.features.encode(with_hands(r), t), drawn)
    bank = TextBank(shipped_descriptions(), model.text_encoder, drawn)
    _LOG.info("encoding texts")
    bank.encode_all([item.clip.texts for item in clips], out / "text_states.pt")
    if not state_file(out).is_file():
        _fit_statistics(model, sampler, bank)
    optimiser = OptimiserSettings(total_steps=steps)
    module = MotionClipTraining(
        model, SmallWeights(), optimiser, motion_share=MOTION_SHARE, text_noise=TEXT_NOISE, basis_steps=BASIS_STEPS
    )
    fit(module, ActionBatches(sampler, bank, BATCH_SIZE, CONFIG.max_frames), out, optimiser)
    folder = model.eval().save(out / "checkpoint")
    plot_curves(out / "curves", folder / "curves.png", CURVES, "Training of the small MotionCLIP checkpoint")
    _LOG.info("wrote %s", folder)
    return folder


def with_hands(rotations: Tensor) -> Tensor:
    """Rotations of 22 joints (T, 22, 3, 3) and of two hands that do not move: (T, 24, 3, 3)."""
    return torch.cat([rotations, torch.eye(3).expand(len(rotations), 2, 3, 3)], dim=1)


def _fit_statistics(model: MotionClip, sampler: ActionSampler, bank: TextBank, count: int = 5000) -> None:
    """All that is not learned by steps, from drawn clips and tellings.

    Mean and spread of the features, the whitening of the texts, the linear basis, and its linear fit to the texts.
    """
    segments = [sampler.draw(CONFIG.max_frames) for _ in range(count)]
    clips = [segment.features for segment in segments]
    pooled = torch.stack([bank.draw(segment.texts).pooled for segment in segments])  # type: ignore[misc]
    model.normalizer = fit_normalizer(clips, model.features.groups)
    assert model.whitening is not None
    kept = model.whitening.fit(pooled)
    _LOG.info("the whitened texts hold %.1f %% of the variance", 100 * kept)
    if (basis := model.motion_decoder.basis) is not None:
        share = fit_basis(basis, clips, model.normalizer)
        _LOG.info("the linear basis holds %.0f %% of the variance", 100 * share)
        told = fit_coefficients(basis, model.text_latent(pooled), clips, model.normalizer)
        _LOG.info("the texts tell %.0f %% of it linearly", 100 * told)


if __name__ == "__main__":
    run_recipe(train, __doc__, 8_000)
