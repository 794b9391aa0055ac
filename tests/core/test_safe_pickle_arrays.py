"""Hostile and honest pickles of arrays: body files of python 2 with chumpy and scipy objects, data bases of joblib."""

from __future__ import annotations

import contextlib
import copyreg
import gzip
import os
import pickle
import struct
import sys
import types
import zipfile
import zlib
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from actiongpt_core.errors import CheckpointError
from actiongpt_core.safe_pickle import StandIn, dense_array, load_checkpoint, load_joblib, load_pickle

LOADERS = {"pickle": load_pickle, "joblib": load_joblib}


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.args


def same(found: Any, expected: Any) -> bool:
    """Equal, type by type and number by number; the byte order may differ."""
    if isinstance(expected, np.ndarray):
        if found.dtype.newbyteorder("=") != expected.dtype.newbyteorder("=") or found.shape != expected.shape:
            return False
        if expected.dtype.hasobject:
            return all(same(a, b) for a, b in zip(found.ravel(), expected.ravel(), strict=True))
        return np.array_equal(found, expected, equal_nan=expected.dtype.kind in "fc")
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], value) for key, value in expected.items())
    if isinstance(expected, (list, tuple)):
        return len(found) == len(expected) and all(same(a, b) for a, b in zip(found, expected, strict=True))
    return type(found) is type(expected) and bool(found == expected)


def data_base(num_sequences: int = 3) -> dict[str, Any]:
    """The layout of the originals' data bases."""
    numbers = np.random.default_rng(0)
    lengths = [61 + 7 * index for index in range(num_sequences)]
    labels = [np.array(["walk", "", "walk and wave"] * n, dtype=object)[:n] for n in lengths]
    return {
        "vid_names": [np.array([f"CMU_{index}"] * n) for index, n in enumerate(lengths)],
        "thetas": [numbers.normal(size=(n, 72)) for n in lengths],
        "joints3d": [np.asfortranarray(numbers.normal(size=(n, 18, 3)).astype(np.float32)) for n in lengths],
        "clip_images": [numbers.integers(0, 255, (2, 5, 4, 3)).astype(np.uint8), None, np.zeros((0, 3), np.uint8)],
        "clip_pathes": [["a.png", "b.png"], None, []],
        "text_raw_labels": labels,
        "text_proc_labels": [np.array([None, "walk"], dtype=object), *labels[1:]],
        "action_cat": labels,
    }


# --- joblib, read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [0, ("zlib", 1), ("zlib", 9), ("gzip", 3)])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_data_base_of_joblib_is_read_back_equal(compress: Any, protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "db_train.pt"
    joblib.dump(data_base(), path, compress=compress, protocol=protocol)
    assert same(load_joblib(path), data_base())


def test_arrays_of_joblib_can_be_written_to(tmp_path: Path) -> None:
    joblib.dump([np.zeros(3)], tmp_path / "db.pt")
    found = load_joblib(tmp_path / "db.pt")[0]
    found += 1
    assert found.tolist() == [1, 1, 1]


def test_a_data_base_of_an_old_joblib_without_padding_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from joblib.numpy_pickle import NumpyArrayWrapper

    class Old(NumpyArrayWrapper):
        def __init__(self, subclass: Any, shape: Any, order: Any, dtype: Any, **_: Any) -> None:
            self.subclass, self.shape, self.order, self.dtype, self.allow_mmap = subclass, shape, order, dtype, True

    Old.__module__, Old.__qualname__, Old.__name__ = "joblib.numpy_pickle", "NumpyArrayWrapper", "NumpyArrayWrapper"
    monkeypatch.setattr("joblib.numpy_pickle.NumpyArrayWrapper", Old)
    joblib.dump(data_base(), tmp_path / "db.pt")
    assert b"numpy_array_alignment_bytes" not in (tmp_path / "db.pt").read_bytes()
    assert same(load_joblib(tmp_path / "db.pt"), data_base())


