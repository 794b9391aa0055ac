"""How far numbers would differ on other clips of the same kind: bootstrap intervals over clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from actiongpt_core.errors import ShapeError

Array = np.ndarray[Any, np.dtype[np.float64]]

LEVEL = 0.95
DRAWS = 2000
#: Numbers of one block of draws; bounds the memory.
_BLOCK = 2**22


@attrs.frozen(kw_only=True)
class Interval:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


def intervals(
    columns: Mapping[str, Array], weights: Mapping[str, Array] | None = None, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Interval]:
    """Weighted mean of each column over clips, and the percentile interval of the bootstrap over clips.

    Clips are drawn with replacement, all numbers of a clip together: the same clips for every column. A number that is
    NaN (a clip that has none) is left out; a column without any is left out of the result.

    Args:
        columns: A number for each of N clips, (N,) each.
        weights: Of the clips, for the columns that weigh them, (N,); the others weigh all alike.
        draws: Sets of clips that are drawn.
        seed: Of the draws.

    Raises:
        ShapeError: The columns differ in length.

    Source: Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 1979.
    """
    known = {name: column for name, column in columns.items() if len(column) and not np.isnan(column).all()}
    if not known:
        return {}
    weight = _weights(known, weights or {})
    value = np.nan_to_num(np.stack(list(known.values()), axis=1)) * weight
    drawn = np.concatenate([_ratio(count @ value, count @ weight) for count in _counts(len(value), draws, seed)])
    rest = (1 - LEVEL) / 2
    low, high = np.nanquantile(drawn, (rest, 1 - rest), axis=0)
    middle = _ratio(value.sum(0), weight.sum(0))
    # Means of equal numbers differ in their last digits, by which a value could lie outside.
    bounds = zip(known, middle, np.minimum(low, middle), np.maximum(high, middle), strict=True)
    return {name: Interval(value=float(mid), low=float(lo), high=float(hi)) for name, mid, lo, hi in bounds}


def spread(interval: Interval, factor: float) -> Interval:
    """The interval with its bounds `factor` times as far from the value."""
    low, high = (interval.value + factor * (bound - interval.value) for bound in (interval.low, interval.high))
    return attrs.evolve(interval, low=low, high=high)


def _weights(columns: Mapping[str, Array], weights: Mapping[str, Array]) -> Array:
    lengths = {len(column) for column in [*columns.values(), *weights.values()]}
    if len(lengths) > 1:
        raise ShapeError(f"The columns of one bootstrap are of the same clips; they have {sorted(lengths)} rows.")
    rows = [~np.isnan(column) * weights.get(name, np.ones(len(column))) for name, column in columns.items()]
    return np.stack(rows, axis=1)


def _counts(clips: int, draws: int, seed: int) -> Any:
    """How often each clip was drawn, (draws of the block, N)."""
    rng = np.random.default_rng(seed)
    block = max(_BLOCK // clips, 1)
    for start in range(0, draws, block):
        yield rng.multinomial(clips, np.full(clips, 1 / clips), size=min(block, draws - start)).astype(np.float64)


def _ratio(above: Array, below: Array) -> Array:
    with np.errstate(invalid="ignore"):
        ratio: Array = above / below
    return ratio
