"""Each broken plugin of the gallery is caught by the tests that should catch it, and by no others."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import broken_plugins
import pytest

from actiongpt_core.errors import ConfigError
from actiongpt_core.testing.aggregator import AggregatorSuite
from actiongpt_core.testing.data_set import DataSetSuite
from actiongpt_core.testing.llm_provider import LLMProviderSuite
from actiongpt_core.testing.motion_model import MotionModelSuite
from actiongpt_core.testing.suite import ConformanceSuite
from actiongpt_core.testing.training import TrainingRecipeSuite

SUITES: list[type[ConformanceSuite]] = [
    MotionModelSuite,
    LLMProviderSuite,
    AggregatorSuite,
    DataSetSuite,
    TrainingRecipeSuite,
]
GALLERY = {name: case for name, case in vars(broken_plugins).items() if name.startswith("Test")}


@pytest.fixture(scope="module")
def failures() -> dict[str, set[str]]:
    """Broken plugin -> the tests that failed, of one run of the whole gallery."""
    path = Path(broken_plugins.__file__)
    options = ["-q", "-rfE", "--tb=no", "-p", "no:cacheprovider", "-W", "ignore"]
    process = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(path)], capture_output=True, text=True, check=False
    )
    assert process.returncode == 1, process.stdout + process.stderr
    assert "ERROR" not in process.stdout, process.stdout
    found: dict[str, set[str]] = {name: set() for name in GALLERY}
    for name, test in re.findall(r"^FAILED \S+::(\w+)::(test_\w+)", process.stdout, re.MULTILINE):
        found[name].add(test)
    return found


@pytest.mark.parametrize("name", GALLERY)
def test_a_broken_plugin_is_caught_by_the_tests_that_should_and_no_others(
    failures: dict[str, set[str]], name: str
) -> None:
    assert failures[name] == GALLERY[name].caught_by


@pytest.mark.parametrize("suite", SUITES)
def test_every_test_says_what_usually_is_the_cause_of_its_failure(suite: type[ConformanceSuite]) -> None:
    for name in suite.claims():
        told = inspect.getdoc(getattr(suite, name)) or ""
        assert "\n\nTroubleshooting: " in told, name


def test_replacing_a_test_of_a_suite_needs_a_reason() -> None:
    with pytest.raises(ConfigError, match="test_one_text_comes_out replaces a test"):

        class TestQuiet(AggregatorSuite):
            def test_one_text_comes_out(self) -> None:  # type: ignore[override]
                pass


def test_a_mark_without_a_reason_is_no_reason() -> None:
    with pytest.raises(ConfigError, match="xfail"):

        class TestQuiet(AggregatorSuite):
            @pytest.mark.xfail
            def test_one_text_comes_out(self) -> None:  # type: ignore[override]
                pass


def test_a_test_may_be_replaced_with_a_reason() -> None:
    class TestHonest(AggregatorSuite):
        @pytest.mark.xfail(reason="Two texts come out: this one keeps the phrase beside them.")
        def test_one_text_comes_out(self) -> None:  # type: ignore[override]
            raise AssertionError

    assert "test_one_text_comes_out" in TestHonest.claims()


def test_a_suite_that_is_subclassed_twice_keeps_its_contract() -> None:
    class Ours(AggregatorSuite):
        pass

    with pytest.raises(ConfigError, match="replaces a test"):

        class TestTheirs(Ours):
            def test_one_text_comes_out(self) -> None:  # type: ignore[override]
                pass


@pytest.mark.parametrize(
    ("suite", "build"),
    [
        (MotionModelSuite, "build_model"),
        (LLMProviderSuite, "build_provider"),
        (AggregatorSuite, "build_aggregator"),
        (TrainingRecipeSuite, "build_recipe"),
    ],
)
def test_a_suite_without_a_part_says_what_to_write(suite: type[ConformanceSuite], build: str) -> None:
    with pytest.raises(NotImplementedError, match=build):
        getattr(suite(), build)()