plain = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.floats(allow_nan=False), st.binary())
arrays = st.one_of(
    hnp.arrays(
        st.one_of(hnp.floating_dtypes(sizes=(16, 32, 64)), hnp.integer_dtypes(), hnp.boolean_dtypes()),
        hnp.array_shapes(min_dims=0, min_side=0, max_side=4),
    ),
    hnp.arrays(hnp.unicode_string_dtypes(min_len=1, max_len=5), hnp.array_shapes(max_dims=2, max_side=4)),
    hnp.arrays(np.dtype(object), hnp.array_shapes(max_dims=2, max_side=3), elements=plain),
)
contents = st.recursive(
    st.one_of(plain, arrays, arrays.map(np.asfortranarray)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=contents, protocol=st.integers(2, 5), compress=st.sampled_from([0, 3]))
def test_plain_data_makes_the_round_trip(content: Any, protocol: int, compress: int, tmp_path: Path) -> None:
    path = tmp_path / "content.pkl"
    path.write_bytes(pickle.dumps(content, protocol))
    assert same(load_pickle(path), content)
    joblib.dump(content, path, compress=compress, protocol=protocol)
    assert same(load_joblib(path), content)


# --- body files, read ----------------------------------------------------------------------------------------------


@pytest.fixture
def chumpy(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """Classes of chumpy's names, for writing."""
    for name in ("chumpy", "chumpy.ch", "chumpy.reordering"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    made = {}
    for module, name in (("chumpy.ch", "Ch"), ("chumpy.reordering", "Select")):
        made[name] = type(name, (), {"__module__": module})
        monkeypatch.setattr(sys.modules[module], name, made[name], raising=False)
    return types.SimpleNamespace(**made)


def filled(empty: Any, **state: Any) -> Any:
    empty.__dict__.update(state)
    return empty


@pytest.mark.parametrize("protocol", [1, 2, 4])
def test_chumpy_and_scipy_objects_become_dense_arrays_without_their_libraries(
    protocol: int, chumpy: types.SimpleNamespace, tmp_path: Path
) -> None:
    values, matrix = np.arange(12.0).reshape(3, 4), scipy.sparse.random(24, 50, 0.1, "csc", random_state=0)
    whole = filled(chumpy.Ch(), x=values, _dirty_vars={"x"}, _itr=None, _depends_on_deps={})
    some = filled(chumpy.Select(), a=whole, idxs=np.array([11, 0, 5, 6]), preferred_shape=(2, 2), _make_dense=False)
    flat = filled(chumpy.Select(), a=some, idxs=np.array([3, 2]))
    content = {"v": whole, "some": some, "flat": flat, "J_regressor": matrix, "f": np.arange(3, dtype=np.uint32)}
    path = tmp_path / "SMPL.pkl"
    path.write_bytes(pickle.dumps(content, protocol))
    found = load_pickle(path)
    assert isinstance(found["v"], StandIn)
    assert same(dense_array(found["v"]), values)
    assert same(dense_array(found["some"]), np.array([[11.0, 0.0], [5.0, 6.0]]))
    assert same(dense_array(found["flat"]), np.array([6.0, 5.0]))
    assert same(dense_array(found["J_regressor"]), matrix.toarray())
    assert same(dense_array(found["f"]), content["f"])


def short(value: bytes) -> bytes:
    """Text as python 2 wrote it: bytes."""
    return b"U" + bytes([len(value)]) + value


def python_2_array(array: np.ndarray) -> bytes:
    """As cPickle of python 2 wrote it, protocol 2."""
    head = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + short(b"b") + b"\x87R"
    shape = b"(" + b"".join(b"\x8a\x02" + struct.pack("<h", size) for size in array.shape) + b"t"  # longs
    kind = b"cnumpy\ndtype\n" + short(array.dtype.str[1:].encode()) + b"K\x00K\x01\x87R"
    kind += b"(K\x03" + short(b"<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    data = array.tobytes()
    return head + b"(K\x01" + shape + kind + b"\x89T" + struct.pack("<i", len(data)) + data + b"tb"


def test_a_file_of_python_2_is_read_with_its_bytes_and_its_old_module_names(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(5, 3))  # all 256 values occur among its bytes, or nearly
    column = {"data": np.array([2.0, 3.0]), "indices": np.array([1, 0], "<i4"), "indptr": np.array([0, 1, 1, 2], "<i4")}
    state = (
        b"}("
        + short(b"_shape")
        + b"K\x02K\x03\x86"
        + b"".join(short(name.encode()) + python_2_array(array) for name, array in column.items())
    )
    matrix = b"cscipy.sparse.csc\ncsc_matrix\n)\x81" + state + b"ub"
    values = b"cchumpy.ch\nCh\n)\x81}(" + short(b"x") + python_2_array(numbers)
    values += short(b"_dirty_vars") + b"c__builtin__\nset\n](" + short(b"x") + b"e\x85Rub"
    path = tmp_path / "SMPL.pkl"
    path.write_bytes(
        b"\x80\x02}(" + short(b"v") + values + short(b"J") + matrix + short(b"style") + short(b"lbs") + b"u."
    )
    found = load_pickle(path)
    assert same(dense_array(found["v"]), numbers)
    assert same(dense_array(found["J"]), np.array([[0.0, 0.0, 3.0], [2.0, 0.0, 0.0]]))
    assert found["style"] == "lbs"


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"_shape": (1 << 20, 1 << 20)}, "sparse matrix of shape"),
        ({"_shape": (2, -1)}, "sparse matrix of shape"),
        ({"_shape": (2, 2)}, "do not fit"),
        ({"indices": np.array([1, 2])}, "do not fit"),
        ({"indices": np.array([-1, 0])}, "do not fit"),
        ({"indptr": np.array([0, 2, 1, 2])}, "do not fit"),
        ({"indptr": np.array([0, 1 << 60, 1, 2])}, "do not fit"),
        ({"indptr": np.array([0, 1 << 60, 1 << 60, 1 << 60])}, "do not fit"),
        ({"indptr": np.zeros((0,), int)}, "do not fit"),
        ({"data": "text"}, "where an array is needed"),
        ({"data": np.array(["a", "b"])}, "do not fit"),
    ],
)
def test_a_sparse_matrix_whose_parts_do_not_fit_is_refused(state: dict[str, Any], message: str) -> None:
    good = {"_shape": (2, 3), "data": np.ones(2), "indices": np.array([1, 0]), "indptr": np.array([0, 1, 1, 2])}
    name = "scipy.sparse._csc.csc_matrix"
    assert dense_array(StandIn(name, (), good)).sum() == 2
    with pytest.raises(CheckpointError, match=f"refused.*{message}"):
        dense_array(StandIn(name, (), good | state))


