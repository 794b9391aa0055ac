"""Training TEMOS: presets, model, samples, losses. The shortest recipe of the three; start from it for your own."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from actiongpt_core.interfaces import DataSet
from actiongpt_core.training.config import TrainingConfig
from actiongpt_core.training.losses import reconstruction_loss
from actiongpt_core.training.recipe import Objective, Preset, Tell
from actiongpt_core.training.samples import Sampler
from actiongpt_core.training.segments import WholeSampling
from actiongpt_core.training.statistics import fit_statistics
from actiongpt_core.training.vae import VaeObjective, encode_clip
from actiongpt_core.training.windows import MixtureSampling, single_actions
from actiongpt_temos.config import TemosConfig
from actiongpt_temos.losses import TemosLosses, padded_reconstruction_loss
from actiongpt_temos.model import Temos

#: What small models have in common: the embedded text model, clips turned beforehand, five frames a token.
_SMALL: dict[str, Any] = {
    "text_dim": 384,
    "text_encoder": "package:all-minilm-l6-v2",
    "root": "pelvis",
    "canonicalise": False,
    "frames_per_token": 5,
    "max_frames": 180,
    "transition_frames": 12,
    "dropout": 0.0,
}

PRESETS = {
    "default": Preset(
        about="The checkpoint that ships: small, real and parametric clips, an hour on one CPU core.",
        model=TemosConfig(
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
            max_steps=10_500,
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
        sampling=MixtureSampling(),
        objective=TemosLosses(
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
        about="As Action-GPT trained it: released sizes, losses and optimiser; BABEL segments, 1003 epochs.",
        model=TemosConfig(padding="additive"),
        # 1003 epochs; for want of the number of segments, of as many batches as there are of TEACH's pairs.
        training=TrainingConfig(max_steps=1003 * 355, batch_size=16, learning_rate=7e-5, seed=42, states="float32"),
        sampling=WholeSampling(),
        objective=TemosLosses(kl_between=32e-5, kl_prior=32e-5, padded_mean=True),
    ),
    "tiny": Preset(
        about="A first try: 20 steps of a very small model, real clips only; seconds on a CPU.",
        model=TemosConfig(
            **_SMALL, latent_dim=32, text_layers=1, motion_layers=1, decoder_layers=1, ff_size=64, keyword_detectors=16
        ),
        training=TrainingConfig(max_steps=20, batch_size=8, learning_rate=2e-3, log_every=5),
        sampling=MixtureSampling(variants=0, statistics=64),
        objective=TemosLosses(),
    ),
}


class TemosRecipe:
    """What `actiongpt train --backbone temos` needs."""

    presets: Mapping[str, Preset] = PRESETS

    def build_model(self, config: TemosConfig) -> Temos:
        """A model with random weights."""
        return Temos(config)

    def sampler(self, preset: Preset, model: nn.Module, data: DataSet, split: str, seed: int) -> Sampler:
        """Windows of the mixture or whole segments of the training split; whole segments of any other.

        Raises:
            ConfigError: The set has no clip that can be used, or another frame rate.
        """
        config: TemosConfig = preset.model
        limits: dict[str, Any] = {name: getattr(config, name) for name in ("fps", "min_frames", "max_frames")}
        return single_actions(preset.sampling, functools.partial(encode_clip, model), data, split, seed, **limits)

    def objective(self, preset: Preset, model: nn.Module) -> Objective:
        """The losses of a text and motion VAE."""
        losses: TemosLosses = preset.objective
        mean = padded_reconstruction_loss if losses.padded_mean else reconstruction_loss
        return VaeObjective(model, losses, reconstruction=mean)

    @torch.no_grad()
    def fit_statistics(self, preset: Preset, model: nn.Module, sampler: Sampler, tell: Tell) -> None:
        """Mean and spread of the features, and the linear basis if there is one."""
        fit_statistics(model, sampler, preset.sampling.statistics)
