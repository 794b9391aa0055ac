"""The doctor: each trouble is found, at its level, with its cure; and what is well is said to be well."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from actiongpt_core import doctor
from actiongpt_core.cli.main import app
from actiongpt_core.doctor import Finding, diagnose
from actiongpt_core.registry import get_registry

Install = Callable[..., None]

HEAD = "from actiongpt_core.hookspecs import LLMProviderSpec, MotionModelSpec, hookimpl\n"
PROVIDER = HEAD + (
    "@hookimpl\ndef actiongpt_llm_providers():\n    return [LLMProviderSpec(name='NAME', load=LOAD, summary='')]\n"
)
NO_KEY = """
from actiongpt_core.errors import ProviderError

class Keyless:
    def complete(self, action, k):
        raise NotImplementedError

    def check(self):
        raise ProviderError("No key: set DEMO_KEY.")
"""
NO_WEIGHTS = (
    HEAD
    + """
from actiongpt_core.errors import MissingAssetError

def build(**options):
    raise MissingAssetError("There are no weights. Run the training.")

@hookimpl
def actiongpt_motion_models():
    return [MotionModelSpec(name="bare", load=lambda: build, summary="")]
"""
)


def findings() -> list[Finding]:
    return list(diagnose(get_registry()))


def of(about: str) -> Finding:
    return next(finding for finding in findings() if finding.about == about)


def test_the_cores_own_parts_are_well(install: Install) -> None:
    assert {of(name).level for name in ("plugin core", "package actiongpt-core", "LLM provider pack")} == {"ok"}


def test_a_broken_plugin_is_a_problem_with_its_cure(install: Install) -> None:
    install("bad", "import surely_not_there")
    finding = of("plugin bad")
    assert finding.level == "problem"
    assert "surely_not_there" in finding.cure


def test_a_blocked_plugin_is_noted(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("good", PROVIDER.replace("NAME", "good").replace("LOAD", "dict"))
    monkeypatch.setenv("ACTIONGPT_BLOCK", "good")
    assert of("plugin good").level == "note"


def test_a_slow_import_is_noted_with_its_milliseconds(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_SLOW", 0.0)
    install("good", PROVIDER.replace("NAME", "good").replace("LOAD", "dict"))
    assert "ms to import" in of("plugin good").found


def test_a_name_claimed_twice_is_a_problem_that_says_how_to_choose(install: Install) -> None:
    for name in ("one", "other"):
        install(name, PROVIDER.replace("NAME", "same").replace("LOAD", "dict"))
    finding = of("llm same")
    assert finding.level == "problem"
    assert "actiongpt-one:same or actiongpt-other:same" in finding.cure


def test_a_version_that_does_not_fit_is_a_problem(install: Install) -> None:
    install("old", PROVIDER.replace("NAME", "old").replace("LOAD", "dict"), requires=("attrs>=9999",))
    finding = of("package actiongpt-old")
    assert finding.level == "problem"
    assert finding.found.startswith("needs attrs>=9999, found ")
    assert finding.cure == "pip install 'attrs>=9999'"


def test_a_key_that_is_missing_is_noted(install: Install) -> None:
    install("keyless", NO_KEY + PROVIDER.replace("NAME", "keyless").replace("LOAD", "lambda: Keyless"))
    assert of("LLM provider keyless") == Finding(
        level="note", about="LLM provider keyless", found="No key: set DEMO_KEY."
    )


def test_openai_without_a_key_is_noted(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_API_KEY_FILE", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    assert "OPENAI_API_KEY" in of("LLM provider openai").found
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert of("LLM provider openai").level == "ok"


def test_missing_weights_are_noted(install: Install) -> None:
    install("bare", NO_WEIGHTS)
    assert of("backbone bare").found == "There are no weights. Run the training."


def test_a_part_that_cannot_be_loaded_is_a_problem(install: Install) -> None:
    code = HEAD.replace("LLMProviderSpec", "AggregatorSpec") + (
        "@hookimpl\ndef actiongpt_aggregators():\n"
        "    return [AggregatorSpec(name='odd', load=lambda: 1 / 0, summary='')]\n"
    )
    install("odd", code)
    assert of("aggregator odd").level == "problem"


def test_an_extra_that_is_not_installed_is_noted_with_its_command(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = doctor.installed_version
    monkeypatch.setattr(doctor, "installed_version", lambda name: None if name == "lightning" else found(name))
    assert of("extra actiongpt-core[train]").cure == "pip install 'actiongpt-core[train]'"


def test_the_command_ends_with_1_where_there_is_a_problem(install: Install) -> None:
    install("bad", "import surely_not_there")
    result = CliRunner().invoke(app, ["plugins", "doctor"])
    assert result.exit_code == 1
    assert "PROBLEM  plugin bad:" in result.output


def test_the_command_prints_json(install: Install) -> None:
    result = CliRunner().invoke(app, ["plugins", "doctor", "--json"])
    assert {"level": "ok", "about": "plugin core"}.items() <= json.loads(result.stdout)[0].items()
