import asyncio
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from actiongpt_core import Action, Descriptions, Pipeline, TextFeatures
from actiongpt_core.errors import (
    CheckpointError,
    ConfigError,
    PluginError,
    PromptError,
    ProviderError,
    UnknownBackboneError,
    UnknownPluginError,
)
from actiongpt_core.testing.fakes import FakeLanguageModel, FakeMotionModel, FakeProvider, FakeTextEncoder
from actiongpt_core.text.aggregators import first
from actiongpt_core.text.prompts import build_prompt
from actiongpt_core.types.text import Prompt

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
    monkeypatch.setattr("actiongpt_core.text.encoded._MAX_GROUPS", 3)
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


# --- plans, lengths, strategies --------------------------------------------------------------------------------------


def test_a_plan_has_the_seconds_that_generate_makes(pipeline: Pipeline) -> None:
    planned = pipeline.plan("walk for 2 seconds, then jump, then sit down slowly")
    assert planned[0].seconds == 2.0
    motion = pipeline.generate("walk for 2 seconds, then jump, then sit down slowly", seed=0)
    ends = [*motion.starts[1:], motion.num_frames]
    made = [(end - start) / motion.fps for start, end in zip(motion.starts, ends, strict=True)]
    assert made == pytest.approx([action.seconds for action in planned], abs=0.5 / motion.fps)


def test_seconds_are_estimated_from_the_words_unless_they_are_given(pipeline: Pipeline) -> None:
    quick, slow = (pipeline.plan(text)[0].seconds for text in ("jump", "walk around the room slowly three times"))
    assert quick is not None
    assert slow is not None
    assert quick < slow
    assert pipeline.plan("jump", seconds=7)[0].seconds == 7
    assert pipeline.plan("jump", seconds=None)[0].seconds == 4.0


class _Short(_Model):
    min_frames, max_frames, default_seconds = 10, 40, 1.0


def test_estimated_seconds_stay_within_what_the_checkpoint_can_make() -> None:
    pipeline = Pipeline(_Short(), llm=FakeProvider())
    for text in ("blink", "walk around the room slowly three times"):
        assert 0.5 <= (pipeline.plan(text)[0].seconds or 0) <= 2.0
        assert 10 <= pipeline.generate(text, seed=0).num_frames <= 40


def test_a_length_that_cannot_be_made_is_refused_before_anybody_is_asked() -> None:
    provider = FakeProvider()
    pipeline = Pipeline(_Short(), llm=provider)
    with pytest.raises(ConfigError, match=r"makes actions of 0\.5 to 2 seconds, got 3"):
        pipeline.generate("walk", seconds=3)
    assert provider.calls == []


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


class _Choosy(_Model):
    strategy = "few-shot"


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize(
    ("wanted", "providers", "model", "asked"),
    [
        ("normalise", "few-shot", _Choosy(), "normalise"),
        (None, "normalise", _Choosy(), "normalise"),
        (None, None, _Choosy(), "few-shot"),
        (None, None, _Model(), "action-gpt"),
    ],
    ids=["the user's", "the provider's", "the checkpoint's", "the paper's"],
)
def test_the_strategy_is_the_users_else_the_providers_else_the_checkpoints_else_the_papers(
    wanted: str | None, providers: str | None, model: _Model, asked: str
) -> None:
    language_model = FakeLanguageModel(lambda prompt, draw: "walk")
    language_model.strategy = providers  # type: ignore[attr-defined]
    pipeline = Pipeline(model, llm=language_model, strategy=wanted, k=1)
    with contextlib.suppress(ProviderError):  # "walk" is no description by some of them
        pipeline.describe("walk")
    assert language_model.asked[0][0] == build_prompt("walk", asked)


def test_the_checkpoints_strategy_is_nothing_to_a_provider_without_a_language_model() -> None:
    assert Pipeline(_Choosy(), llm=FakeProvider()).describe("walk")[0].source == "llm"
    with pytest.raises(ConfigError, match="asks no language model"):
        Pipeline(_Choosy(), llm=FakeProvider(), strategy="few-shot").describe("walk")


def test_an_unknown_strategy_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'few-shot'"):
        Pipeline(_Model(), llm=FakeProvider(), strategy="few_shot")


