"""Allow and block lists: of the environment, and of the user's configuration file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from actiongpt_core.errors import ConfigError
from actiongpt_core.plugin_lists import ALLOW, BLOCK, configuration_file
from actiongpt_core.registry import get_registry

PLUGIN = """
from actiongpt_core.hookspecs import LLMProviderSpec, hookimpl

@hookimpl
def actiongpt_llm_providers():
    return [LLMProviderSpec(name="NAME", load=lambda: None, summary="A plugin.")]
"""


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes the configuration file of a home of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for variable in (ALLOW, BLOCK):
        monkeypatch.delenv(variable, raising=False)

    def _configure(text: str) -> Path:
        path = configuration_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return _configure


@pytest.fixture
def two(install: Callable[..., None]) -> None:
    """The plugins `one` and `other`."""
    for name in ("one", "other"):
        install(name, PLUGIN.replace("NAME", name))


def states() -> dict[str, str]:
    return {plugin.name: plugin.status for plugin in get_registry().plugins}


def reason(name: str) -> str:
    return next(plugin.reason for plugin in get_registry().plugins if plugin.name == name)


def test_without_a_configuration_all_plugins_are_used(two: None, configure: Callable[[str], Path]) -> None:
    assert (states()["one"], states()["other"]) == ("ok", "ok")


def test_a_blocked_plugin_says_which_file_blocks_it(two: None, configure: Callable[[str], Path]) -> None:
    path = configure('[plugins]\nblock = ["other"]\n')
    assert (states()["one"], states()["other"]) == ("ok", "blocked")
    assert reason("other") == f"blocked by 'block' in {path}"


def test_only_allowed_plugins_are_used(two: None, configure: Callable[[str], Path]) -> None:
    configure('[plugins]\nallow = ["actiongpt-one:one"]\n')
    assert (states()["one"], states()["other"]) == ("ok", "blocked")


def test_the_core_cannot_be_blocked(two: None, configure: Callable[[str], Path]) -> None:
    configure('[plugins]\nblock = ["core"]\n')
    assert states()["core"] == "ok"


def test_the_environment_goes_before_the_file(
    two: None, configure: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure('[plugins]\nblock = ["other"]\n')
    monkeypatch.setenv(BLOCK, "one")
    assert (states()["one"], states()["other"]) == ("blocked", "ok")


def test_an_empty_variable_lifts_the_files_block(
    two: None, configure: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure('[plugins]\nblock = ["other"]\n')
    monkeypatch.setenv(BLOCK, "")
    assert states()["other"] == "ok"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[plugins", "is not TOML"),
        ('[plugins]\nblocked = ["other"]\n', "a table of 'allow' and 'block', got blocked"),
        ('[plugins]\nblock = "other"\n', "is a list of plugins' names"),
        ("[plugins]\nblock = [1]\n", "is a list of plugins' names"),
        ("plugins = 3\n", "a table of 'allow' and 'block', got 3"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_an_error_that_names_the_file(
    configure: Callable[[str], Path], text: str, message: str, install: Callable[..., None]
) -> None:
    path = configure(text)
    with pytest.raises(ConfigError, match=message) as caught:
        get_registry()
    assert str(path) in str(caught.value)


def test_other_tables_of_the_configuration_are_left_alone(two: None, configure: Callable[[str], Path]) -> None:
    configure("[something]\nelse = 1\n")
    assert states()["one"] == "ok"