def test_a_selection_that_holds_itself_or_points_outside_is_refused() -> None:
    endless = StandIn("chumpy.reordering.Select", (), {"idxs": np.array([0])})
    endless.state["a"] = endless
    outside = StandIn("chumpy.reordering.Select", (), {"a": np.zeros(3), "idxs": np.array([3])})
    for hostile in (endless, outside, StandIn("chumpy.ch.Ch", (), {}), StandIn("chumpy.ch.MatVecMult"), None, "text"):
        with pytest.raises(CheckpointError, match="refused"):
            dense_array(hostile)


# --- refused -------------------------------------------------------------------------------------------------------


def hostile(canary: Path) -> dict[str, tuple[Any, str]]:
    command = f"touch {canary}"
    system = f"{os.system.__module__}.system"
    return {
        "os.system": (Call(os.system, command), system),
        "eval": (Call(eval, f"open({str(canary)!r}, 'w')"), "eval"),
        "in an array of objects": (np.array([None, Call(os.system, command)], dtype=object), system),
        "as a label": ({"text_raw_labels": [np.array([Call(eval, "1")], dtype=object)]}, "eval"),
        "copyreg of a class": (Call(copyreg._reconstructor, Call, object, None), "Call"),
        "copyreg with a base": (Call(copyreg._reconstructor, dict, dict, {1: 2}), "copyreg._reconstructor"),
        "copyreg of text": (Call(copyreg._reconstructor, "os.system", object, None), "copyreg._reconstructor"),
        "copyreg registry": (Call(copyreg.add_extension, "os", "system", 7), "add_extension"),
        "numpy load": (Call(np.load, str(canary)), "load"),
        "another joblib": (Call(joblib.load, str(canary)), "joblib"),
        "a sparse matrix of another kind": (scipy.sparse.eye(3, format="csr"), "csr_matrix"),
        "a torch device": (Call(__import__("torch").device, "cpu"), "torch.device"),
    }


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("case", sorted(hostile(Path("canary"))))
def test_code_in_a_pickle_of_arrays_is_refused_by_name_and_not_run(case: str, loader: str, tmp_path: Path) -> None:
    canary, path = tmp_path / "canary", tmp_path / "file.pkl"
    content, name = hostile(canary)[case]
    joblib.dump({"x": content}, path) if loader == "joblib" else path.write_bytes(pickle.dumps({"x": content}))
    with pytest.raises(CheckpointError, match="refused") as error:
        LOADERS[loader](path)
    assert name in str(error.value)
    assert str(path) in str(error.value)
    assert not canary.exists()


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def dtype(kind: str) -> bytes:
    return b"cnumpy\ndtype\n" + text(kind) + b"\x89\x88\x87R"


def wrapper(
    kind: str = "f8", shape: bytes = b"K\x02\x85", order: str = "C", subclass: bytes = b"cnumpy\nndarray\n"
) -> bytes:
    state = text("dtype") + dtype(kind) + text("shape") + shape + text("order") + text(order)
    return b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + state + text("subclass") + subclass + b"ub"