@pytest.mark.usefixtures("own_cache")
def test_a_language_model_may_part_a_long_text_into_actions() -> None:
    def write(prompt: Prompt, draw: int) -> str:
        is_long = "crosses the room" in prompt.text
        parts = '[{"action": "walk forward", "seconds": 3}, {"action": "sit down", "seconds": 1.5}]'
        return parts if is_long else "The person steps forward with one leg after the other and swings both arms."

    pipeline = Pipeline(_Model(), llm=FakeLanguageModel(write), strategy="decompose", k=2)
    motion = pipeline.generate("A tired man crosses the room and takes a seat.", seed=0)
    assert (motion.starts, motion.num_frames) == ((0, 60), 90)


def test_all_actions_of_a_batch_are_asked_for_together_each_once() -> None:
    provider = FakeProvider()
    Pipeline(_Model(), llm=provider).generate_batch(["walk, then jump", "jump", "run"], seconds=1, seed=0)
    assert [action.phrase for action in provider.calls] == ["walk", "jump", "run"]


def test_describing_leaves_the_event_loop_free() -> None:
    entered, leave = threading.Event(), threading.Event()

    class Waiting(FakeProvider):
        def complete(self, action: Action, k: int) -> Descriptions:
            entered.set()
            assert leave.wait(20)
            return super().complete(action, k)

    async def both() -> list[Descriptions]:
        task = asyncio.create_task(Pipeline(_Model(), llm=Waiting()).adescribe("walk"))
        while not entered.is_set():  # would never be, if the provider held the loop up
            await asyncio.sleep(0.01)
        leave.set()
        return await task

    assert asyncio.run(both())[0].phrase == "walk"


def test_an_aggregator_that_needs_it_is_given_the_encoded_phrase() -> None:
    class Nearest:
        needs_phrase = True
        phrases: ClassVar[list[torch.Tensor]] = []

        def __call__(self, features: TextFeatures, phrase: TextFeatures | None = None) -> TextFeatures:
            assert phrase is not None
            self.phrases.append(phrase.tokens)
            return first(features)

    pipeline = Pipeline(_Model(), llm=FakeProvider(), aggregator=Nearest())
    pipeline.generate_batch(["walk", "jump"], seconds=1, seed=0)
    expected = [FakeTextEncoder().encode([phrase]).tokens[0] for phrase in ("walk", "jump")]
    torch.testing.assert_close(Nearest.phrases, expected)


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


# --- the backbone that a checkpoint names ---------------------------------------------------------------------------

_READER = """
from actiongpt_core.hookspecs import MotionModelSpec, hookimpl

def load():
    from actiongpt_core.testing.fakes import FakeMotionModel

    class Reader(FakeMotionModel):
        @classmethod
        def from_checkpoint(cls, path, *, text_encoder=None, stats=None):
            model = cls()
            model.path = path
            return model

    return Reader

@hookimpl
def actiongpt_motion_models():
    return [MotionModelSpec(name="reader", load=load, summary="A fake."),
            MotionModelSpec(name="other", load=load, summary="A fake.", default_rank=10**9)]
"""


def test_a_checkpoint_of_this_library_names_its_backbone(install: Install, tmp_path: Path) -> None:
    install("reading", _READER)
    (tmp_path / "config.json").write_text('{"format": 1, "backbone": "reader", "config": {}}')
    pipeline = Pipeline(checkpoint=tmp_path, llm=FakeProvider(), device="cpu")
    assert pipeline.model.path == tmp_path  # type: ignore[attr-defined]
    assert pipeline.backbone == "reader"
    assert Pipeline(llm=FakeProvider(), device="cpu").backbone == "other"
    assert Pipeline(FakeMotionModel(), llm=FakeProvider(), device="cpu").backbone is None


def test_a_published_folder_needs_the_name_of_its_backbone(install: Install, tmp_path: Path) -> None:
    install("reading", _READER)
    with pytest.raises(CheckpointError, match=r"does not say of which backbone it is.*--backbone NAME"):
        Pipeline(checkpoint=tmp_path)
    assert Pipeline("reader", checkpoint=tmp_path, llm=FakeProvider()).backbone == "reader"


def test_a_checkpoint_of_a_backbone_that_is_not_installed_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"format": 1, "backbone": "absent", "config": {}}')
    with pytest.raises(UnknownBackboneError, match="No backbone named 'absent'"):
        Pipeline(checkpoint=tmp_path)


def test_a_motion_knows_what_it_was_made_from(pipeline: Pipeline) -> None:
    motion = pipeline.generate("walk, then jump", seconds=2, seed=0)
    assert list(motion.descriptions) == pipeline.describe(pipeline.plan("walk, then jump", seconds=2))
