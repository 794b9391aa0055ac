"""Training MotionCLIP: presets, model, samples, losses."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import DataSet
from actiongpt_core.training.config import TrainingConfig
from actiongpt_core.training.recipe import Objective, Preset, Tell
from actiongpt_core.training.samples import Sampler
from actiongpt_core.training.statistics import fit_basis, fit_coefficients, fit_normalizer
from actiongpt_core.training.windows import MixtureSampling, WindowSampler, single_actions
from actiongpt_core.types.motion import Motion
from actiongpt_motionclip.config import MotionClipConfig
from actiongpt_motionclip.losses import MotionClipLosses
from actiongpt_motionclip.model import MotionClip
from actiongpt_motionclip.objective import MotionClipObjective
from actiongpt_motionclip.windows import FrameSampler, FrameSampling, encode_frames

_LOG = logging.getLogger(__name__)
_TELLINGS = 64  # texts that are told at once

#: What small models have in common: the embedded text model, clips that face one way, five frames a token.
_SMALL: dict[str, Any] = {
    "text_dim": 770,
    "whiten": True,
    "dropout": 0.0,
    "trained_frames": 180,
    "text_encoder": "package:all-minilm-l6-v2",
    "text_space": "package:all-minilm-l6-v2/mean+max+sides",
    "row_24": "pelvis",
    "root_orientation": "decoded",
    "frames_per_token": 5,
    "max_frames": 180,
    "transition_frames": 12,
    "default_seconds": 4.0,
}
_NO_PUBLISHED_TERMS: dict[str, Any] = dict.fromkeys(("rc", "rcxyz", "vel", "image_cosine"), 0.0)

PRESETS = {
    "default": Preset(
        about="The checkpoint that ships: small, real and parametric clips, half an hour on one CPU core.",
        model=MotionClipConfig(
            **_SMALL,
            latent_dim=384,
            num_layers=2,
            ff_size=768,
            basis_components=128,
            basis_hidden=512,
            strategy="normalise",  # measured: docs/explanation/language-layer-measured.md
        ),
        training=TrainingConfig(
            max_steps=8_000,
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
        sampling=MixtureSampling(statistics=5_000),
        objective=MotionClipLosses(
            **_NO_PUBLISHED_TERMS,
            text_cosine=0.1,
            text_mse=0.01,
            reconstruction=1.0,
            joints=1.0,
            velocity=0.2,
            contact=0.03,
            motion_share=0.5,
            text_noise=0.1,
            basis_steps=5_000,
        ),
    ),
    "action-gpt": Preset(
        about="As Action-GPT trained it: released sizes, losses and optimiser; 60 of 100 frames, 100 epochs.",
        model=MotionClipConfig(),
        # 100 epochs. How many windows the original had is not known: 20,000 of them stand for an epoch.
        training=TrainingConfig(max_steps=100 * 1_000, batch_size=20, learning_rate=1e-4, seed=10, states="float32"),
        sampling=FrameSampling(),
        objective=MotionClipLosses(),
    ),
    "tiny": Preset(
        about="A first try: 20 steps of a very small model, real clips only; seconds on a CPU.",
        model=MotionClipConfig(**_SMALL, latent_dim=32, num_layers=1, ff_size=64),
        training=TrainingConfig(max_steps=20, batch_size=8, learning_rate=2e-3, log_every=5),
        sampling=MixtureSampling(variants=0, statistics=64),
        objective=MotionClipLosses(**_NO_PUBLISHED_TERMS, text_cosine=0.1, reconstruction=1.0),
    ),
}


class MotionClipRecipe:
    """What `actiongpt train --backbone motionclip` needs."""

    presets: Mapping[str, Preset] = PRESETS

    def build_model(self, config: MotionClipConfig) -> MotionClip:
        """A model with random weights."""
        return MotionClip(config)

    def sampler(self, preset: Preset, model: nn.Module, data: DataSet, split: str, seed: int) -> Sampler:
        """Windows of the mixture (of any split but that of training whole segments), or frames of windows.

        Raises:
            ConfigError: The set has no clip that can be used, another frame rate, or no vectors of images where terms
                are about them.
        """
        assert isinstance(model, MotionClip)
        config, sampling = model.config, preset.sampling
        if isinstance(sampling, FrameSampling):
            sampler = FrameSampler(model, data, split, seed, sampling)
            if any(preset.objective.latent_factors("image").values()):
                sampler.require_images()
            return sampler

        def encode(rotations: Tensor, translation: Tensor) -> Tensor:
            return encode_frames(model, Motion(rotations=rotations, translation=translation, fps=config.fps))

        limits: dict[str, Any] = {name: getattr(config, name) for name in ("fps", "min_frames", "max_frames")}
        return single_actions(sampling, encode, data, split, seed, **limits)

    def objective(self, preset: Preset, model: nn.Module) -> Objective:
        """The losses of MotionCLIP."""
        assert isinstance(model, MotionClip)
        return MotionClipObjective(model, preset.objective)

    @torch.no_grad()
    def fit_statistics(self, preset: Preset, model: nn.Module, sampler: Sampler, tell: Tell) -> None:
        """All that is not learned by steps, from drawn clips and tellings; published models have nothing of it.

        Mean and spread of the features, the whitening of the texts, the linear basis, and its linear fit to the texts.

        Raises:
            ConfigError: The model has parts to fit, and the sampler is the published one, which does not suit them.
        """
        assert isinstance(model, MotionClip)
        if not isinstance(sampler, WindowSampler):
            if model.whitening is not None or model.motion_decoder.basis is not None:
                raise ConfigError(
                    "Whitening and the linear basis are fitted to the mixture of the presets default and tiny: start "
                    "from one of them, or set model.whiten=false and model.basis_components=0."
                )
            return
        count, device = preset.sampling.statistics, model.normalizer.mean.device
        actions = [sampler.single(index, model.max_frames) for index in range(count)]
        clips, pooled = [action.features for action in actions], []
        for start in range(0, count, _TELLINGS):
            rows = range(start, min(start + _TELLINGS, count))
            pooled += [_pooled(text.pooled) for text in tell([actions[row] for row in rows], rows)]
        normalizer = fit_normalizer(clips, model.features.groups)
        if model.whitening is not None:
            kept = model.whitening.fit(torch.stack(pooled))
            _LOG.info("the whitened texts hold %.1f %% of the variance", 100 * kept)
        if (basis := model.motion_decoder.basis) is not None:
            share = fit_basis(basis, clips, normalizer)
            _LOG.info("the linear basis holds %.0f %% of the variance", 100 * share)
            latents = model.text_latent(torch.stack(pooled).to(device)).cpu()
            told = fit_coefficients(basis, latents, clips, normalizer)
            _LOG.info("the texts tell %.0f %% of it linearly", 100 * told)
        model.normalizer = normalizer.to(device)


def _pooled(vector: Tensor | None) -> Tensor:
    if vector is None:
        raise ConfigError("This backbone reads one pooled vector a text, and the aggregator gave none: take 'mean'.")
    return vector.float().cpu()
