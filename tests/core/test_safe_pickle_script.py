"""TorchScript archives: their tensors are read, their code is not."""

from __future__ import annotations

import struct
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from actiongpt_core.errors import CheckpointError
from actiongpt_core.safe_pickle import load_checkpoint, load_tensor_file


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    shared = nn.Linear(3, 3)
    return nn.Sequential(
        shared, nn.BatchNorm1d(3), nn.Sequential(nn.Linear(3, 2, bias=False), nn.GELU()), shared
    ).half()


@pytest.fixture(scope="module")
def archive(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "network.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(network), path)
    return path


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def write_script(path: Path, data: bytes) -> Path:
    """An archive that says of itself that it is TorchScript."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/constants.pkl", b"")
        archive.writestr("archive/code/__torch__.py", b"import os" * 1000, zipfile.ZIP_DEFLATED)
    return path


def test_the_tensors_have_the_names_of_the_state_dict(archive: Path, network: nn.Module) -> None:
    found, expected = load_checkpoint(archive), network.state_dict()
    assert found.keys() == expected.keys()
    assert all(
        torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype for name, tensor in expected.items()
    )


def test_it_is_not_one_tensor(archive: Path) -> None:
    with pytest.raises(CheckpointError, match="a single tensor was expected"):
        load_tensor_file(archive)


def test_a_module_that_holds_itself_is_refused(tmp_path: Path) -> None:
    module = b"c__torch__\nLoop\n)\x81q\x00"  # NEWOBJ, kept as 0
    loop = module + b"}" + text("again") + b"h\x00s" + b"b"
    with pytest.raises(CheckpointError, match="holds itself"):
        load_checkpoint(write_script(tmp_path / "loop.pt", b"\x80\x02" + loop + b"."))


def test_a_module_that_holds_the_same_one_twice_on_many_levels_is_refused(tmp_path: Path) -> None:
    data = b"c__torch__\nLeaf\n)\x81}bq\x00"
    for level in range(40):
        twice = b"".join(text(name) + b"h" + bytes([level]) for name in "ab")
        data += b"0c__torch__\nPair\n)\x81}(" + twice + b"ub" + b"q" + bytes([level + 1])
    with pytest.raises(CheckpointError, match="far too much"):
        load_checkpoint(write_script(tmp_path / "bomb.pt", b"\x80\x02" + data + b"."))


def test_code_is_refused_in_it_as_anywhere(tmp_path: Path) -> None:
    call = b"cos\nsystem\n" + b"(" + text("true") + b"tR"
    with pytest.raises(CheckpointError, match=r"refused: os\.system"):
        load_checkpoint(write_script(tmp_path / "hostile.pt", b"\x80\x02" + call + b"."))
