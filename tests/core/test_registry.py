from __future__ import annotations

from collections.abc import Callable

import pytest

from actiongpt_core.errors import CheckpointError, ConfigError, PluginError, UnknownBackboneError, UnknownPluginError
from actiongpt_core.registry import get_registry, guard

Install = Callable[..., None]

BACKBONE = """
from actiongpt_core.hookspecs import MotionModelSpec, hookimpl

@hookimpl
def actiongpt_motion_models():
    return [MotionModelSpec(name="{name}", load=lambda: "{load}", summary="A model.", default_rank={rank})]
"""


def backbone(name: str, load: str = "", rank: int = 0) -> str:
    return BACKBONE.format(name=name, load=load, rank=rank)


def test_a_name_gives_its_spec(install: Install) -> None:
    install("stride", backbone("stride", load="model"))
    assert get_registry().motion_model("stride").load() == "model"  # type: ignore[comparison-overlap]


def test_an_unknown_backbone_is_an_error_with_the_installed_ones_and_a_suggestion(install: Install) -> None:
    install("stride", backbone("stride"))
    with pytest.raises(
        UnknownBackboneError, match=r"No backbone named 'strid'\. Installed: .*stride.*Did you mean 'str"
    ):
        get_registry().motion_model("strid")


@pytest.mark.parametrize("kind", ["llm_provider", "aggregator"])
def test_an_unknown_part_is_an_error_with_the_installed_ones(install: Install, kind: str) -> None:
    with pytest.raises(UnknownPluginError, match="Installed: ") as caught:
        getattr(get_registry(), kind)("nonsense")
    assert not isinstance(caught.value, UnknownBackboneError)


