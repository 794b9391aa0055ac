"""The command: what it writes, what it prints, and how it fails."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actiongpt_core.cli.main import app

Install = Callable[..., None]

STRIDE = """
from pathlib import Path
from actiongpt_core.hookspecs import LLMProviderSpec, MotionModelSpec, hookimpl

def load():
    from actiongpt_core.testing.fakes import FakeMotionModel
    return FakeMotionModel

def load_provider():
    from actiongpt_core.testing.fakes import FakeProvider
    return FakeProvider

def load_converter():
    def convert(source, target, *, text_encoder, stats):
        target.mkdir()
        (target / "config.json").write_text('{"backbone": "stride", "config": {"width": 3}}')
        if text_encoder == "explode":
            from actiongpt_core import CheckpointError
            raise CheckpointError("refused: os.system")
        return target
    return convert

@hookimpl
def actiongpt_motion_models():
    return [
        MotionModelSpec(name="stride", load=load, summary="A fake.", default_rank=1000,
                        capabilities={"sequence", "training"}, checkpoint_converter=load_converter),
        MotionModelSpec(name="plain", load=load, summary="A fake without a converter."),
    ]

@hookimpl
def actiongpt_llm_providers():
    return [LLMProviderSpec(name="numbered", load=load_provider, summary="A fake.")]
"""

BASE = ["--backbone", "stride", "--llm", "numbered", "--seconds", "1"]


@pytest.fixture
def runner(install: Install) -> CliRunner:
    install("stride", STRIDE)
    return CliRunner()


def run(runner: CliRunner, *arguments: str | Path) -> str:
    """The standard output of a command that must succeed."""
    result = runner.invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def fail(runner: CliRunner, *arguments: str | Path, code: int = 1) -> str:
    """The message of a command that must fail without a traceback and without standard output."""
    result = runner.invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def test_generate_writes_every_output_and_says_where(runner: CliRunner, tmp_path: Path) -> None:
    files = [tmp_path / "a.bvh", tmp_path / "a.npz"]
    shown = run(runner, "generate", "walk, then wave", *BASE, "-o", files[0], "-o", files[1])
    assert all(file.stat().st_size > 0 for file in files)
    assert all(f"wrote {file}" in shown for file in files)
    assert "wave  (descriptions: llm)" in shown


def test_generate_reports_in_json(runner: CliRunner, tmp_path: Path) -> None:
    report = json.loads(
        run(runner, "generate", "walk, then wave", *BASE, "--k", "2", "--seed", "5", "--json", "-o", tmp_path / "a.bvh")
    )
    assert report["files"] == [str(tmp_path / "a.bvh")]
    assert (report["frames"], report["seconds"], report["seed"]) == (40, 2.0, 5)
    assert [action["phrase"] for action in report["actions"]] == ["walk", "wave"]
    assert [action["start"] for action in report["actions"]] == [0.0, 1.0]
    assert [len(action["texts"]) for action in report["actions"]] == [2, 2]


def test_a_seed_that_is_reported_gives_the_same_file_again(runner: CliRunner, tmp_path: Path) -> None:
    first, second = tmp_path / "first.bvh", tmp_path / "second.bvh"
    seed = json.loads(run(runner, "generate", "walk", *BASE, "--json", "-o", first))["seed"]
    run(runner, "generate", "walk", *BASE, "--seed", str(seed), "-o", second)
    assert first.read_bytes() == second.read_bytes()


def test_an_unknown_suffix_is_found_before_the_model_is_loaded_and_nothing_is_written(
    runner: CliRunner, install: Install, tmp_path: Path
) -> None:
    install("lead", STRIDE.replace("def load():", "def load():\n    raise SystemError").replace("stride", "lead"))
    outputs: list[str | Path] = ["-o", tmp_path / "a.bvh", "-o", tmp_path / "a.doc"]
    assert ".doc" in fail(runner, "generate", "walk", "--backbone", "lead", *outputs)
    assert not list(tmp_path.glob("a.*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["   "], "empty"),
        (["walk " * 2000], "characters"),
        (["walk\x07"], "control character"),
        (["123 ?!"], "letters"),
        (["walk, " * 100], "actions"),
        (["walk", "--backbone", "strid"], "Did you mean 'stride'?"),
        (["walk", "--llm", "pak"], "Did you mean 'pack'?"),
        (["walk", "--aggregator", "meen"], "Did you mean 'mean'?"),
        (["walk", "--seconds", "-1"], "seconds"),
        (["walk", "--seconds", "0"], "seconds"),
        (["walk", "--seconds", "nan"], "seconds"),
        (["walk", "--seconds", "1e9"], "seconds"),
        (["walk", "--seconds", "long"], "'auto'"),
        (["walk", "--k", "0"], "k,"),
        (["walk", "--seed", "-1"], "seed"),
        (["walk", "--noise-scale", "nan"], "noise_scale"),
        (["walk", "--device", "abacus"], "abacus"),
        (["walk", "--checkpoint", "nowhere"], "checkpoint"),
    ],
)
def test_bad_input_is_one_message_and_leaves_no_file(
    runner: CliRunner, tmp_path: Path, arguments: list[str], message: str
) -> None:
    output = tmp_path / "a.bvh"
    assert message in fail(runner, "generate", *BASE, *arguments, "-o", output)
    assert not list(tmp_path.glob("*.bvh"))


def test_the_wrong_use_of_the_command_has_its_own_exit_code(runner: CliRunner) -> None:
    assert "--output" in fail(runner, "generate", "walk", code=2)
    assert "No such command" in fail(runner, "generat", code=2)


def test_debug_shows_the_traceback(runner: CliRunner) -> None:
    result = runner.invoke(app, ["--debug", "describe", " "])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr


def test_ctrl_c_ends_the_command_without_a_traceback(runner: CliRunner, install: Install) -> None:
    install("slow", STRIDE.replace("def load_provider():", "def load_provider():\n    raise KeyboardInterrupt"))
    message = fail(runner, "describe", "walk", "--llm", "actiongpt-slow:numbered", code=130)
    assert message == "Interrupted.\n"


def test_describe_prints_the_descriptions_and_their_source(runner: CliRunner) -> None:
    shown = run(runner, "describe", "walk, then wave", "--llm", "numbered", "--k", "2")
    assert shown.splitlines()[:3] == [
        "walk  (descriptions: llm)",
        "  1. walk, told in way 1",
        "  2. walk, told in way 2",
    ]


def test_describe_reports_in_json(runner: CliRunner) -> None:
    items = json.loads(run(runner, "describe", "walk for 2 seconds", "--llm", "numbered", "--k", "3", "--json"))
    assert items[0]["action"] == {"phrase": "walk", "seconds": 2.0}
    assert len(items[0]["texts"]) == 3


TALKER = """
from actiongpt_core.hookspecs import LLMProviderSpec, hookimpl

