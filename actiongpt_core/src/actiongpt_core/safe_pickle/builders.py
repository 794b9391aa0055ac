"""Functions of ours that make plain data from the plain arguments in a pickle.

They stand where a pickle names torch's, numpy's and Python's own constructors. Each checks what it is given: a file
may call them with anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import attrs
import numpy as np
import torch

from actiongpt_core.errors import CheckpointError


@attrs.frozen
class Global:
    """The name of a class or function in a pickle, not the thing itself."""

    name: str  #: module and name, joined by a dot


@attrs.define(eq=False)
class StandIn:
    """What remains of a foreign object: its class's name, its stored arguments and state. It does nothing."""

    name: str
    args: tuple[Any, ...] = ()
    state: Any = None


@attrs.frozen(eq=False)
class Storage:
    """The numbers behind one or more tensors."""

    values: torch.Tensor  #: one axis


@attrs.define(eq=False)
class ArrayType:
    """A numpy dtype on its way: the pickle tells the byte order after the kind."""

    dtype: np.dtype[Any]


_PLAIN_DTYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248]|c8|c16|[SU][0-9]{1,4})")


def require_key(value: Any) -> Any:
    """A value that may be a key of a dict or a member of a set.

    Hashing nested tuples can take for ever, so only flat ones are taken.

    Raises:
        CheckpointError: It is something else.
    """
    items = value if isinstance(value, tuple) else (value,)
    plain = (str, int, float, bool, bytes, complex, Global, PurePosixPath, PureWindowsPath, torch.dtype)
    if not all(item is None or isinstance(item, plain) for item in items):
        raise CheckpointError(f"refused: a {type(value).__name__} as the key of a dict or member of a set.")
    return value


def rebuild_tensor(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False, hooks: Any = None, extra: Any = None
) -> torch.Tensor:
    """A view of a storage that stays inside it."""
    if not isinstance(storage, Storage) or not isinstance(size, tuple) or not isinstance(stride, tuple):
        raise CheckpointError("refused: a tensor that is not made of a storage, a size and a stride.")
    numbers = (offset, *size, *stride)
    if len(size) != len(stride) or any(type(number) is not int or number < 0 for number in numbers):
        raise CheckpointError("refused: a tensor whose offset, size or stride is not made of non-negative integers.")
    held, count = storage.values.numel(), math.prod(size)
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if count and (last >= held or count > held):
        raise CheckpointError(f"refused: a tensor that reaches outside its storage of {held} values.")
    return storage.values.as_strided(size, stride, offset) if count else storage.values.new_empty(size)


def rebuild_parameter(data: Any, requires_grad: Any = True, hooks: Any = None) -> torch.Tensor:
    """A parameter's tensor."""
    if not isinstance(data, torch.Tensor):
        raise CheckpointError("refused: a parameter that is not made of a tensor.")
    return data


def array_type(kind: Any, align: Any = False, copy: Any = True) -> ArrayType:
    """A numpy dtype of numbers, booleans or text."""
    if not isinstance(kind, str) or not _PLAIN_DTYPE.fullmatch(kind):
        raise CheckpointError(f"refused: numpy dtype {str(kind)[:40]!r}; only numbers, booleans and text are read.")
    return ArrayType(np.dtype(kind))


def any_array_type(kind: Any, align: Any = False, copy: Any = True) -> ArrayType:
    """A numpy dtype as `array_type` takes it, or that of Python objects, which are read like the rest of the file."""
    return ArrayType(np.dtype(object)) if kind in ("O", "O8") else array_type(kind, align, copy)


def array_scalar(kind: Any, data: Any) -> Any:
    """One numpy number."""
    data = latin1_bytes(data)
    is_plain = isinstance(kind, ArrayType) and not kind.dtype.hasobject
    if not is_plain or not isinstance(data, bytes) or len(data) != kind.dtype.itemsize:
        raise CheckpointError("refused: a numpy scalar that is not made of a dtype and its bytes.")
    return np.frombuffer(data, kind.dtype)[0]


def empty_array(kind: Any, shape: Any = (0,), code: Any = b"b") -> np.ndarray[Any, Any]:
    """An array to be filled in by its state."""
    if kind != Global("numpy.ndarray"):
        raise CheckpointError("refused: numpy _reconstruct of something else than numpy.ndarray.")
    return np.empty(0, np.int8)


