"""Training TEACH: presets, model, samples, losses."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from actiongpt_core.interfaces import DataSet
from actiongpt_core.training.config import TrainingConfig
from actiongpt_core.training.losses import VaeLosses
from actiongpt_core.training.recipe import Objective, Preset, Tell
from actiongpt_core.training.samples import Sampler
from actiongpt_core.training.segments import EpochSampling
from actiongpt_core.training.statistics import fit_statistics
from actiongpt_core.training.vae import encode_clip
from actiongpt_core.training.windows import single_actions
from actiongpt_teach.config import TeachConfig
from actiongpt_teach.model import Teach
from actiongpt_teach.objective import TeachObjective
from actiongpt_teach.pairs import PairMixture, PairSampler, PairWindows

#: What small models have in common: the embedded text model, clips turned beforehand, five frames a token.
_SMALL: dict[str, Any] = {
    "text_dim": 384,
    "text_encoder": "package:all-minilm-l6-v2",
    "motion_lengths": True,
    "root": "pelvis",
    "heading": "facing",
    "frames_per_token": 5,
    "max_frames": 180,
    "transition_frames": 12,
    "dropout": 0.0,
}

PRESETS = {
    "default": Preset(
        about="The checkpoint that ships: small, real and parametric clips in pairs, an hour on one CPU core.",
        model=TeachConfig(
            **_SMALL,
            latent_dim=192,
            text_layers=1,
            keyword_detectors=768,
            motion_layers=2,
            decoder_layers=3,
            ff_size=512,
            basis_components=128,
            strategy="normalise",  # measured: docs/explanation/language-layer-measured.md
            noise_scale=0.6,
        ),
        training=TrainingConfig(
            max_steps=9_800,
            batch_size=32,
            learning_rate=8e-4,
            schedule="warmup-decay",
            warmup_steps=200,
            decay_steps=2_000,
            gradient_clip=1.0,
            min_k=1,
            all_k_share=0.6,
            description_share=0.65,
            first_text_share=0.4,
        ),
        sampling=PairMixture(),
        objective=VaeLosses(
            kl_between=5e-4,
            kl_prior=5e-5,
            latent=1e-3,
            joints=1.0,
            velocity=0.2,
            contact=0.03,
            motion_share=0.5,
            basis_steps=7_000,
        ),
    ),
    "action-gpt": Preset(
        about="As Action-GPT trained it: released sizes, losses and optimiser; whole pairs of BABEL, 1003 epochs.",
        model=TeachConfig(padding="additive"),
        # 1003 epochs of 5672 pairs, the number of the archived run: 355 batches each.
        training=TrainingConfig(max_steps=1003 * 355, batch_size=16, learning_rate=7e-5, seed=42, states="float32"),
        sampling=EpochSampling(),
        objective=VaeLosses(),
    ),
    "tiny": Preset(
        about="A first try: 20 steps of a very small model, real clips only; seconds on a CPU.",
        model=TeachConfig(
            **_SMALL, latent_dim=32, text_layers=1, motion_layers=1, decoder_layers=1, ff_size=64, keyword_detectors=16
        ),
        training=TrainingConfig(max_steps=20, batch_size=8, learning_rate=2e-3, log_every=5),
        sampling=PairMixture(variants=0, statistics=64),
        objective=VaeLosses(),
    ),
}


class TeachRecipe:
    """What `actiongpt train --backbone teach` needs."""

    presets: Mapping[str, Preset] = PRESETS

    def build_model(self, config: TeachConfig) -> Teach:
        """A model with random weights."""
        return Teach(config)

    def sampler(self, preset: Preset, model: nn.Module, data: DataSet, split: str, seed: int) -> Sampler:
        """Windows of the mixture, alone and in pairs, or the whole pairs that the set knows.

        With the mixture, whole single segments of any other split.

        Raises:
            ConfigError: The set has no clip that can be used, or another frame rate.
        """
        config, sampling = preset.model, preset.sampling
        if isinstance(sampling, EpochSampling):
            return PairSampler(model, data, split, seed, sampling)
        limits: dict[str, Any] = {name: getattr(config, name) for name in ("fps", "min_frames", "max_frames")}
        if split == "train":
            return PairWindows(model, sampling.clips(data, **limits, seed=seed), seed, sampling)
        return single_actions(sampling, functools.partial(encode_clip, model), data, split, seed, **limits)

    def objective(self, preset: Preset, model: nn.Module) -> Objective:
        """The losses of TEACH."""
        return TeachObjective(model, preset.objective)

    @torch.no_grad()
    def fit_statistics(self, preset: Preset, model: nn.Module, sampler: Sampler, tell: Tell) -> None:
        """Mean and spread of the features, and the linear basis if there is one."""
        fit_statistics(model, sampler, preset.sampling.statistics)
