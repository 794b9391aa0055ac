"""One small index for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from actiongpt_core import get_registry

from actiongpt_retrieval.build import build_index


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "index"
    build_index(get_registry().open_data_set("procedural", variants=4, seconds=2), folder)
    return folder