def build_array(target: Any, state: Any) -> None:
    """Fill a numpy array or dtype in from its pickled state.

    Raises:
        CheckpointError: The state is not that of an array of plain numbers.
    """
    if isinstance(target, ArrayType):
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if not isinstance(order, str) or order not in ("<", ">", "=", "|"):
            raise CheckpointError("refused: a numpy dtype with an unknown state.")
        target.dtype = target.dtype if order in "=|" else target.dtype.newbyteorder("<" if order == "<" else ">")
        return
    if not (isinstance(state, tuple) and len(state) == 5 and isinstance(state[2], ArrayType)):
        raise CheckpointError("refused: a numpy array with an unknown state.")
    _, shape, kind, is_fortran, data = state
    data = latin1_bytes(data)
    _require_fit(shape, kind, data)
    target.__setstate__((1, shape, kind.dtype, is_fortran is True, data))


def array_of_bytes(data: Any, kind: Any, shape: Any, order: Any = "C") -> np.ndarray[Any, Any]:
    """A numpy array as protocol 5 writes it.

    Raises:
        CheckpointError: The shape does not fit the bytes.
    """
    if not isinstance(kind, ArrayType) or not isinstance(data, (bytes, bytearray)):
        raise CheckpointError("refused: a numpy array that is not made of bytes and a dtype.")
    _require_fit(shape, kind, data)
    return np.frombuffer(data, kind.dtype).reshape(shape, order="F" if order == "F" else "C")


def latin1_bytes(data: Any) -> Any:
    """Python 2 wrote bytes as text; they were read as Latin-1. Anything but text is returned as it is."""
    return data.encode("latin1") if isinstance(data, str) else data


def is_shape(shape: Any) -> bool:
    """Is it a tuple of sizes?"""
    return isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)


def _require_fit(shape: Any, kind: ArrayType, data: Any) -> None:
    # Bytes would be taken for addresses of objects: such an array is filled from a list, and from nothing else.
    is_data = isinstance(data, list if kind.dtype.hasobject else (bytes, bytearray))
    unit = 1 if kind.dtype.hasobject else kind.dtype.itemsize
    if not is_shape(shape) or not is_data or math.prod(shape) * unit != len(data):
        raise CheckpointError("refused: a numpy array whose shape does not fit its bytes.")


def plain_dict(items: Any = ()) -> dict[Any, Any]:
    """A dict; also for ordered dicts and counters."""
    if isinstance(items, dict):
        return items
    pairs = [pair for pair in _members(items) if isinstance(pair, (list, tuple))]
    return {require_key(key): value for key, value in pairs}


def default_dict(factory: Any = None, items: Any = ()) -> dict[Any, Any]:
    """A dict without its factory."""
    return plain_dict(items)


def plain_list(items: Any = (), max_length: Any = None) -> list[Any]:
    """A list; also for deques."""
    return list(_members(items))


def plain_set(items: Any = ()) -> set[Any]:
    """A set of flat members."""
    return {require_key(item) for item in _members(items)}


def plain_frozenset(items: Any = ()) -> frozenset[Any]:
    """A frozen set of flat members."""
    return frozenset(plain_set(items))


def plain_tuple(items: Any = ()) -> tuple[Any, ...]:
    """A tuple; also for torch sizes."""
    return tuple(_members(items))


def _members(items: Any) -> Iterable[Any]:
    if not isinstance(items, (list, tuple, set, frozenset)):
        raise CheckpointError(f"refused: a container made from a {type(items).__name__}.")
    return items


def plain_bytes(text: Any = "", encoding: Any = "latin1") -> bytes:
    """Bytes that protocol 2 wrote as text in latin-1. `bytes(n)` would allocate n bytes: refused."""
    if not isinstance(text, str) or not isinstance(encoding, str) or encoding not in ("latin1", "latin-1"):
        raise CheckpointError("refused: bytes that are not made from latin-1 text.")
    return text.encode("latin1")


def plain_complex(real: Any, imag: Any = 0.0) -> complex:
    """A complex number."""
    return complex(float(real), float(imag))


def device_name(kind: Any, index: Any = None) -> str:
    """A device as torch writes its name; tensors arrive on the CPU all the same."""
    if not isinstance(kind, str):
        raise CheckpointError("refused: a device whose name is not text.")
    return kind if type(index) is not int else f"{kind}:{index}"


def posix_path(*parts: Any) -> PurePosixPath:
    """A path that touches no disk."""
    return PurePosixPath(*parts)


def windows_path(*parts: Any) -> PureWindowsPath:
    """A path that touches no disk."""
    return PureWindowsPath(*parts)
