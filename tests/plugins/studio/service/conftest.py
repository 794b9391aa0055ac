from __future__ import annotations

from collections.abc import Iterator

import pytest
from live_service import HeldPipelines, Live, live

from actiongpt_core import get_registry

if not get_registry().parts("backbone"):
    pytest.skip("needs a backbone: pip install ./plugins/actiongpt_teach, or another", allow_module_level=True)


@pytest.fixture(scope="session")
def service() -> Iterator[Live]:
    """A service with its defaults."""
    with live() as started:
        yield started


@pytest.fixture
def held() -> Iterator[HeldPipelines]:
    """Pipelines that a test can hold up; let go at its end."""
    pipelines = HeldPipelines()
    yield pipelines
    pipelines.go.set()
