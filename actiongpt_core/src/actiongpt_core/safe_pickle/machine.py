"""A pickle reader that cannot execute anything.

Python's own unpickler calls whatever a file names; this one knows the handful of operations that checkpoints need, each
of which only moves plain data about. Names and calls go through the written list of `allowed`.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from typing import IO, Any, cast

import numpy as np

from actiongpt_core.errors import CheckpointError
from actiongpt_core.safe_pickle.allowed import CHECKPOINT, AllowList
from actiongpt_core.safe_pickle.builders import ArrayType, Global, StandIn, build_array, require_key
from actiongpt_core.safe_pickle.streams import Stream, num_bytes_left

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
#: Their argument is the value.
_ARGUMENTS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_SILENT = {"PROTO", "FRAME", "STOP"}
_MARK = object()

#: What damaged or hostile data makes plain Python and torch raise (warnings where they are made errors).
_DAMAGE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError, RuntimeError, Warning)


class PickleMachine:
    """Reads one pickle.

    Args:
        persistent: Answers the persistent ids, by which torch names its storages; None refuses them.
        allowed: What the pickle may name.
        finish: What becomes of a stand-in once its state is known; it may read on in the machine's stream.
    """

    def __init__(
        self,
        persistent: Callable[[Any], Any] | None = None,
        *,
        allowed: AllowList = CHECKPOINT,
        finish: Callable[[StandIn, PickleMachine], Any] | None = None,
    ) -> None:
        self._persistent = persistent
        self._allowed = allowed
        self._finish = finish
        self.stream: Stream = io.BytesIO()  #: what is being read
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._budget = 0

    def load(self, stream: Stream) -> Any:
        """The object of the pickle that starts at the stream's position; the stream then stands behind it.

        Returns:
            dict, list, tuple, set, text, numbers, tensors, numpy arrays, `Global` and `StandIn`; never anything else.

        Raises:
            CheckpointError: The pickle names something that is not on the list, or is damaged.
        """
        self.stream = stream
        # Each copied item came out of the file at least once; more copying than this is an attempt to fill the memory.
        self._budget = 1000 + 8 * num_bytes_left(stream)
        return self._run()

    def load_nested(self) -> Any:
        """The object of a whole pickle that stands in the stream between two operations of this one.

        Raises:
            CheckpointError: As `load`.
        """
        nested = PickleMachine(allowed=self._allowed)
        nested.stream, nested._budget = self.stream, self._budget
        content = nested._run()
        self._budget = nested._budget
        return content

    def _run(self) -> Any:
        try:
            for operation, argument, _ in pickletools.genops(cast("IO[bytes]", self.stream)):
                self._step(operation.name, argument)
            result = self._pop()
        except CheckpointError:
            raise
        except _DAMAGE as error:
            raise CheckpointError(f"The pickled data is damaged ({type(error).__name__}: {error}).") from None
        return result

    def _step(self, operation: str, argument: Any) -> None:
        if operation in _CONSTANTS:
            self._stack.append(_CONSTANTS[operation])
        elif operation in _ARGUMENTS:
            self._stack.append(argument)
        elif operation in _OPERATIONS:
            _OPERATIONS[operation](self, argument)
        elif operation not in _SILENT:
            raise CheckpointError(f"refused: pickle operation {operation}.")

    def _pop(self) -> Any:
        value = self._stack.pop()
        if value is _MARK:
            raise CheckpointError("The pickled data is damaged (a mark where a value should be).")
        return value

    def _pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while (value := self._stack.pop()) is not _MARK:
            items.append(value)
        return items[::-1]

    def _top(self, kind: type) -> Any:
        if not isinstance(self._stack[-1], kind):
            raise CheckpointError(f"refused: a {type(self._stack[-1]).__name__} where a {kind.__name__} is filled.")
        return self._stack[-1]

    def _frozen_set(self, _: Any) -> None:
        self._stack.append(frozenset(require_key(item) for item in self._pop_to_mark()))

    def _mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def _drop(self, _: Any) -> None:
        self._stack.pop()

    def _drop_to_mark(self, _: Any) -> None:
        self._pop_to_mark()

    def _push_new(self, value: Any) -> None:
        self._stack.append(value)

    def _tuple_of(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._stack.append(tuple(items[::-1]))

    def _append(self, items: list[Any]) -> None:
        self._top(list).extend(items)

    def _set_items(self, flat: list[Any]) -> None:
        target = self._top(dict)
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            target[require_key(key)] = value

    def _new_dict(self, flat: list[Any]) -> None:
        self._stack.append({})
        self._set_items(flat)

    def _add_items(self, items: list[Any]) -> None:
        self._top(set).update([require_key(item) for item in items])

    def _put(self, index: int | None) -> None:
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._stack.append(self._allowed.find(module, name))

    def _stack_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise CheckpointError("refused: a global whose name is not text.")
        self._stack.append(self._allowed.find(module, name))

    def _spend(self, values: Any) -> None:
        for value in values if isinstance(values, tuple) else ():
            self._budget -= len(value) if isinstance(value, (str, bytes, bytearray, list, tuple, set, frozenset)) else 1
        if self._budget < 0:
            raise CheckpointError("refused: it copies the same data over and over.")

    def _reduce(self, _: Any) -> None:
        args, function = self._pop(), self._pop()
        self._spend(args)
        self._stack.append(self._allowed.call(function, args))

    def _new_object_with_keywords(self, _: Any) -> None:
        keywords = self._pop()
        if not isinstance(keywords, dict) or keywords:
            raise CheckpointError("refused: an object made with keyword arguments.")
        self._reduce(None)

    def _build(self, _: Any) -> None:
        state, target = self._pop(), self._stack[-1]
        if isinstance(target, StandIn):
            target.state = state
            if self._finish is not None:
                self._stack[-1] = self._finish(target, self)
        elif isinstance(target, (ArrayType, np.ndarray)):
            self._spend(state)
            build_array(target, state)
        elif not isinstance(target, dict):
            # Attributes of an ordered dict (torch keeps module versions there) are dropped.
            name = target.name if isinstance(target, Global) else type(target).__name__
            raise CheckpointError(f"refused: setting the state of {name}.")

    def _persistent_id(self, _: Any) -> None:
        if self._persistent is None:
            raise CheckpointError("refused: a persistent id where no storage is expected.")
        self._stack.append(self._persistent(self._pop()))


_OPERATIONS: dict[str, Callable[[PickleMachine, Any], None]] = {
    "MARK": PickleMachine._mark,
    "POP": PickleMachine._drop,
    "POP_MARK": PickleMachine._drop_to_mark,
    "DUP": lambda self, _: self._push_new(self._stack[-1]),
    "EMPTY_LIST": lambda self, _: self._push_new([]),
    "EMPTY_DICT": lambda self, _: self._push_new({}),
    "EMPTY_SET": lambda self, _: self._push_new(set()),
    "EMPTY_TUPLE": lambda self, _: self._push_new(()),
    "TUPLE1": lambda self, _: self._tuple_of(1),
    "TUPLE2": lambda self, _: self._tuple_of(2),
    "TUPLE3": lambda self, _: self._tuple_of(3),
    "TUPLE": lambda self, _: self._push_new(tuple(self._pop_to_mark())),
    "LIST": lambda self, _: self._push_new(self._pop_to_mark()),
    "APPEND": lambda self, _: self._append([self._pop()]),
    "APPENDS": lambda self, _: self._append(self._pop_to_mark()),
    "SETITEM": lambda self, _: self._set_items([self._pop(), self._pop()][::-1]),
    "DICT": lambda self, _: self._new_dict(self._pop_to_mark()),
    "SETITEMS": lambda self, _: self._set_items(self._pop_to_mark()),
    "ADDITEMS": lambda self, _: self._add_items(self._pop_to_mark()),
    "FROZENSET": PickleMachine._frozen_set,
    "PUT": PickleMachine._put,
    "BINPUT": PickleMachine._put,
    "LONG_BINPUT": PickleMachine._put,
    "MEMOIZE": PickleMachine._put,
    "GET": PickleMachine._get,
    "BINGET": PickleMachine._get,
    "LONG_BINGET": PickleMachine._get,
    "GLOBAL": PickleMachine._global,
    "STACK_GLOBAL": PickleMachine._stack_global,
    "REDUCE": PickleMachine._reduce,
    "NEWOBJ": PickleMachine._reduce,
    "NEWOBJ_EX": PickleMachine._new_object_with_keywords,
    "BUILD": PickleMachine._build,
    "BINPERSID": PickleMachine._persistent_id,
}
