"""Aggregators: K encoded descriptions to one text. Pure functions on `TextFeatures`."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from actiongpt_core.errors import ShapeError
from actiongpt_core.types.text import TextFeatures


def mean(features: TextFeatures) -> TextFeatures:
    """The paper's aggregate: the mean over K, token by token, without a mask.

    Where a shorter description is padding, the state that the text model computed there counts like any other, so the
    result depends on the padded length of the group: encode the K descriptions of one action together.

    Args:
        features: tokens (K, L, C), mask (K, L), pooled (K, C) or None.

    Returns:
        tokens (L, C) = (h_0 + ... + h_{K-1}) / K; mask (L,), the union of the K masks; pooled (C,), the mean, or None.

    Raises:
        ShapeError: The features hold one text already.

    Source: Kalakonda et al., "Action-GPT", ICME 2023, section 3.3.
    """
    _require_group(features)
    pooled = None if features.pooled is None else _mean_of_rows(features.pooled)
    return TextFeatures(tokens=_mean_of_rows(features.tokens), mask=features.mask.any(dim=0), pooled=pooled)


def masked_mean(features: TextFeatures) -> TextFeatures:
    """The mean over those of the K descriptions that have a token at the position; ours, not the paper's.

    Args:
        features: tokens (K, L, C), mask (K, L), pooled (K, C) or None.

    Returns:
        tokens (L, C), zero where no description has a token; mask (L,), the union; pooled (C,), the mean, or None.

    Raises:
        ShapeError: The features hold one text already.
    """
    _require_group(features)
    weights = features.mask[..., None].to(features.tokens.dtype)
    # Zeroed by where, not by a product: 0 * inf at a padded position would be NaN.
    total = torch.where(features.mask[..., None], features.tokens, 0.0).sum(dim=0)
    pooled = None if features.pooled is None else _mean_of_rows(features.pooled)
    tokens = total / weights.sum(dim=0).clamp(min=1.0)
    return TextFeatures(tokens=tokens, mask=features.mask.any(dim=0), pooled=pooled)


def first(features: TextFeatures) -> TextFeatures:
    """The first description alone, without the padding that the others made necessary.

    Args:
        features: tokens (K, L, C), mask (K, L), pooled (K, C) or None.

    Returns:
        tokens (L', C), mask (L',), pooled (C,) or None, L' up to the first description's last token.

    Raises:
        ShapeError: The features hold one text already.
    """
    _require_group(features)
    mask = features.mask[0]
    length = int(mask.nonzero().max()) + 1 if bool(mask.any()) else len(mask)
    pooled = None if features.pooled is None else features.pooled[0]
    return attrs.evolve(features, tokens=features.tokens[0, :length], mask=mask[:length], pooled=pooled)


def _mean_of_rows(rows: Tensor) -> Tensor:
    """(K, ...) -> (...), summed in order and then divided, as the original computes it."""
    total = rows[0]
    for row in rows[1:]:
        total = total + row
    return total / len(rows)


def _require_group(features: TextFeatures) -> None:
    if features.tokens.ndim != 3:
        raise ShapeError(
            f"An aggregator needs K descriptions of an action, tokens (K, L, C); got {tuple(features.tokens.shape)}."
        )
