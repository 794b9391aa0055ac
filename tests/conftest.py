"""Stop with one clear line where the package is not installed; make text models importable (see torchvision_shim)."""

import importlib.util
import os
from pathlib import Path

import pytest

# Without an install, `actiongpt_core` is the project folder of that name: found, and empty.
if importlib.util.find_spec("actiongpt_core") is None or importlib.util.find_spec("actiongpt_core.errors") is None:
    pytest.exit("actiongpt_core is not installed: python -m pip install -e ./actiongpt_core[testing]", returncode=4)

from actiongpt_core.torchvision_shim import ensure_torchvision

ensure_torchvision()


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """Where the parity data is: ACTIONGPT_GOLDEN, or the part of it that is kept with the tests."""
    return Path(os.environ.get("ACTIONGPT_GOLDEN") or Path(__file__).parent / "golden")
