"""Dense numpy arrays from the stand-ins of chumpy's and scipy's arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actiongpt_core.errors import CheckpointError
from actiongpt_core.safe_pickle.allowed import CHUMPY_ARRAY, CHUMPY_SELECT, SCIPY_COLUMNS
from actiongpt_core.safe_pickle.builders import StandIn, is_shape

_MAX_DEPTH = 8  #: selections of selections; files have one
_MAX_NUMBERS = 1 << 24  #: of a sparse matrix made dense; the largest of a body file has 6e5


def dense_array(value: Any) -> NDArray[Any]:
    """The array that an entry of a body file stands for.

    Args:
        value: A numpy array; or a stand-in of `chumpy.Ch` (its values), of chumpy's `Select` (chosen values of another,
            in a shape), or of scipy's `csc_matrix`.

    Raises:
        CheckpointError: It is something else, or its parts do not fit each other.
    """
    try:
        return _dense(value, _MAX_DEPTH)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError) as error:
        raise CheckpointError(f"refused: a stored array whose parts do not fit ({error}).") from None


def _dense(value: Any, depth: int) -> NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, StandIn) and isinstance(value.state, dict) and depth:
        if value.name == CHUMPY_ARRAY:
            return _dense(value.state["x"], depth - 1)
        if value.name == CHUMPY_SELECT:
            return _select(value.state, depth - 1)
        if value.name in SCIPY_COLUMNS:
            return _columns(value.state)
    name = value.name if isinstance(value, StandIn) else type(value).__name__
    raise CheckpointError(f"refused: a {name} where an array is needed.")


def _select(state: dict[str, Any], depth: int) -> NDArray[Any]:
    chosen = _dense(state["a"], depth).ravel()[_dense(state["idxs"], depth)]
    return chosen.reshape(state["preferred_shape"]) if "preferred_shape" in state else chosen


def _columns(state: dict[str, Any]) -> NDArray[Any]:
    """Compressed columns: column j holds data[starts[j]:starts[j + 1]] in the rows that `indices` tells."""
    shape = state["_shape"] if "_shape" in state else state["shape"]
    data, rows, starts = (_dense(state[name], 1) for name in ("data", "indices", "indptr"))
    if not is_shape(shape) or len(shape) != 2 or math.prod(shape) > _MAX_NUMBERS:
        raise CheckpointError(f"refused: a sparse matrix of shape {str(shape)[:80]}.")
    counts = np.diff(starts)
    is_fit = len(starts) == shape[1] + 1 and not starts[0] and starts[-1] == len(rows) == len(data)
    is_plain = data.dtype.kind in "fiu" and rows.dtype.kind == starts.dtype.kind == "i"
    is_inside = is_fit and is_plain and (counts >= 0).all() and ((rows >= 0) & (rows < shape[0])).all()
    if not is_inside:
        raise CheckpointError("refused: a sparse matrix whose entries do not fit its shape.")
    columns = np.repeat(np.arange(shape[1]), counts)
    dense = np.zeros(shape, data.dtype)
    np.add.at(dense, (rows, columns), data)
    return dense
