"""Differences between two cells that were measured on the same texts: how large, how sure, and after how many looks.

The unit is the text: all motions of one text are nearly one motion, so clips of the same text are drawn together.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from actiongpt_core.errors import ShapeError

Array = np.ndarray[Any, np.dtype[np.float64]]

DRAWS = 20_000
#: With so many texts or fewer every way to exchange the two cells is tried, with more DRAWS of them.
_ALL_SIGNS = 14
#: Below it an interval says more about the method than about the texts.
MIN_TEXTS = 5


@attrs.frozen(kw_only=True)
class Gain:
    """By how much a cell is better than its baseline; above 0 is better, whatever the measure."""

    value: float
    low_90: float
    high_90: float
    low_95: float
    high_95: float
    p: float  #: of so large a difference, either way, if the two cells were exchangeable
    num_texts: int


def paired_gain(
    better_by: Sequence[float],
    weights: Sequence[float],
    texts: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Gain:
    """The weighted mean of differences, its percentile intervals and its p-value, text by text.

    Args:
        better_by: For each item (a clip, a text) by how much the cell is better than the baseline.
        weights: What each item counts, such as its number of frames.
        texts: What each item was told by; items of one text are drawn, and exchanged, together.
        draws: Bootstrap samples.
        seed: Of the draws.

    Raises:
        ShapeError: The three differ in length, there is no item, or the weights are not positive.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 and 13; Fisher's sign-flip test.
    """
    if not len(better_by) == len(weights) == len(texts) or not len(texts):
        raise ShapeError(
            f"As many differences as weights and texts expected, one or more; got {len(better_by)}, {len(weights)} and "
            f"{len(texts)}."
        )
    if not all(weight > 0 for weight in weights):
        raise ShapeError("Every weight must be above 0.")
    names = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    rows = np.array([names[text] for text in texts])
    each = np.asarray(weights, dtype=np.float64)
    weight: Array = np.bincount(rows, each).astype(np.float64)
    total: Array = np.bincount(rows, np.asarray(better_by, dtype=np.float64) * each).astype(np.float64)
    counts, signs = _draws(len(names), draws, seed)
    drawn = (counts @ total) / (counts @ weight)
    low_95, low_90, high_90, high_95 = np.quantile(drawn, (0.025, 0.05, 0.95, 0.975)).tolist()
    return Gain(
        value=float(total.sum() / weight.sum()),
        low_90=low_90,
        high_90=high_90,
        low_95=low_95,
        high_95=high_95,
        p=_sign_flip(total, signs),
        num_texts=len(names),
    )


@functools.lru_cache(maxsize=4)
def _draws(count: int, draws: int, seed: int) -> tuple[Array, Array]:
    """How often each text is drawn, and its signs, (draws, count) each; shared by comparisons of so many texts."""
    rng = np.random.default_rng(seed)
    drawn: Array = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)
    if count <= _ALL_SIGNS:
        places = np.arange(2**count)[:, None] >> np.arange(count)
        every: Array = (1 - 2 * (places & 1)).astype(np.float64)
        return drawn, every
    # The way it was measured is one of the ways.
    signs = np.ones((draws + 1, count))
    signs[1:] = rng.choice((-1.0, 1.0), size=(draws, count))
    return drawn, signs


def _sign_flip(totals: Array, signs: Array) -> float:
    """How often the sum is as far from 0 when each text's share keeps or changes its sign by chance."""
    # Sums of the same numbers in another order differ in their last digits.
    limit = abs(totals.sum()) - 1e-9 * np.abs(totals).sum()
    return float((np.abs(signs @ totals) >= limit).mean())


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, raised by as many as were looked at; in the order given.

    Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 1979.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    raised, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min((len(p_values) - rank) * p_values[place], 1.0))
        raised[place] = highest
    return raised