HUGE = b"\x8a\x08" + struct.pack("<q", 1 << 62)
WRAPPERS = {
    "a huge shape": (wrapper(shape=HUGE + b"\x85") + bytes(16), "more than the file has left"),
    "a product that overflows": (wrapper(shape=(HUGE + HUGE) + b"\x86") + bytes(16), "more than the file has left"),
    "a huge shape of small bytes": (wrapper("i1", shape=HUGE + b"\x85") + bytes(16), "more than the file has left"),
    "a negative size": (wrapper(shape=b"J\xff\xff\xff\xff\x85") + bytes(16), "joblib array"),
    "a shape that is no tuple": (wrapper(shape=b"](K\x02e") + bytes(16), "joblib array"),
    "another class": (wrapper(subclass=b"cbuiltins\ndict\n") + bytes(16), "joblib array"),
    "an unknown order": (wrapper(order="K") + bytes(16), "joblib array"),
    "a record dtype": (wrapper("i4,O") + bytes(16), "numpy dtype"),
    "objects that are bytes": (wrapper("O8") + bytes(16), "refused: pickle operation|damaged"),
    "objects of another shape": (wrapper("O8") + pickle.dumps(np.array([None], object)), "something else"),
    "objects that are no array": (wrapper("O8") + pickle.dumps([1, 2]), "something else"),
    "objects that run": (wrapper("O8") + pickle.dumps(Call(os.system, "true")), "system"),
    "objects from bytes": (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01K\x01\x85" + dtype("O8")
        + b"\x89C\x08" + bytes(8) + b"tb",
        "does not fit its bytes",
    ),
    "an object from bytes": (
        b"cnumpy.core.multiarray\nscalar\n" + dtype("O8") + b"C\x08" + bytes(8) + b"\x86R",
        "numpy scalar",
    ),
    "a buffer of objects": (
        b"cnumpy.core.numeric\n_frombuffer\n(C\x08" + bytes(8) + dtype("O8") + b"K\x01\x85" + text("C") + b"tR",
        "does not fit its bytes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRAPPERS)
def test_a_handmade_array_of_joblib_is_refused(case: str, tmp_path: Path) -> None:
    data, message = WRAPPERS[case]
    path = tmp_path / "db.pt"
    path.write_bytes(b"\x80\x04" + data + b".")
    with pytest.raises(CheckpointError, match=message):
        load_joblib(path)


def test_nested_arrays_share_one_allowance_for_copies(tmp_path: Path) -> None:
    copies = b"\x80\x04](" + b"K\x01" * 500 + b"e\x940" + (b"ccollections\ndeque\nh\x00\x85R0") * 400 + b"N."
    path = tmp_path / "db.pt"
    path.write_bytes(b"\x80\x04](" + (wrapper("O8") + copies) * 20 + b"e.")
    with pytest.raises(CheckpointError, match=r"over and over|something else"):
        load_joblib(path)


def test_a_small_file_that_unfolds_to_a_huge_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "db.pt"
    for compress in (zlib.compress, gzip.compress):
        path.write_bytes(compress(bytes(120_000_000), 9))
        with pytest.raises(CheckpointError, match="refused: it unfolds"):
            load_joblib(path)


def test_objects_of_arrays_are_still_refused_in_a_checkpoint(tmp_path: Path, chumpy: types.SimpleNamespace) -> None:
    path = tmp_path / "model.ckpt"
    for content in (np.array([None], dtype=object), filled(chumpy.Ch(), x=1)):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps({"x": content}, 2))
        with pytest.raises(CheckpointError, match="refused"):
            load_checkpoint(path)


# --- damaged -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [0, 3])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.9999])
def test_a_truncated_data_base_is_reported(compress: int, share: float, tmp_path: Path) -> None:
    path = tmp_path / "db_vald.pt"
    joblib.dump(data_base(), path, compress=compress)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(CheckpointError, match=r"db_vald\.pt.*(truncated|damaged)"):
        load_joblib(path)


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_of_a_data_base_raise_nothing_but_a_checkpoint_error(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "db.pt"
    small = {"a": [np.arange(3.0), None], "b": [np.array(["x", None], dtype=object)], "c": "text", "d": np.array(["a"])}
    numbers = np.random.default_rng(seed)
    joblib.dump(small, path, protocol=int(numbers.integers(2, 6)), compress=int(numbers.integers(0, 2)))
    data = bytearray(path.read_bytes())
    for index in numbers.integers(0, len(data), 3):
        data[index] = int(numbers.integers(0, 256))
    path.write_bytes(bytes(data))
    with contextlib.suppress(CheckpointError):
        load_joblib(path)


def test_missing_files_and_other_compressions_are_named(tmp_path: Path) -> None:
    path = tmp_path / "db.pt"
    with pytest.raises(CheckpointError, match=r"No file at .*db\.pt"):
        load_joblib(path)
    for method in ("bz2", "xz", "lzma"):
        joblib.dump(data_base(), path, compress=(method, 3))
        with pytest.raises(CheckpointError, match=f"written in {method}.*uncompressed"):
            load_joblib(path)
