"""Statistics of training clips that a model keeps with its weights."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from actiongpt_core.features.base import Normalizer
from actiongpt_core.nn.basis import MotionBasis
from actiongpt_core.training.batches import ActionSampler

_LOG = logging.getLogger(__name__)


def fit_statistics(model: Any, sampler: ActionSampler, count: int = 2500) -> None:
    """Mean and spread of the features, and the linear basis if there is one, from drawn clips.

    Args:
        model: Has `features`, `normalizer`, `max_frames` and `motion_decoder` with its `basis` or None.
        sampler: Draws the clips.
        count: How many.
    """
    clips = [sampler.draw(model.max_frames).features for _ in range(count)]
    model.normalizer = fit_normalizer(clips, model.features.groups)
    if model.motion_decoder.basis is not None:
        share = fit_basis(model.motion_decoder.basis, clips, model.normalizer)
        _LOG.info("the linear basis holds %.0f %% of the variance", 100 * share)


def fit_normalizer(clips: Sequence[Tensor], groups: Sequence[int], min_std: float = 0.05) -> Normalizer:
    """Mean of every feature, and one spread for each group of features: no entry that hardly moves is blown up.

    Args:
        clips: Features that are not normalised, (T_i, F) each.
        groups: Sizes of the groups of consecutive features, F in all; a group of one keeps its own spread.
        min_std: Least spread of a group of several.
    """
    fitted = Normalizer.fit(torch.cat(list(clips)))
    spreads = [
        part if len(part) == 1 else part.pow(2).mean().sqrt().clamp(min=min_std).expand(len(part))
        for part in fitted.std.split(list(groups))
    ]
    return Normalizer(fitted.mean, torch.cat(spreads))


@torch.no_grad()
def fit_basis(basis: MotionBasis, clips: Sequence[Tensor], normalizer: Normalizer) -> float:
    """Fit a linear basis to clips, each held at its last frame up to the basis's length; the share of variance."""
    return basis.fit(_stacked(basis, clips, normalizer))


@torch.no_grad()
def fit_coefficients(
    basis: MotionBasis, latents: Tensor, clips: Sequence[Tensor], normalizer: Normalizer, ridge: float = 1e-2
) -> float:
    """Start a fitted basis from the best linear map of latents to its coefficients (ridge regression).

    Args:
        basis: Fitted.
        latents: One for each clip, (N, D), about unit spread.
        clips: (T_i, F) each, not normalised.
        normalizer: Of the features.
        ridge: Weight of the penalty, in units of the latents' variance.

    Returns:
        The share of the coefficients' variance that the latents explain.
    """
    flat = (_stacked(basis, clips, normalizer) - basis.mean).flatten(1)
    wanted = flat @ torch.linalg.pinv(basis.components.flatten(1))
    centre, bias = latents.mean(0), wanted.mean(0)
    x, y = latents - centre, wanted - bias
    penalty = ridge * len(x) * torch.eye(x.shape[1], device=x.device)
    weights = torch.linalg.solve(x.T @ x + penalty, x.T @ y)
    basis.coefficients.weight.copy_(weights.T)
    basis.coefficients.bias.copy_(bias - centre @ weights)
    return float(1 - ((x @ weights - y) ** 2).sum() / (y**2).sum())


def _stacked(basis: MotionBasis, clips: Sequence[Tensor], normalizer: Normalizer) -> Tensor:
    """Normalised clips (N, T, F), each held at its last frame up to the basis's length."""
    num_frames = basis.components.shape[1]
    return torch.stack([_held(normalizer.normalise(clip), num_frames) for clip in clips])


def _held(features: Tensor, num_frames: int) -> Tensor:
    """(T, F) filled up to `num_frames` by its last row."""
    missing = num_frames - len(features)
    return torch.cat([features, features[-1:].expand(missing, -1)]) if missing > 0 else features
