from collections.abc import Callable

import pytest
import torch

from actiongpt_core import Action, Pipeline
from actiongpt_core.errors import ConfigError, PluginError, PromptError, UnknownBackboneError, UnknownPluginError
from actiongpt_core.testing.fakes import FakeMotionModel, FakeProvider, FakeTextEncoder

Install = Callable[..., None]


class _Model(FakeMotionModel):
    """A backbone that brings its encoder and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.text_encoder = _Encoder()


class _Encoder(FakeTextEncoder):
    def __init__(self) -> None:
        super().__init__()
        self.groups: list[tuple[str, ...]] = []

    def encode(self, texts):  # type: ignore[no-untyped-def]
        self.groups.append(tuple(texts))
        return super().encode(texts)


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(_Model(), llm=FakeProvider(), aggregator="mean")


def test_a_text_with_two_actions_becomes_a_sequence(pipeline: Pipeline) -> None:
    motion = pipeline.generate("walk forward, then jump", seconds=2, seed=0)
    assert motion.seconds == pytest.approx(4.0)
    assert motion.starts == (0, 40)


def test_actions_say_their_own_seconds(pipeline: Pipeline) -> None:
    motion = pipeline.generate([Action("walk", seconds=2), Action("sit down")], seconds=3, seed=0)
    assert motion.starts == (0, 40)
    assert motion.num_frames == 100


def test_descriptions_can_be_edited_before_generating(pipeline: Pipeline) -> None:
    descriptions = pipeline.describe("walk, then jump")
    plain = pipeline.generate(descriptions, seconds=2, seed=0)
    descriptions[0] = descriptions[0].with_text(0, "something else altogether")
    edited = pipeline.generate(descriptions, seconds=2, seed=0)
    assert not torch.allclose(plain.rotations[:40], edited.rotations[:40])
    torch.testing.assert_close(plain.rotations[40:], edited.rotations[40:])


def test_the_same_seed_gives_the_same_motion_alone_and_in_a_batch(pipeline: Pipeline) -> None:
    alone = pipeline.generate("run, then jump, then wave", seconds=2, seed=7)
    batch = pipeline.generate_batch(["walk", "run, then jump, then wave"], seconds=2, seed=7)
    torch.testing.assert_close(batch[1].rotations, alone.rotations)


def test_each_prompt_can_have_its_own_seed(pipeline: Pipeline) -> None:
    first, second = pipeline.generate_batch(["walk", "walk"], seed=[1, 2])
    assert not torch.allclose(first.rotations, second.rotations)


def test_texts_seen_before_are_not_encoded_again(pipeline: Pipeline) -> None:
    pipeline.generate("walk, then jump", seed=0)
    seen = len(pipeline.text_encoder.groups)  # type: ignore[attr-defined]
    pipeline.generate_batch(["jump", "walk"], seed=0)
    assert len(pipeline.text_encoder.groups) == seen == 2  # type: ignore[attr-defined]


def test_cached_features_equal_fresh_ones_for_groups_of_unequal_length() -> None:
    """The exact mean sees padding, so a text that stands in two groups must not be shared between them."""
    prompts = ["walk", "walk slowly and carefully around the room"]

    def texts_of(prompt: str) -> list[object]:
        fresh = Pipeline(_Model(), llm=FakeProvider())
        motion = fresh.describe(prompt)[0]
        return [motion.with_text(0, "the same short text"), motion.with_text(1, "the same short text")]

    warm = Pipeline(_Model(), llm=FakeProvider())
    for prompt in prompts:
        warm.generate_batch(texts_of(prompt), seed=0)  # type: ignore[arg-type]
    for prompt in prompts:
        cached = warm.generate_batch(texts_of(prompt), seed=0)  # type: ignore[arg-type]
        for item, motion in zip(texts_of(prompt), cached, strict=True):
            fresh = Pipeline(_Model(), llm=FakeProvider()).generate(item, seed=0)  # type: ignore[arg-type]
            torch.testing.assert_close(motion.rotations, fresh.rotations)


def test_the_memory_of_encoded_texts_is_bounded(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actiongpt_core.pipeline._MAX_CACHED_GROUPS", 3)
    for number in "abcde":
        pipeline.generate(f"walk {number}", seed=0)
    assert len(pipeline._encoded) == 3


@pytest.mark.parametrize("text", ["", "   ", "x" * 10_000, "walk\x00", "12345 !!"])
def test_text_that_is_no_action_is_a_clear_error(pipeline: Pipeline, text: str) -> None:
    with pytest.raises(PromptError):
        pipeline.generate(text)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 1e9])
def test_impossible_seconds_are_a_clear_error(pipeline: Pipeline, seconds: float) -> None:
    with pytest.raises(ConfigError, match="seconds"):
        pipeline.generate("walk", seconds=seconds)


@pytest.mark.parametrize("prompt", [[], [1], [Action("walk")] * 21, None, 5])
def test_a_prompt_of_something_else_is_a_clear_error(pipeline: Pipeline, prompt: object) -> None:
    with pytest.raises(PromptError):
        pipeline.generate(prompt)  # type: ignore[arg-type]


def test_unknown_names_are_errors_that_name_what_is_there() -> None:
    with pytest.raises(UnknownBackboneError, match="No backbone named 'tech'"):
        Pipeline(backbone="tech")
    with pytest.raises(UnknownPluginError, match="Did you mean 'pack'"):
        Pipeline(_Model(), llm="pac")
    with pytest.raises(UnknownPluginError, match="Did you mean 'mean'"):
        Pipeline(_Model(), aggregator="meen")


@pytest.mark.parametrize("k", [0, -1, 2.5, True])
def test_an_impossible_k_is_a_clear_error(k: object) -> None:
    with pytest.raises(ConfigError, match="k, the number of descriptions"):
        Pipeline(_Model(), llm=FakeProvider(), k=k)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 1.5, True, [1, 2, 3]])
def test_an_impossible_seed_is_a_clear_error(pipeline: Pipeline, seed: object) -> None:
    with pytest.raises(ConfigError, match="seed"):
        pipeline.generate_batch(["walk"], seed=seed)  # type: ignore[arg-type]


def test_an_unknown_device_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match="Try 'auto' or 'cpu'"):
        Pipeline(_Model(), llm=FakeProvider(), device="toaster")


# --- backbones by name: what their plugins declare, and what goes wrong in them --------------------------------------

PLUGIN = """
from actiongpt_core import Action
from actiongpt_core.hookspecs import MotionModelSpec, hookimpl
from actiongpt_core.testing.fakes import FakeMotionModel, FakePooledModel

