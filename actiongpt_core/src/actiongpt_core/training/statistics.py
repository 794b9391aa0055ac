"""Statistics of training clips that a model keeps with its weights."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError
from actiongpt_core.features.base import Normalizer
from actiongpt_core.nn.basis import MotionBasis
from actiongpt_core.training.samples import ActionSample
from actiongpt_core.training.windows import WindowSampler

_LOG = logging.getLogger(__name__)


def fit_statistics(model: Any, sampler: Any, count: int) -> None:
    """Mean and spread of the features, and the linear basis if there is one.

    Of an endless mixture: windows as long as they come, one spread for each group of numbers with one unit (see
    `fit_normalizer`). Of whole clips: all their frames, each number with its own spread, as in the originals.

    Args:
        model: Has `features`, `normalizer`, `max_frames` and `motion_decoder` with its `basis` or None.
        sampler: A `WindowSampler`, or a sampler of whole clips with `num_samples`.
        count: How many windows, or at most how many samples of an epoch.
    """
    if isinstance(sampler, WindowSampler):
        clips = [sampler.single(index, model.max_frames).features for index in range(count)]
        fitted = fit_normalizer(clips, model.features.groups)
    else:
        fitted = fit_frames(action.features for action in whole_actions(sampler, count))
        clips = []
    if (basis := model.motion_decoder.basis) is not None:
        clips = clips or [action.features for action in whole_actions(sampler, count)]
        share = fit_basis(basis, clips, fitted)
        _LOG.info("the linear basis holds %.0f %% of the variance", 100 * share)
    model.normalizer = fitted.to(model.normalizer.mean.device)


def whole_actions(sampler: Any, most: int) -> Iterator[ActionSample]:
    """The actions of an epoch of whole clips, of so many samples at most."""
    for step in range(min(sampler.num_samples, most)):
        for sample in sampler.draw(step, 1, [0]):
            yield from sample.actions


def fit_frames(clips: Iterable[Tensor], min_std: float = 1e-3) -> Normalizer:
    """Mean and spread of every feature over all frames of clips, read one by one.

    Args:
        clips: Features that are not normalised, (T_i, F) each.
        min_std: Least spread.
    """
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for clip in clips:
        frames = clip.double()
        count, total, squares = count + len(frames), total + frames.sum(0), squares + frames.square().sum(0)
    mean = total / count
    variance = (squares / count - mean.square()).clamp(min=0) * count / max(count - 1, 1)
    return Normalizer(mean, variance.sqrt().clamp(min=min_std))


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
    """Fit a linear basis to clips, each held at its last frame up to the basis's length; the share of variance.

    Raises:
        ConfigError: There are fewer clips than components.
    """
    if len(clips) < len(basis.components):
        raise ConfigError(
            f"{len(clips)} clips cannot make a linear basis of {len(basis.components)} components: set "
            "model.basis_components to fewer (0 for no basis), or take more data."
        )
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