def test_an_unknown_name_tells_of_broken_and_blocked_plugins(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("broken", "raise RuntimeError('no licence')", version="0.2")
    install("shut", backbone("shut"))
    monkeypatch.setenv("ACTIONGPT_BLOCK", "shut")
    with pytest.raises(UnknownBackboneError) as caught:
        get_registry().motion_model("shut")
    assert "Installed but broken: actiongpt-broken 0.2 (RuntimeError: no licence); see" in str(caught.value)
    assert "Installed but blocked: actiongpt-shut 1.0 (blocked by ACTIONGPT_BLOCK); see" in str(caught.value)


def test_no_backbone_at_all_is_an_error_that_says_so(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIONGPT_PLUGINS", "none")
    for name in (None, "stride"):
        with pytest.raises(UnknownBackboneError, match="none is installed"):
            get_registry().motion_model(name)


def test_using_a_name_that_two_plugins_claim_is_an_error_that_names_both(install: Install) -> None:
    install("a", backbone("stride", load="from a"))
    install("b", backbone("stride", load="from b"), version="2.0")
    with pytest.raises(PluginError, match=r"actiongpt-a 1\.0 and actiongpt-b 2\.0"):
        get_registry().motion_model("stride")


def test_a_name_with_its_distribution_is_never_ambiguous(install: Install) -> None:
    install("a", backbone("stride", load="from a"))
    install("b", backbone("stride", load="from b"))
    assert get_registry().motion_model("actiongpt-a:stride").load() == "from a"  # type: ignore[comparison-overlap]
    assert get_registry().motion_model("actiongpt_B:stride").load() == "from b"  # type: ignore[comparison-overlap]
    with pytest.raises(UnknownBackboneError):
        get_registry().motion_model("actiongpt-c:stride")


def test_other_names_work_while_two_plugins_claim_one(install: Install) -> None:
    install("a", backbone("stride"))
    install("b", backbone("stride"))
    install("c", backbone("other"))
    assert get_registry().motion_model("other").name == "other"
    assert [part.spec.name for part in get_registry().parts("backbone")].count("stride") == 2


def test_a_plugin_cannot_replace_a_part_of_the_core_unnoticed(install: Install) -> None:
    code = BACKBONE.replace("MotionModelSpec", "AggregatorSpec").replace("motion_models", "aggregators")
    install("a", code.format(name="mean", load="", rank=0))
    with pytest.raises(PluginError, match="actiongpt-core"):
        get_registry().aggregator("mean")
    assert get_registry().aggregator("actiongpt-core:mean") == get_registry().aggregator()


def test_without_a_name_the_highest_rank_wins(install: Install) -> None:
    install("a", backbone("low", rank=1000))
    install("b", backbone("high", rank=1001))
    assert get_registry().motion_model().name == "high"


def test_of_equal_ranks_the_first_by_name_wins(install: Install) -> None:
    install("a", backbone("second", rank=1000))
    install("b", backbone("first", rank=1000))
    assert get_registry().motion_model().name == "first"


def test_a_default_that_two_plugins_claim_is_an_error(install: Install) -> None:
    install("a", backbone("stride", rank=1000))
    install("b", backbone("stride", rank=1000))
    with pytest.raises(PluginError, match="actiongpt-a"):
        get_registry().motion_model()


def test_the_defaults_of_the_core_are_those_of_the_paper_and_offline(install: Install) -> None:
    assert get_registry().llm_provider().name == "pack"
    assert get_registry().aggregator().name == "mean"


def test_a_dependency_that_is_missing_at_use_is_our_error(install: Install) -> None:
    code = backbone("stride").replace('lambda: ""', "lambda: __import__('surely_not_there')")
    install("stride", code)
    with pytest.raises(PluginError, match=r"'stride' of actiongpt-stride 1\.0 cannot be loaded: .*surely_not_there"):
        get_registry().motion_model("stride").load()


@pytest.mark.parametrize("fails", ["1 / 0", "exit(3)", "open('surely/not/there')"])
def test_code_of_a_plugin_that_fails_is_our_error_with_the_plugin_and_the_cause(install: Install, fails: str) -> None:
    install("stride", backbone("stride"), version="0.3")
    part = get_registry().part("backbone", "stride")
    with (
        pytest.raises(PluginError, match=r"'stride' of actiongpt-stride 0\.3 cannot be built: ") as caught,
        guard(part, "built"),
    ):
        exec(fails)
    assert type(caught.value.__cause__).__name__ in str(caught.value)


@pytest.mark.parametrize("error", [CheckpointError("no weights"), KeyboardInterrupt()])
def test_our_own_errors_and_ctrl_c_go_through_a_guard_as_they_are(install: Install, error: BaseException) -> None:
    install("stride", backbone("stride"))
    with pytest.raises(type(error)) as caught, guard(get_registry().part("backbone", "stride"), "built"):
        raise error
    assert caught.value is error


def test_a_provider_that_cannot_be_built_is_our_error(install: Install) -> None:
    code = BACKBONE.replace("MotionModelSpec", "LLMProviderSpec").replace("motion_models", "llm_providers")
    install("mute", code.format(name="mute", load="", rank=0).replace('lambda: ""', "lambda: lambda: {}['tongue']"))
    with pytest.raises(PluginError, match=r"'mute' of actiongpt-mute 1\.0 cannot be built: KeyError: 'tongue'"):
        get_registry().build_provider("mute")


def test_labels_name_the_distribution_of_twins_only(install: Install) -> None:
    install("a", backbone("stride"))
    install("b", backbone("stride"))
    install("c", backbone("other"))
    labels = [label for label, _ in get_registry().labels("backbone")]
    assert {"actiongpt-a:stride", "actiongpt-b:stride", "other"} <= set(labels)
    assert "stride" not in labels


def test_the_registry_is_built_once(install: Install) -> None:
    assert get_registry() is get_registry()


# --- options of a provider -------------------------------------------------------------------------------------------

PROVIDER = """
from actiongpt_core.hookspecs import LLMProviderSpec, hookimpl

class Teller:
    def __init__(self, model="small", *, warmth=0.5):
        self.options = (model, warmth)

@hookimpl
def actiongpt_llm_providers():
    return [
        LLMProviderSpec(name="teller", load=lambda: Teller, summary=""),
        LLMProviderSpec(name="mute", load=lambda: object, summary=""),
        LLMProviderSpec(name="open", load=lambda: lambda **options: options, summary=""),
    ]
"""


def test_a_provider_is_built_with_the_options_that_are_given(install: Install) -> None:
    install("teller", PROVIDER)
    assert get_registry().build_provider("teller").options == ("small", 0.5)  # type: ignore[attr-defined]
    built = get_registry().build_provider("teller", model="large", warmth=1)
    assert built.options == ("large", 1)  # type: ignore[attr-defined]
    assert get_registry().build_provider("open", anything=1) == {"anything": 1}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("teller", r"no option 'warmt'\. It takes model, warmth\. Did you mean 'warmth'\?"),
        ("mute", r"no option 'warmt'\. It takes none\."),
    ],
)
def test_an_option_that_a_provider_does_not_take_is_refused_with_those_that_it_takes(
    install: Install, name: str, message: str
) -> None:
    install("teller", PROVIDER)
    with pytest.raises(ConfigError, match=message):
        get_registry().build_provider(name, warmt=1)