@hookimpl
def actiongpt_motion_models():
    return [MotionModelSpec(name="still", load=lambda: {load}, summary="", capabilities={capabilities})]
"""


def still(install: Install, load: str = "FakeMotionModel", capabilities: str = "set()") -> None:
    install("still", PLUGIN.format(load=load, capabilities=capabilities))


def test_a_pipeline_says_what_its_backbone_can_do(install: Install, pipeline: Pipeline) -> None:
    still(install, capabilities="{'sequence', 'deterministic'}")
    assert Pipeline("still", llm=FakeProvider()).capabilities == {"sequence", "deterministic"}
    assert pipeline.capabilities is None  # a model, of which nobody declared anything


def test_several_actions_are_refused_by_a_backbone_of_one_before_anybody_is_asked(install: Install) -> None:
    still(install)
    provider = FakeProvider()
    pipeline = Pipeline("still", llm=provider)
    for prompt in ("walk, then jump", [Action("walk"), Action("jump")]):
        with pytest.raises(PromptError, match="one action at a time, and the prompt has 2"):
            pipeline.generate(prompt)
    assert provider.calls == []
    described = [pipeline.describe(text)[0] for text in ("walk", "jump")]
    with pytest.raises(PromptError, match="one action at a time"):
        pipeline.generate_batch([described[0], described])
    assert pipeline.generate(described[0], seconds=1, seed=0).num_frames == 20


def test_several_actions_are_made_by_a_backbone_of_sequences(install: Install) -> None:
    still(install, capabilities="{'sequence'}")
    assert Pipeline("still", llm=FakeProvider()).generate("walk, then jump", seconds=1, seed=0).starts == (0, 20)


@pytest.mark.parametrize("load", ["FakeMotionModel", "FakePooledModel"])
def test_wrong_arguments_are_the_same_errors_whether_or_not_a_backbone_draws_noise(install: Install, load: str) -> None:
    still(install, load=load, capabilities="{'deterministic'}")
    pipeline = Pipeline("still", llm=FakeProvider())
    for options in ({"seed": -1}, {"seed": True}, {"noise_scale": -1.0}, {"noise_scale": float("nan")}, {"seconds": 0}):
        with pytest.raises(ConfigError, match=next(iter(options))):
            pipeline.generate("walk", **options)  # type: ignore[arg-type]


def test_a_deterministic_backbone_takes_seed_and_noise_scale_and_ignores_them(install: Install) -> None:
    still(install, load="FakePooledModel")
    pipeline = Pipeline("still", llm=FakeProvider())
    first, second = (pipeline.generate("walk", seed=seed, noise_scale=seed) for seed in (1, 2))
    torch.testing.assert_close(first.rotations, second.rotations, rtol=0, atol=0)


def test_a_backbone_that_cannot_be_built_is_our_error_with_the_plugin_and_the_cause(install: Install) -> None:
    still(install, load="dict.fromkeys")  # called without arguments: a TypeError
    with pytest.raises(PluginError, match=r"'still' of actiongpt-still 1\.0 cannot be built: TypeError") as caught:
        Pipeline("still", llm=FakeProvider())
    assert isinstance(caught.value.__cause__, TypeError)


def test_an_error_of_our_family_in_a_backbones_constructor_is_left_as_it_is(install: Install) -> None:
    still(install, load="lambda: Action('')")
    with pytest.raises(PromptError, match="needs a phrase"):
        Pipeline("still", llm=FakeProvider())
