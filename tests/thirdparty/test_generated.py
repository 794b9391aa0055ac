"""Packages that `actiongpt plugins new` writes are really installed, tested by their own tests, and used."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actiongpt_core.scaffold.kinds import KINDS
from actiongpt_core.scaffold.writer import write_package
from actiongpt_core.testing.aggregator import AggregatorSuite
from actiongpt_core.testing.data_set import DataSetSuite
from actiongpt_core.testing.llm_provider import LLMProviderSuite
from actiongpt_core.testing.motion_model import MotionModelSuite
from actiongpt_core.testing.suite import ConformanceSuite

if TYPE_CHECKING:
    from tests.thirdparty.conftest import Environment

SUITES: dict[str, type[ConformanceSuite]] = {
    "motion-model": MotionModelSuite,
    "llm-provider": LLMProviderSuite,
    "aggregator": AggregatorSuite,
    "data-set": DataSetSuite,
}


@pytest.fixture(scope="module")
def installed(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Environment, Path]:
    """An environment with a package of each kind, and the folder where they were written."""
    folder = tmp_path_factory.mktemp("generated")
    for kind in KINDS:
        write_package(f"new-{kind}", kind, folder)
        environment.install(folder / f"new-{kind}", editable=True)
    return environment, folder


@pytest.mark.parametrize("kind", KINDS)
def test_the_packages_own_tests_run_whole_and_pass(installed: tuple[Environment, Path], kind: str) -> None:
    environment, folder = installed
    printed = environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", str(folder / f"new-{kind}"))
    ran = set(re.findall(r"::(test_\w+)", printed))
    assert ran | set(re.findall(r"SKIPPED.*\b(test_\w+)", printed)) <= set(SUITES[kind].claims())
    skipped = sum(int(count) for count in re.findall(r"SKIPPED \[(\d+)\]", printed))
    assert len(ran) + skipped >= len(SUITES[kind].claims())
    assert re.search(r"\d+ passed", printed)


def test_the_listing_knows_all_and_all_are_well(installed: tuple[Environment, Path]) -> None:
    listing = json.loads(installed[0].actiongpt("plugins", "list", "--json"))
    states = {plugin["name"]: plugin["status"] for plugin in listing["plugins"]}
    assert {states[f"new-{kind}"] for kind in KINDS} == {"ok"}


def test_model_provider_and_aggregator_make_a_motion_together(
    installed: tuple[Environment, Path], tmp_path: Path
) -> None:
    chosen = ("--backbone", "new-motion-model", "--llm", "new-llm-provider", "--aggregator", "new-aggregator")
    installed[0].actiongpt("generate", "walk, then sit", *chosen, "-o", str(tmp_path / "made.bvh"))
    assert (tmp_path / "made.bvh").stat().st_size > 1000


def test_the_data_set_is_shown(installed: tuple[Environment, Path]) -> None:
    assert "glide forward" in installed[0].actiongpt("data", "show", "new-data-set")
