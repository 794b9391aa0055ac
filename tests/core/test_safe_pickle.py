"""Hostile and honest checkpoint files."""

from __future__ import annotations

import builtins
import collections
import contextlib
import io
import os
import pathlib
import pickle
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from actiongpt_core.errors import CheckpointError
from actiongpt_core.safe_pickle import Global, StandIn, load_checkpoint, load_tensor_file


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *args: Any, state: Any = None) -> None:
        self.function, self.args, self.state = function, args, state

    def __reduce__(self) -> tuple[Any, ...]:
        return (self.function, self.args) if self.state is None else (self.function, self.args, self.state)


def write_zip(path: Path, data: bytes, compression: int = zipfile.ZIP_STORED, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", b"little")
        for name, content in entries.items():
            archive.writestr(f"archive/data/{name}", content)
    return path


def global_(name: str) -> bytes:
    module, _, attribute = name.rpartition(".")
    return f"c{module}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def storage_id(kind: str = "torch.FloatStorage", key: str = "0", count: int = 4) -> bytes:
    return b"(" + text("storage") + global_(kind) + text(key) + text("cpu") + b"J" + struct.pack("<i", count) + b"tQ"


def tensor_of(offset: int, size: int, stride: int, count: int = 4) -> bytes:
    numbers = b"".join(b"J" + struct.pack("<i", number) for number in (offset, size, stride))
    offset_, size_, stride_ = numbers[:5], numbers[5:10], numbers[10:]
    head = b"\x80\x02}" + text("t") + global_("torch._utils._rebuild_tensor_v2") + b"("
    hooks = global_("collections.OrderedDict") + b")R"
    return head + storage_id(count=count) + offset_ + size_ + b"\x85" + stride_ + b"\x85" + b"\x89" + hooks + b"tRs."


# --- refused -------------------------------------------------------------------------------------------------------


def hostile_calls(canary: Path) -> dict[str, tuple[Any, str]]:
    command = f"open({str(canary)!r}, 'w')"
    system = f"{os.system.__module__}.system"
    return {
        "os.system": (Call(os.system, f"touch {canary}"), system),
        "eval": (Call(builtins.eval, command), "eval"),
        "exec": (Call(builtins.exec, command), "exec"),
        "open": (Call(open, str(canary), "w"), "open"),
        "import": (Call(__import__, "os"), "__import__"),
        "getattr": (Call(getattr, "x", "upper"), "getattr"),
        "getattr chain": (Call(getattr, Call(__import__, "os"), "system"), "getattr"),
        "nested deep": ({"a": [{"b": (1, Call(os.system, f"touch {canary}"))}]}, system),
        "as dict key": ({Call(os.system, f"touch {canary}"): 1}, system),
        "as default factory": (Call(collections.defaultdict, Call(os.system, f"touch {canary}")), system),
        "in a state": (Call(collections.OrderedDict, state={"x": Call(os.system, f"touch {canary}")}), system),
        "pickle.loads": (Call(pickle.loads, b"cos\nsystem\n."), "loads"),
        "torch.load": (Call(torch.load, str(canary)), "torch"),
        "torch hub": (Call(torch.hub.load, "a/b", "c"), "torch.hub.load"),
        "numpy load": (Call(np.load, str(canary)), "load"),
        "type": (Call(type, "X", (), {}), "type"),
        "bytes of a number": (Call(bytes, 1 << 40), "bytes"),
        "path that opens": (Call(pathlib.Path.write_text, pathlib.PurePosixPath("x"), "y"), "refused"),
    }


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("case", sorted(hostile_calls(Path("canary"))))
def test_code_in_a_checkpoint_is_refused_by_name_and_not_run(case: str, protocol: int, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    content, name = hostile_calls(canary)[case]
    path = write_zip(tmp_path / "model.ckpt", pickle.dumps({"state_dict": content}, protocol))
    with pytest.raises(CheckpointError, match="refused") as error:
        load_checkpoint(path)
    assert name in str(error.value)
    assert str(path) in str(error.value)
    assert not canary.exists()


@pytest.mark.parametrize("is_zip", [True, False])
def test_code_that_torch_itself_has_saved_is_refused(is_zip: bool, tmp_path: Path) -> None:
    canary, path = tmp_path / "canary", tmp_path / "model.ckpt"
    torch.save({"x": Call(os.system, f"touch {canary}")}, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(CheckpointError, match=r"refused: (posix|nt)\.system"):
        load_checkpoint(path)
    assert not canary.exists()


RAW = {
    "a whole module": (global_("torch.nn.modules.linear.Linear") + b")\x81", "torch.nn.modules.linear.Linear"),
    "a dotted name": (b"\x8c\x05torch\x8c\x10_utils.os.system\x93)R", "torch._utils.os.system"),
    "a name that is not text": (b"]]\x93", "not text"),
    "an instruction that looks classes up": (b"(ios\nsystem\n", "INST"),
    "an object instruction": (b"(" + global_("builtins.dict") + b"o", "OBJ"),
    "the extension registry": (b"\x82\x01", "EXT1"),
    "a call of data": (text("os.system") + b")R", "call of a str"),
    "a call of a mentioned type": (global_("builtins.int") + text("1") + b"\x85R", "builtins.int"),
    "the state of a type": (global_("omegaconf.dictconfig.DictConfig") + b"}b", "setting the state of omegaconf"),
    "the state of text": (text("a") + b"}b", "setting the state of str"),
    "a persistent id that is text": (text("os.system") + b"Q", "persistent id"),
    "an old persistent id": (b"Pos.system\n", "PERSID"),
    "a persistent id of a module": (b"(" + text("module") + text("a") + text("b") + b"K\x01K\x01tQ", "persistent id"),
    "a storage of another class": (storage_id("builtins.dict"), "storage"),
    "filling text": (text("a") + b"K\x01a", "a str where a list is filled"),
    "a nested tuple as key": (b"}" + b")" * 1 + b"\x85" * 3 + b"K\x01s", "key of a dict"),
    "a numpy object dtype": (global_("numpy.dtype") + b"(" + text("O8") + b"\x89\x88tR", "numpy dtype 'O8'"),
    "a numpy record dtype": (global_("numpy.dtype") + b"(" + text("i4,O") + b"\x89\x88tR", "numpy dtype"),
    "reconstruct of another class": (
        global_("numpy.core.multiarray._reconstruct") + b"(" + global_("builtins.dict") + b"K\x00\x85C\x01btR",
        "_reconstruct",
    ),
    "a codec that runs": (global_("_codecs.encode") + text("x") + text("zip") + b"\x86R", "latin-1"),
    "copies without end": (
        b"](" + b"K\x01" * 999 + b"e\x940" + (global_("collections.deque") + b"h\x00\x85R0") * 999 + b"}",
        "over and over",
    ),
}


@pytest.mark.parametrize("case", sorted(RAW))
def test_a_handmade_pickle_is_refused_with_what_it_tried(case: str, tmp_path: Path) -> None:
    data, message = RAW[case]
    path = write_zip(tmp_path / "model.ckpt", b"\x80\x04" + data + b".", **{"0": bytes(16)})
    with pytest.raises(CheckpointError, match="refused") as error:
        load_checkpoint(path)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("offset", "size", "stride"), [(0, 5, 1), (4, 1, 1), (-1, 2, 1), (0, 2, -1), (0, 2, 9), (1, 9, 0)]
)
def test_a_tensor_outside_its_storage_is_refused(offset: int, size: int, stride: int, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "model.ckpt", tensor_of(offset, size, stride), **{"0": bytes(16)})
    with pytest.raises(CheckpointError, match="refused: a tensor"):
        load_checkpoint(path)


def test_a_storage_shorter_than_its_tensor_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "model.ckpt", tensor_of(0, 4, 1), **{"0": bytes(15)})
    with pytest.raises(CheckpointError, match="storage '0' is missing or shorter"):
        load_checkpoint(path)


def test_compressed_entries_are_refused_before_they_unfold(tmp_path: Path) -> None:
    data = pickle.dumps({"x": "a" * 10_000_000}, 2)
    path = write_zip(tmp_path / "model.ckpt", data, zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="compressed"):
        load_checkpoint(path)


def test_a_stand_in_keeps_its_state_and_runs_nothing(tmp_path: Path) -> None:
    node = global_("omegaconf.nodes.AnyNode")
    data = b"\x80\x02}" + text("x") + node + b")\x81}" + text("__setstate__") + node + b"sbs."
    found = load_checkpoint(write_zip(tmp_path / "model.ckpt", data))["x"]
    assert isinstance(found, StandIn)
    assert found.name == "omegaconf.nodes.AnyNode"
    assert found.state == {"__setstate__": Global("omegaconf.nodes.AnyNode")}


# --- damaged -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_a_checkpoint_error(is_zip: bool, share: float, tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    torch.save({"w": torch.zeros(100), "b": torch.ones(7)}, path, _use_new_zipfile_serialization=is_zip)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(CheckpointError, match=r"model\.ckpt"):
        load_checkpoint(path)


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_never_raise_anything_but_a_checkpoint_error(seed: int, tmp_path: Path) -> None:
    numbers = np.random.default_rng(seed)
    data = bytearray(pickle.dumps({"a": [1, 2.0, "x", b"y"], "b": (None, True, {3})}, int(numbers.integers(2, 6))))
    for index in numbers.integers(0, len(data), 3):
        data[index] = int(numbers.integers(0, 256))
    path = write_zip(tmp_path / "model.ckpt", bytes(data))
    with contextlib.suppress(CheckpointError):
        load_checkpoint(path)


def test_files_of_other_kinds_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    path.write_text("<html>not found</html>")
    with pytest.raises(CheckpointError, match=r"not a file of torch\.save"):
        load_checkpoint(path)
    with pytest.raises(CheckpointError, match="No checkpoint file"):
        load_checkpoint(tmp_path / "absent.ckpt")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "x")
    with pytest.raises(CheckpointError, match=r"0 entries \*/data\.pkl"):
        load_checkpoint(path)
    torch.save([1, 2], path)
    with pytest.raises(CheckpointError, match="holds a list"):
        load_checkpoint(path)
    with pytest.raises(CheckpointError, match="single tensor"):
        load_tensor_file(path)


