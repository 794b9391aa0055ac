"""Read files of `torch.save` without executing any of their code.

Both containers are read: the zip archive of torch 1.6 and later, and the plain stream of older versions. Tensors
arrive on the CPU as they were stored; foreign objects (settings, callbacks) arrive as inert records. See `allowed`
for the list. Of an archive of `torch.jit.save` the tensors are read; its code is not even looked at.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from actiongpt_core.errors import CheckpointError
from actiongpt_core.safe_pickle.allowed import SCRIPT, STORAGE_DTYPES
from actiongpt_core.safe_pickle.builders import Global, StandIn, Storage
from actiongpt_core.safe_pickle.machine import PickleMachine

#: The first pickle of a file that was not written as a zip archive.
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
#: More than any network has: a module that holds itself would never end.
_MAX_ATTRIBUTES = 100_000
_MAX_PREFIX = 1000

#: What zipfile and struct raise on damaged files.
_DAMAGE = (zipfile.BadZipFile, OSError, EOFError, struct.error, ValueError, RuntimeError, LookupError, MemoryError)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """The dictionary in a checkpoint file (`.ckpt`, `.pt`, `.pth`, `.pth.tar`).

    Args:
        path: A file that `torch.save` or `torch.jit.save` has written.

    Returns:
        Plain containers, numbers, text, tensors (CPU), and `StandIn` for objects of other libraries. Of a TorchScript
        module its tensors by dotted name, as in a state dict; an attribute that is a tensor is among them.

    Raises:
        CheckpointError: The file is missing, truncated or of another format, holds something else than a dictionary, or
            names code ("refused: os.system").
    """
    content = _load(Path(path))
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}; a checkpoint is a dictionary.")
    return content


def load_tensor_file(path: str | Path) -> Tensor:
    """The one tensor in a file, such as the mean of a feature set.

    Raises:
        CheckpointError: As `load_checkpoint`, or the file holds something else than a tensor.
    """
    content = _load(Path(path))
    if not isinstance(content, Tensor):
        raise CheckpointError(f"{path} holds a {type(content).__name__}; a single tensor was expected.")
    return content


def _load(path: Path) -> Any:
    if not path.is_file():
        raise CheckpointError(f"No checkpoint file at {path}.")
    try:
        with path.open("rb") as file:
            is_zip = file.read(4) == b"PK\x03\x04"
        return _load_zip(path) if is_zip else _load_legacy(path)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except _DAMAGE as error:
        raise CheckpointError(f"{path} is truncated or damaged ({error}). Download it again.") from None


def _load_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        pickles = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise CheckpointError(f"it holds {len(pickles)} entries */data.pkl; a file of torch.save has one.")
        folder = pickles[0].removesuffix("data.pkl")
        if f"{folder}constants.pkl" in entries:  # TorchScript: beside the tensors lies code, compressed, and not read
            read_ones = (f"{folder}data.pkl", f"{folder}data/", f"{folder}byteorder")
            entries = {name: entry for name, entry in entries.items() if name.startswith(read_ones)}
        _require_stored(list(entries.values()), path.stat().st_size)
        if f"{folder}byteorder" in entries and archive.read(f"{folder}byteorder") != b"little":
            raise CheckpointError("it was written on a big-endian machine; save it again on a little-endian one.")

        def read(key: str, num_bytes: int) -> bytearray:
            name = f"{folder}data/{key}"
            if name not in entries or entries[name].file_size < num_bytes:
                raise CheckpointError(f"storage {key!r} is missing or shorter than {num_bytes} bytes.")
            return bytearray(archive.read(name))

        content = PickleMachine(_Storages(read)).load(io.BytesIO(archive.read(pickles[0])))
    is_script = isinstance(content, StandIn) and content.name.startswith(SCRIPT)
    return _script_tensors(content) if is_script else content


def _require_stored(entries: list[zipfile.ZipInfo], file_size: int) -> None:
    """Refuse archives that would unfold to more than they are: torch stores its entries uncompressed, once each."""
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise CheckpointError("refused: compressed or encrypted entries; torch.save writes none.")
    if sum(entry.file_size for entry in entries) > file_size:
        raise CheckpointError("refused: its entries declare more bytes than the file has.")


def _script_tensors(module: StandIn) -> dict[str, Tensor]:
    """The tensors of a TorchScript module and of the modules in it, by dotted name."""
    found: dict[str, Tensor] = {}
    waiting, num_seen = [("", module)], 0
    while waiting:
        prefix, module = waiting.pop()
        state = module.state if isinstance(module.state, dict) else {}
        num_seen += 1 + len(state)
        if num_seen > _MAX_ATTRIBUTES or len(prefix) > _MAX_PREFIX:
            raise CheckpointError("refused: a TorchScript module that holds itself, or far too much.")
        found.update({f"{prefix}{name}": value for name, value in state.items() if isinstance(value, Tensor)})
        waiting.extend((f"{prefix}{name}.", value) for name, value in state.items() if isinstance(value, StandIn))
    return found


class _Storages:
    """Answers torch's persistent ids: ("storage", storage class, key, device, number of values)."""

    def __init__(self, read: Callable[[str, int], bytearray]) -> None:
        self._read = read
        self._bytes: dict[str, bytearray] = {}

    def __call__(self, identity: Any) -> Storage:
        if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
            raise CheckpointError("refused: a persistent id that does not name a storage.")
        kind, key, count = identity[1], identity[2], identity[4]
        if not isinstance(kind, Global) or kind.name not in STORAGE_DTYPES:
            raise CheckpointError("refused: a storage of an unknown kind.")
        if not isinstance(key, str) or type(count) is not int or count < 0 or any(identity[5:]):
            raise CheckpointError("refused: a storage whose key is not text or whose size is not a number.")
        dtype = STORAGE_DTYPES[kind.name]
        if key not in self._bytes:
            self._bytes[key] = self._read(key, count * dtype.itemsize)
        if len(self._bytes[key]) < count * dtype.itemsize:
            raise CheckpointError(f"storage {key!r} is shorter than {count} values.")
        if not count:
            return Storage(torch.empty(0, dtype=dtype))
        return Storage(torch.frombuffer(self._bytes[key], dtype=dtype, count=count))

    @property
    def buffers(self) -> dict[str, bytearray]:
        """What has been handed out, by key."""
        return self._bytes


