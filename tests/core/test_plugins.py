"""One plugin's failure never reaches another, and every failure says its reason."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from actiongpt_core.plugins import PluginInfo
from actiongpt_core.registry import get_registry

Install = Callable[..., None]

GOOD = """
from actiongpt_core.hookspecs import LLMProviderSpec, hookimpl

@hookimpl
def actiongpt_llm_providers():
    return [LLMProviderSpec(name="good", load=lambda: None, summary="Good.")]
"""

HEAD = "from actiongpt_core.hookspecs import AggregatorSpec, LLMProviderSpec, MotionModelSpec, hookimpl\n"


def info(name: str) -> PluginInfo:
    return next(plugin for plugin in get_registry().plugins if plugin.name == name)


def llm_names() -> list[str]:
    return [part.spec.name for part in get_registry().parts("llm")]


def test_a_working_plugin_is_listed_with_what_it_provides(install: Install) -> None:
    install("good", GOOD)
    assert info("good") == PluginInfo(
        name="good", distribution="actiongpt-good", version="1.0", status="ok", provides=("llm:good",)
    )


def test_the_core_registers_its_own_parts_through_the_same_hooks(install: Install) -> None:
    assert {"llm:pack", "llm:passthrough", "llm:openai", "aggregator:mean"} <= set(info("core").provides)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("raise RuntimeError('one\\n\\n   two')", "RuntimeError: one two"),
        ("import actiongpt_missing_part", "No module named 'actiongpt_missing_part'"),
        ("from actiongpt_core import Pipelime", "ImportError"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (HEAD + "@hookimpl\ndef actiongpt_motion_model(): return []", "Did you mean 'actiongpt_motion_models'?"),
        ("def actiongpt_datasets(): return []", "unknown hook 'actiongpt_datasets'"),
        (HEAD + "@hookimpl\ndef something(): return []", "unknown hook 'something'"),
        ("def actiongpt_motion_models(): return []", "not marked with @hookimpl"),
        (HEAD + "@hookimpl\ndef actiongpt_motion_models(): return None", "must return a list of MotionModelSpec"),
        (HEAD + "@hookimpl\ndef actiongpt_motion_models(): return ['x']", "must return a list of MotionModelSpec"),
        (
            HEAD + "@hookimpl\ndef actiongpt_motion_models():\n"
            "    return [LLMProviderSpec(name='x', load=dict, summary='')]",
            "must return a list of MotionModelSpec",
        ),
        (HEAD + "@hookimpl\ndef actiongpt_motion_models(): return 1 / 0", "ZeroDivisionError"),
        (HEAD + "@hookimpl\ndef actiongpt_motion_models(config): return []", "config"),
        (
            HEAD + "@hookimpl\ndef actiongpt_aggregators():\n"
            "    return [AggregatorSpec(name='x', load=dict, summary='')] * 2",
            "provides the aggregator 'x' twice",
        ),
    ],
)
def test_a_broken_plugin_is_set_aside_with_its_reason_in_one_line(install: Install, code: str, reason: str) -> None:
    install("bad", code)
    install("good", GOOD)
    assert info("bad").status == "failed"
    assert reason in info("bad").reason
    assert "\n" not in info("bad").reason
    assert info("good").status == "ok"
    assert "good" in llm_names()


def test_ctrl_c_during_loading_is_the_users_and_goes_through(install: Install) -> None:
    install("bad", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        get_registry()


def test_a_plugin_that_fails_halfway_leaves_nothing_behind(install: Install) -> None:
    install("half", GOOD.replace("good", "half") + "@hookimpl\ndef actiongpt_motion_models(): return 1 / 0\n")
    assert info("half").status == "failed"
    assert info("half").provides == ()
    assert "half" not in llm_names()


def test_a_core_that_is_too_new_is_named_and_the_plugin_not_imported(install: Install) -> None:
    install("old", GOOD, requires=("actiongpt-core<0.1,>=0.0.1",))
    assert info("old").reason.startswith("needs actiongpt-core <0.1, found ")
    assert info("old").cure == "pip install --upgrade actiongpt-core actiongpt-old"
    assert "actiongpt_old" not in sys.modules


def test_a_missing_requirement_is_named_with_its_cure(install: Install) -> None:
    install("needy", GOOD, requires=("actiongpt-core>=0.1", "surely-not-installed>=2"))
    assert info("needy").reason == "needs surely-not-installed>=2, which is not installed"
    assert info("needy").cure == "pip install 'surely-not-installed>=2'"


def test_requirements_of_extras_and_other_platforms_are_not_asked_for(install: Install) -> None:
    install("good", GOOD, requires=("no-such-a; extra == 'train'", "no-such-b; python_version < '3'"))
    assert info("good").status == "ok"


def test_an_undeclared_missing_module_is_named_with_its_cure(install: Install) -> None:
    install("bad", "import surely_not_there.part")
    assert "surely_not_there" in info("bad").cure


def test_an_entry_point_to_nowhere_is_a_damaged_installation(install: Install) -> None:
    install("gone", "", entry_points="[actiongpt]\ngone = actiongpt_elsewhere.hooks\n")
    assert info("gone").reason == "its module 'actiongpt_elsewhere' is not there"
    assert info("gone").cure == "pip install --force-reinstall actiongpt-gone"


def test_metadata_that_cannot_be_read_hides_no_other_plugin(install: Install) -> None:
    install("garbled", "", entry_points="[actiongpt]\nthis line has no value\n")
    install("good", GOOD)
    assert "metadata cannot be read" in info("actiongpt-garbled").reason
    assert info("good").status == "ok"


def test_a_blocked_plugin_is_never_imported(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("good", GOOD)
    monkeypatch.setenv("ACTIONGPT_BLOCK", "other, good")
    assert info("good").status == "blocked"
    assert info("good").reason == "blocked by ACTIONGPT_BLOCK"
    assert "actiongpt_good" not in sys.modules


def test_only_allowed_plugins_are_imported(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("good", GOOD)
    install("other", GOOD.replace("good", "other"))
    monkeypatch.setenv("ACTIONGPT_PLUGINS", "other")
    assert (info("good").status, info("other").status) == ("blocked", "ok")
    assert info("core").status == "ok"
    assert "actiongpt_good" not in sys.modules


def test_what_a_plugin_prints_stays_out_of_standard_output(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("loud", "print('hello')")
    assert info("loud").status == "ok"
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")