# --- read ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("is_zip", "protocol"), [(True, 2), (True, 4), (True, 5), (False, 2), (False, 4)])
def test_what_torch_saves_is_read_back_equal(is_zip: bool, protocol: int, tmp_path: Path) -> None:
    base = torch.arange(12.0)
    tensors = {
        "slice": base[2:6],
        "transposed": base.view(3, 4).T,
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(3.5),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "long": torch.tensor([1 << 40]),
        "bool": torch.tensor([True, False]),
        "complex": torch.tensor([1j]),
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }
    plain = {
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(list, {1: [2]}),
        "counter": collections.Counter("aab"),
        "set": {1, 2},
        "frozen": frozenset({"a"}),
        "bytes": b"\xff\x00",
        "no bytes": b"",
        "complex": 1j,
        "big": 1 << 100,
        "dtype": torch.float16,
        "number": np.float64(3.0),
    }
    array = np.arange(6).reshape(2, 3).T
    others = {
        "path": pathlib.PurePosixPath("a/b"),
        "size": torch.Size([1, 2]),
        "device": torch.device("cpu"),
        "array": array,
    }
    path = tmp_path / "model.pt"
    content = {**tensors, "plain": plain, "others": others}
    torch.save(content, path, _use_new_zipfile_serialization=is_zip, pickle_protocol=protocol)
    found = load_checkpoint(path)
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor.detach())
    assert found["plain"] == plain
    assert found["others"]["path"] == others["path"]
    assert (found["others"]["size"], found["others"]["device"]) == ((1, 2), "cpu")
    assert np.array_equal(found["others"]["array"], array)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_single_tensor_is_read(is_zip: bool, tmp_path: Path) -> None:
    path = tmp_path / "mean.pt"
    torch.save(torch.arange(135.0), path, _use_new_zipfile_serialization=is_zip)
    assert torch.equal(load_tensor_file(path), torch.arange(135.0))


def test_a_lightning_checkpoint_is_read_without_the_libraries_of_its_objects(golden_folder: Path) -> None:
    content = load_checkpoint(golden_folder / "teach_tiny" / "checkpoints" / "last.ckpt")
    assert "omegaconf" not in sys.modules
    assert all(isinstance(weight, torch.Tensor) for weight in content["state_dict"].values())
    assert isinstance(content["hyper_parameters"]["optim"], StandIn)


def test_the_machine_stops_behind_its_own_pickle() -> None:
    from actiongpt_core.safe_pickle.machine import PickleMachine

    stream = io.BytesIO(pickle.dumps([1]) + pickle.dumps("two"))
    assert PickleMachine().load(stream) == [1]
    assert PickleMachine().load(stream) == "two"
