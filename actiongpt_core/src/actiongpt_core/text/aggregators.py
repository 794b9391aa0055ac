"""Aggregators: K encoded descriptions to one text. They compute on `TextFeatures` and keep nothing."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError, ShapeError
from actiongpt_core.types.text import TextFeatures

#: Measured on the descriptions that ship (docs/explanation/averaging.md): lower, and one description decides alone;
#: higher, and a description of something else counts nearly as much as the others.
_TEMPERATURE = 0.1


def _is_positive(_: object, __: object, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ConfigError(f"The temperature of the weights must be a number above 0, got {value!r}.")


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


def concat(features: TextFeatures) -> TextFeatures:
    """All descriptions one after the other, each without its padding: nothing is averaged but the pooled vectors.

    Special tokens stay, so that those that begin and end a text mark the K segments.

    Args:
        features: tokens (K, L, C), mask (K, L), pooled (K, C) or None.

    Returns:
        tokens (L_0 + ... + L_{K-1}, C), mask all true; pooled (C,), the mean, or None.

    Raises:
        ShapeError: The features hold one text already.
    """
    _require_group(features)
    tokens = features.tokens[features.mask]
    pooled = None if features.pooled is None else _mean_of_rows(features.pooled)
    return TextFeatures(tokens=tokens, mask=features.mask.new_ones(len(tokens)), pooled=pooled)


@attrs.frozen
class Weighted:
    """The mean over K, each description weighted by how near it is to the phrase in the text model's space.

    The weights are the softmax of cosine / temperature, cosine between the pooled vectors of description and phrase; a
    text model without pooled vectors is compared by the means of its real token states. Padding counts as in `mean`,
    which this is when all descriptions are equally near.

    Attributes:
        temperature: Above 0; the higher, the more equal the weights.
    """

    temperature: float = attrs.field(default=_TEMPERATURE, validator=_is_positive)
    needs_phrase = True

    def __call__(self, features: TextFeatures, phrase: TextFeatures | None = None) -> TextFeatures:
        """One text of K.

        Args:
            features: tokens (K, L, C), mask (K, L), pooled (K, C) or None.
            phrase: The action's phrase, by the same text model: tokens (L', C), mask (L',), pooled (C,) or None.

        Returns:
            tokens (L, C), weighted; mask (L,), the union; pooled (C,), weighted, or None.

        Raises:
            ConfigError: There is no phrase.
            ShapeError: The features hold one text already, or the phrase several, or they are of two text models.
        """
        weights = self.weights(features, phrase)
        pooled = None if features.pooled is None else _weighted_sum(weights, features.pooled)
        return TextFeatures(
            tokens=_weighted_sum(weights, features.tokens), mask=features.mask.any(dim=0), pooled=pooled
        )

    def weights(self, features: TextFeatures, phrase: TextFeatures | None) -> Tensor:
        """What each description counts, (K,), sum 1. Arguments and errors as of the call."""
        _require_group(features)
        if phrase is None:
            raise ConfigError(
                "The aggregator 'weighted' compares the descriptions with the action's phrase, and there is none: call "
                "it with phrase=, the phrase's TextFeatures, or take 'mean'. A Pipeline gives it the phrase."
            )
        _require_phrase(features, phrase)
        if features.pooled is not None and phrase.pooled is not None:
            texts, wanted = features.pooled, phrase.pooled
        else:
            texts, wanted = _mean_state(features), _mean_state(phrase)
        cosines = torch.nn.functional.cosine_similarity(texts, wanted[None], dim=-1)
        return torch.softmax(cosines / self.temperature, dim=0)


#: The aggregator with the temperature that was measured.
weighted = Weighted()


def _weighted_sum(weights: Tensor, rows: Tensor) -> Tensor:
    """Weights (K,), rows (K, ...) -> (...)."""
    return torch.tensordot(weights.to(rows.dtype), rows, dims=1)


def _mean_state(features: TextFeatures) -> Tensor:
    """The mean of each text's own token states, (..., L, C) -> (..., C)."""
    real = features.mask[..., None]
    total = torch.where(real, features.tokens, 0.0).sum(dim=-2)
    return total / real.sum(dim=-2).clamp(min=1)


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


def _require_phrase(features: TextFeatures, phrase: TextFeatures) -> None:
    if phrase.tokens.ndim != 2 or phrase.tokens.shape[-1] != features.tokens.shape[-1]:
        raise ShapeError(
            f"The phrase must be one text of the same text model as the descriptions, tokens (L, "
            f"{features.tokens.shape[-1]}); got {tuple(phrase.tokens.shape)}."
        )
