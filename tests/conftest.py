"""Stop with one clear line where the package is not installed; make text models importable; the record of parity."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch

# Without an install, `actiongpt_core` is the project folder of that name: found, and empty.
if importlib.util.find_spec("actiongpt_core") is None or importlib.util.find_spec("actiongpt_core.errors") is None:
    pytest.exit("actiongpt_core is not installed: python -m pip install -e ./actiongpt_core[testing]", returncode=4)

from actiongpt_core.torchvision_shim import ensure_torchvision

ensure_torchvision()


# --- no key in anything that is written ------------------------------------------------------------------------------

#: Planted before anything runs: no test uses a user's own key, and one looks for this in all that was written.
PLANTED_KEY = f"sk-planted-{secrets.token_hex(16)}"
_reported_with_key: list[str] = []


def pytest_configure() -> None:
    os.environ["OPENAI_API_KEY"] = PLANTED_KEY


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What a test printed, logged or failed with."""
    if PLANTED_KEY in "\n".join([*(text for _, text in report.sections), report.longreprtext]):
        _reported_with_key.append(f"output of {report.nodeid}")


@pytest.fixture
def written_with_key(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[str]]:
    """How many files the tests before this one left; the files, names and outputs with the planted key in them."""
    files = [path for path in tmp_path_factory.getbasetemp().rglob("*") if path.is_file() and not path.is_symlink()]
    key = PLANTED_KEY.encode()
    found = [str(path) for path in files if PLANTED_KEY in str(path) or key in path.read_bytes()]
    return len(files), _reported_with_key + found


# --- parity with the original code ---------------------------------------------------------------------------------


class Golden:
    """The parity data, and a record of what the tests have compared."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.compared: set[str] = set()
        self.fed: set[str] = set()
        self._files: dict[str, Any] = {}

    def load(self, file: str) -> Any:
        """An npz file (key -> array) or a JSON file, opened once."""
        if file not in self._files:
            path = self.folder / file
            self._files[file] = np.load(path) if path.suffix == ".npz" else json.loads(path.read_text(encoding="utf-8"))
        return self._files[file]

    def has(self, file: str, key: str) -> bool:
        return key in self.load(file)

    def keys(self, file: str, pattern: str) -> list[str]:
        """What group 1 of the pattern matches in the keys of an npz file, each once, in order."""
        matches = (re.fullmatch(pattern, key) for key in self.load(file))
        return list(dict.fromkeys(match[1] for match in matches if match))

    def feed(self, file: str, key: str) -> torch.Tensor:
        """An array that a test takes as input."""
        self.fed.add(f"{file}:{key}")
        return torch.from_numpy(self.load(file)[key])

    def compare(
        self,
        file: str,
        key: str,
        actual: torch.Tensor,
        atol: float | torch.Tensor,
        rtol: float = 0.0,
        part: slice | torch.Tensor = slice(None),
    ) -> None:
        """Stop unless a result is the stored array; `part` of its second axis where not all of it can be known."""
        expected = torch.from_numpy(self.load(file)[key])
        assert actual.shape == expected.shape, f"{key}: {tuple(actual.shape)}, expected {tuple(expected.shape)}"
        if not isinstance(part, slice) or part != slice(None):
            actual, expected = actual[:, part], expected[:, part]
        error = (actual.detach().double() - expected.double()).abs()
        allowed = atol + rtol * expected.double().abs()
        assert bool((error <= allowed).all()), f"{key}: differs by up to {error.max():.3g}"
        self.compared.add(f"{file}:{key}")

    def compare_json(self, file: str, key: str, actual: Any, expected: Any) -> None:
        """Stop unless a result is what a JSON file says; `key` names the case."""
        assert actual == expected, f"{file}: {key}"
        self.compared.add(f"{file}:{key}")

    def recover_stats(self, file: str, raw: list[str], normalised: list[str], tolerance: float) -> list[torch.Tensor]:
        """Mean and std from arrays before and after the normalisation, by least squares in each column.

        Gives up where rounding, seen through the fit, could come near the tolerance.
        """
        arrays = ([torch.from_numpy(self.load(file)[key]) for key in keys] for keys in (raw, normalised))
        x, y = (torch.cat(parts).double() for parts in arrays)
        spread = (x - x.mean(0)).square().sum(0)
        slope = ((x - x.mean(0)) * (y - y.mean(0))).sum(0) / spread
        noise = torch.finfo(torch.float32).eps * y.abs().amax(0) / (slope.abs() * spread.sqrt())
        if not bool((noise < 0.1 * tolerance).all()):
            self.give_up(f"{file}: its features vary too little to recover mean and std; golden/stats has them")
        return [(x.mean(0) - y.mean(0) / slope).float(), (1 / slope).float()]

    def give_up(self, reason: str) -> NoReturn:
        """Skip; where the user has named the data, nothing may be skipped."""
        if "ACTIONGPT_GOLDEN" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)


_GOLDEN = Golden(Path(os.environ.get("ACTIONGPT_GOLDEN") or Path(__file__).parent / "golden").resolve())


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """Where the parity data is."""
    return _GOLDEN.folder


@pytest.fixture(scope="session")
def golden() -> Golden:
    """The parity data: ACTIONGPT_GOLDEN, or the part of it that is kept with the tests."""
    return _GOLDEN


@pytest.fixture(scope="session")
def synthetic_smpl(golden_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with made-up bodies, laid out as the real ones: smpl/SMPL_NEUTRAL.pkl, smplh/neutral/model.npz, ..."""
    folder = tmp_path_factory.mktemp("bodies")
    script = golden_folder / "make_synthetic_smpl.py"
    subprocess.run([sys.executable, str(script), str(folder)], check=True, capture_output=True)
    return folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`@pytest.mark.golden(file, pattern)`: one test for each match of the pattern's group in the file's keys."""
    for marker in metafunc.definition.iter_markers("golden"):
        if marker.args:
            metafunc.parametrize("case", _GOLDEN.keys(*marker.args))


_partial_golden_run = False


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    global _partial_golden_run
    _partial_golden_run |= any(item.get_closest_marker("golden") for item in items)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Kinds of cases that a data set does not have are no tests; the test of coverage comes when all others are through.
    items[:] = [item for item in items if not _is_without_case(item)]
    last = ("test_golden_coverage", "test_the_planted_key")
    items.sort(key=lambda item: item.name.startswith(last))


def _is_without_case(item: pytest.Item) -> bool:
    if not item.get_closest_marker("golden") or not hasattr(item, "callspec"):
        return False
    return any(
        mark.name == "skip" and "empty parameter set" in mark.kwargs.get("reason", "") for mark in item.iter_markers()
    )


@pytest.fixture
def whole_golden_run(request: pytest.FixtureRequest) -> bool:
    """Has every file of parity tests been collected, and none of its tests deselected?"""
    folder = Path(__file__).parent
    collected = {item.path for item in request.session.items if item.get_closest_marker("golden")}
    return not _partial_golden_run and set(folder.rglob("test_golden_*.py")) <= collected
