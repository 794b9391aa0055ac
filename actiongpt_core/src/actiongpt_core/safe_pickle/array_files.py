"""Read pickles of arrays without executing any of their code: plain ones, and those of joblib."""

from __future__ import annotations

import io
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actiongpt_core.errors import CheckpointError
from actiongpt_core.safe_pickle.allowed import ARRAYS, JOBLIB_ARRAY
from actiongpt_core.safe_pickle.builders import ArrayType, Global, StandIn, is_shape
from actiongpt_core.safe_pickle.machine import PickleMachine
from actiongpt_core.safe_pickle.streams import Stream, num_bytes_left, open_stream


def load_pickle(path: str | Path) -> Any:
    """The content of a plain pickle of arrays, such as a body file; python 2's are read too (Latin-1).

    Returns:
        Plain containers, numbers, text, numpy arrays (of objects too), and `StandIn` for objects of chumpy and scipy:
        `dense_array` makes arrays of those.

    Raises:
        CheckpointError: The file is missing, truncated, damaged, or names code ("refused: os.system").
    """
    return _load(Path(path), PickleMachine(allowed=ARRAYS))


def load_joblib(path: str | Path) -> Any:
    """The content of a file of `joblib.dump`: uncompressed, or compressed with zlib or gzip.

    Returns:
        Plain containers, numbers, text and numpy arrays (of objects too).

    Raises:
        CheckpointError: As `load_pickle`; or the file is compressed in another way, unfolds to far more than its
            size, or declares more data than it holds.
    """
    return _load(Path(path), PickleMachine(allowed=ARRAYS, finish=_read_inline))


def load_object_npy(path: str | Path) -> Any:
    """The object in a file of `numpy.save` that needs a pickle: a dictionary of arrays, for example.

    Returns:
        What `load_pickle` returns; for an array of one object that object.

    Raises:
        CheckpointError: As `load_pickle`, or the file is no `.npy` of objects.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"No file at {path}.")
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            dtype = read(file)[2]
            if not dtype.hasobject:
                raise CheckpointError("it holds an array of numbers, not of objects.")
            content = PickleMachine(allowed=ARRAYS).load(io.BytesIO(file.read()))
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is truncated or damaged ({error}). Get it again.") from None
    is_one = isinstance(content, np.ndarray) and content.shape == () and content.dtype.hasobject
    return content.item() if is_one else content


def _load(path: Path, machine: PickleMachine) -> Any:
    if not path.is_file():
        raise CheckpointError(f"No file at {path}.")
    try:
        with open_stream(path) as stream:
            return machine.load(stream)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except (OSError, zlib.error) as error:
        raise CheckpointError(f"{path} is truncated or damaged ({error}). Get it again.") from None


def _read_inline(wrapper: StandIn, machine: PickleMachine) -> Any:
    """The array that joblib has written behind its wrapper's state; any other stand-in is returned as it is."""
    if wrapper.name != JOBLIB_ARRAY:
        return wrapper
    state = wrapper.state if isinstance(wrapper.state, dict) else {}
    kind, shape, order = state.get("dtype"), state.get("shape"), state.get("order")
    is_known = isinstance(kind, ArrayType) and is_shape(shape) and order in ("C", "F")
    if not is_known or state.get("subclass") != Global("numpy.ndarray"):
        raise CheckpointError("refused: a joblib array that is not made of a dtype, a shape and an order.")
    assert isinstance(kind, ArrayType)
    assert isinstance(shape, tuple)
    if kind.dtype.hasobject:
        array = machine.load_nested()
        if not isinstance(array, np.ndarray) or array.shape != shape:
            raise CheckpointError("refused: a joblib array of objects that holds something else.")
        return array
    if state.get("numpy_array_alignment_bytes") is not None:  # joblib from 1.2 on: so many bytes of padding, and they
        machine.stream.read(int.from_bytes(machine.stream.read(1), "little"))
    return _read_numbers(machine.stream, kind.dtype, shape, "F" if order == "F" else "C")


def _read_numbers(stream: Stream, dtype: np.dtype[Any], shape: tuple[int, ...], order: Any) -> NDArray[Any]:
    num_bytes = math.prod(shape) * dtype.itemsize
    if num_bytes > num_bytes_left(stream):
        raise CheckpointError(
            f"refused: an array {shape} of {dtype} needs {num_bytes} bytes, more than the file has left. It is "
            "truncated, or made to fill the memory."
        )
    array = np.frombuffer(bytearray(stream.read(num_bytes)), dtype).reshape(shape, order=order)
    return array.astype(dtype.newbyteorder("="), copy=False)