def _load_legacy(path: Path) -> Any:
    """Torch before 1.6: magic number, version, machine, object, storage keys, then the storages' bytes."""
    with path.open("rb") as file:
        _require_magic(file.read(64))
    stream = io.BytesIO(path.read_bytes())
    for _ in range(2):
        PickleMachine().load(stream)
    machine = PickleMachine().load(stream)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise CheckpointError("it was written on a big-endian machine; save it again on a little-endian one.")
    left = len(stream.getbuffer())

    def reserve(key: str, num_bytes: int) -> bytearray:
        # The bytes stand behind the pickles: tensors are made on empty storages, which are filled in below.
        nonlocal left
        left -= num_bytes
        if left < 0:
            raise CheckpointError("refused: its storages declare more bytes than the file has, or it is truncated.")
        return bytearray(num_bytes)

    storages = _Storages(reserve)
    content = PickleMachine(storages).load(stream)
    keys = PickleMachine().load(stream)
    if not isinstance(keys, list) or any(not isinstance(key, str) for key in keys):
        raise CheckpointError("it is damaged: its list of storages is missing.")
    if len(keys) != len(storages.buffers) or set(keys) != storages.buffers.keys():
        raise CheckpointError("it is damaged: its list of storages does not fit its tensors.")
    for key in keys:
        _fill(storages.buffers[key], stream)
    return content


def _require_magic(head: bytes) -> None:
    stream = io.BytesIO(head)
    try:
        numbers = [PickleMachine().load(stream) for _ in range(2)]
    except CheckpointError:
        numbers = []
    if any(type(number) is not int for number in numbers) or numbers != [_LEGACY_MAGIC, _LEGACY_PROTOCOL]:
        raise CheckpointError("it is not a file of torch.save, or it is truncated. Download it again.")


def _fill(target: bytearray, stream: io.BytesIO) -> None:
    """The number of values, then the values."""
    (count,) = struct.unpack("<q", stream.read(8))
    data = stream.read(len(target))
    if count < 0 or len(data) != len(target) or (count and len(target) % count):
        raise CheckpointError("it is truncated: a storage ends before its last value. Download it again.")
    target[:] = data