def load():
    from actiongpt_core.testing.fakes import FakeLanguageModel

    class Talker(FakeLanguageModel):
        def __init__(self, model="scripted", temperature=None):
            super().__init__(sampling={} if temperature is None else {"temperature": temperature})
            self.model = model

    return Talker

@hookimpl
def actiongpt_llm_providers():
    return [LLMProviderSpec(name="talker", load=load, summary="A fake.")]
"""


@pytest.fixture
def talker(runner: CliRunner, install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    install("talker", TALKER)
    return runner


def test_describe_says_who_was_asked_how_and_what_it_cost(talker: CliRunner) -> None:
    arguments = ("describe", "walk", "--llm", "talker", "--model", "big", "--strategy", "few-shot", "--k", "2")
    first = run(talker, *arguments).splitlines()[0]
    assert re.fullmatch(r"walk  \(descriptions: llm, fake big, few-shot; 30 tokens, \d+\.\d s\)", first)
    assert run(talker, *arguments).splitlines()[0] == "walk  (descriptions: cache, fake big, few-shot)"


def test_describe_in_json_has_source_tokens_seconds_and_sampling(talker: CliRunner) -> None:
    (item,) = json.loads(
        run(talker, "describe", "walk", "--llm", "talker", "-O", "temperature=0.25", "--k", "1", "--json")
    )
    assert (item["source"], item["provider"], item["model"], item["strategy"]) == (
        "llm",
        "fake",
        "scripted",
        "action-gpt",
    )
    assert (item["prompt_tokens"], item["completion_tokens"]) == (10, 5)
    assert item["elapsed"] >= 0
    assert item["sampling"] == {"temperature": 0.25, "top_p": 1.0, "max_tokens": 128}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--llm", "talker", "-O", "temperature"], "-O name=value"),
        (["--llm", "talker", "-O", "temprature=1"], "Did you mean 'temperature'?"),
        (["--llm", "talker", "--strategy", "few_shot"], "Did you mean 'few-shot'?"),
        (["--llm", "passthrough", "--strategy", "few-shot"], "asks no language model"),
        (["--llm", "passthrough", "--model", "big"], "no option 'model'"),
    ],
)
def test_describe_refuses_what_a_provider_cannot_do(talker: CliRunner, arguments: list[str], message: str) -> None:
    assert message in fail(talker, "describe", "walk", *arguments)


def test_describe_needs_no_backbone(runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIONGPT_PLUGINS", "none")
    assert "walk" in run(runner, "describe", "walk", "--llm", "passthrough")


def test_plugins_list_shows_parts_defaults_and_failures_with_their_cure(runner: CliRunner, install: Install) -> None:
    install("needy", "", requires=("surely-not-installed>=2",))
    shown = run(runner, "plugins", "list")
    assert "failed: needs surely-not-installed>=2, which is not installed" in shown
    assert "try: pip install 'surely-not-installed>=2'" in shown
    assert re.search(r"^  stride +A fake\. \[sequence, training\] \(default\)$", shown, re.MULTILINE)
    assert run(runner, "plugins") == shown


def test_plugins_list_tells_twins_apart(runner: CliRunner, install: Install) -> None:
    install("twin", STRIDE)
    shown = run(runner, "plugins", "list")
    assert "actiongpt-stride:stride" in shown
    assert "actiongpt-twin:stride" in shown


def test_plugins_list_reports_in_json(runner: CliRunner, install: Install) -> None:
    install("bad", "raise RuntimeError('no licence')")
    content = json.loads(run(runner, "plugins", "list", "--json"))
    plugins = {plugin["name"]: plugin for plugin in content["plugins"]}
    assert plugins["bad"]["reason"] == "RuntimeError: no licence"
    assert plugins["stride"]["provides"] == ["llm:numbered", "backbone:stride", "backbone:plain"]
    assert [part["name"] for part in content["parts"] if part["is_default"]] == ["stride", "pack", "mean"]
    capabilities = {part["name"]: part["capabilities"] for part in content["parts"] if part["kind"] == "backbone"}
    assert capabilities["stride"] == ["sequence", "training"]
    assert capabilities["plain"] == []


def test_a_prompt_of_several_actions_is_refused_for_a_backbone_of_one(runner: CliRunner, tmp_path: Path) -> None:
    message = fail(runner, "generate", "walk, then wave", "--backbone", "plain", "-o", tmp_path / "a.bvh")
    assert "one action at a time" in message
    assert "stride" in message


@pytest.mark.parametrize("what", ["raise OSError('no GPU of that kind')", "exit(5)", "{}['weights']"])
def test_a_backbone_that_cannot_be_built_is_one_message_with_its_plugin(
    runner: CliRunner, install: Install, tmp_path: Path, what: str
) -> None:
    code = STRIDE.replace("    return FakeMotionModel", f"    def build():\n        {what}\n    return build")
    install("fragile", code.replace("stride", "fragile").replace("numbered", "lettered"))
    message = fail(runner, "generate", "walk", "--backbone", "fragile", "-o", tmp_path / "a.bvh")
    assert "'fragile' of actiongpt-fragile 1.0 cannot be built: " in message
    assert not list(tmp_path.glob("*.bvh"))


def test_convert_writes_a_folder_that_show_can_read(runner: CliRunner, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    assert f"wrote {target}" in run(runner, "checkpoints", "convert", source, "-o", target, "--backbone", "stride")
    assert json.loads(run(runner, "checkpoints", "show", target, "--json")) == {
        "backbone": "stride",
        "config": {"width": 3},
    }
    assert "stride" in run(runner, "checkpoints", "show", target)


def test_a_conversion_that_fails_leaves_nothing_behind(runner: CliRunner, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    options = ("-o", work / "out", "--text-encoder", "explode")
    assert "refused: os.system" in fail(runner, "checkpoints", "convert", tmp_path, *options)
    assert not list(work.iterdir())


def test_a_backbone_without_a_converter_says_so(runner: CliRunner, tmp_path: Path) -> None:
    message = fail(runner, "checkpoints", "convert", tmp_path, "-o", tmp_path / "out", "--backbone", "plain")
    assert "'plain'" in message
    assert "no converter" in message


@pytest.mark.parametrize(("source", "target"), [("missing", "out"), ("here", "here"), ("here", "no/such/folder")])
def test_convert_checks_both_folders_first(runner: CliRunner, tmp_path: Path, source: str, target: str) -> None:
    (tmp_path / "here").mkdir()
    fail(runner, "checkpoints", "convert", tmp_path / source, "-o", tmp_path / target, "--backbone", "stride")
    assert [path.name for path in tmp_path.iterdir() if path.name != "site"] == ["here"]


def test_show_of_a_folder_that_is_no_checkpoint_is_one_message(runner: CliRunner, tmp_path: Path) -> None:
    assert "config.json" in fail(runner, "checkpoints", "show", tmp_path)


def test_the_version_is_that_of_the_package(runner: CliRunner) -> None:
    import actiongpt_core

    assert run(runner, "--version") == f"actiongpt {actiongpt_core.__version__}\n"
