"""The suites pass what is right and fail what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import pytest
import torch

from actiongpt_core.interfaces import Aggregator, LLMProvider, MotionModel, TextEncoder
from actiongpt_core.testing.aggregator import AggregatorSuite
from actiongpt_core.testing.fakes import (
    FakeLanguageModel,
    FakeMotionModel,
    FakePooledModel,
    FakeProvider,
    FakeTextEncoder,
)
from actiongpt_core.testing.llm_provider import LLMProviderSuite
from actiongpt_core.testing.motion_model import MotionModelSuite
from actiongpt_core.text.aggregators import first, masked_mean, mean
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import Action, Answer, Descriptions, Prompt, TextFeatures


class TestFakeMotionModel(MotionModelSuite):
    takes_any_width = True

    def build_model(self) -> MotionModel:
        return FakeMotionModel()


class TestFakePooledModel(MotionModelSuite):
    is_generative = False
    takes_any_width = True

    def build_model(self) -> MotionModel:
        return FakePooledModel()


class TestFakeProvider(LLMProviderSuite):
    def build_provider(self) -> LLMProvider:
        return FakeProvider()


class TestFakeLanguageModel(LLMProviderSuite):
    def build_provider(self) -> LLMProvider:
        return FakeLanguageModel()


class TestMean(AggregatorSuite):
    def build_aggregator(self) -> Aggregator:
        return mean


class TestMaskedMean(AggregatorSuite):
    ignores_padding = True

    def build_aggregator(self) -> Aggregator:
        return masked_mean


class TestFirst(AggregatorSuite):
    is_symmetric = False
    ignores_padding = True

    def build_aggregator(self) -> Aggregator:
        return first


class OneFrameShort(FakeMotionModel):
    def generate(self, *args: Any, **options: Any) -> Motion:
        return super().generate(*args, **options)[:-1]


class Scaled(FakeMotionModel):
    def generate(self, *args: Any, **options: Any) -> Motion:
        motion = super().generate(*args, **options)
        return attrs.evolve(motion, rotations=1.01 * motion.rotations)


class Deaf(FakeMotionModel):
    def generate(self, features: Sequence[TextFeatures], *args: Any, **options: Any) -> Motion:
        same = TextFeatures(tokens=torch.ones(1, 16), mask=torch.ones(1, dtype=torch.bool))
        return super().generate([same] * len(features), *args, **options)


class Unseeded(FakeMotionModel):
    def generate(self, *args: Any, **options: Any) -> Motion:
        options["generator"] = None
        return super().generate(*args, **options)


class Greedy(FakeMotionModel):
    def generate(self, features: Sequence[TextFeatures], *args: Any, **options: Any) -> Motion:
        for text in features:
            text.tokens.mul_(2)
        return super().generate(features, *args, **options)


class Noiseless(FakeMotionModel):
    def generate(self, *args: Any, **options: Any) -> Motion:
        return super().generate(*args, **{**options, "noise_scale": 0.0})


class Headstrong(FakeMotionModel):
    def generate(self, *args: Any, **options: Any) -> Motion:
        return super().generate(*args, **{**options, "noise_scale": 1.0})


class PoolScaling(FakePooledModel):
    def generate(self, features: Sequence[TextFeatures], *args: Any, **options: Any) -> Motion:
        for text in features:
            assert text.pooled is not None
            text.pooled.mul_(2)
        return super().generate(features, *args, **options)


class OwnBatch(FakeMotionModel):
    def generate_batch(self, *args: Any, **options: Any) -> list[Motion]:
        return super().generate_batch(*args, **{**options, "noise_scale": 0.5})


@pytest.mark.parametrize(
    ("model", "check"),
    [
        (OneFrameShort, "test_a_motion_has_as_many_frames_as_were_asked_for"),
        (Scaled, "test_rotations_are_orthonormal_and_right_handed"),
        (Deaf, "test_different_texts_give_different_motions"),
        (Unseeded, "test_the_same_seed_gives_the_same_motion"),
        (Unseeded, "test_the_global_random_state_is_left_alone_when_a_generator_is_given"),
        (Noiseless, "test_another_seed_gives_another_motion_only_where_the_model_draws_noise"),
        (Headstrong, "test_the_noise_scale_changes_the_motion_only_where_the_model_draws_noise"),
        (Greedy, "test_the_input_is_not_modified"),
        (PoolScaling, "test_the_input_is_not_modified"),
        (OwnBatch, "test_a_batch_equals_its_items_one_by_one"),
    ],
)
def test_a_wrong_model_fails_the_check_that_it_should(model: type[FakeMotionModel], check: str) -> None:
    texts = [mean(FakeTextEncoder().encode([phrase])) for phrase in ("walk", "wave an arm", "sit down")]
    getattr(MotionModelSuite(), check)(FakeMotionModel(), texts)
    with pytest.raises(AssertionError):
        getattr(MotionModelSuite(), check)(model(), texts)


class Crashing(FakeMotionModel):
    def generate(self, features: Sequence[TextFeatures], *args: Any, **options: Any) -> Motion:
        return super().generate([attrs.evolve(text, pooled=2 * text.pooled) for text in features], *args, **options)


def test_a_model_that_crashes_without_pooled_features_fails_its_check() -> None:
    check = MotionModelSuite().test_text_without_a_pooled_vector_gives_a_motion_or_our_error
    texts = [mean(FakeTextEncoder().encode([phrase])) for phrase in ("walk", "wave an arm")]
    check(FakeMotionModel(), texts)
    check(FakePooledModel(), texts)  # refuses, by our error
    with pytest.raises(TypeError):
        check(Crashing(), texts)


def test_noise_where_none_was_claimed_fails_the_checks() -> None:
    class Claims(MotionModelSuite):
        is_generative = False

    texts = [mean(FakeTextEncoder().encode([phrase])) for phrase in ("walk", "wave an arm")]
    for check in (
        Claims().test_another_seed_gives_another_motion_only_where_the_model_draws_noise,
        Claims().test_the_noise_scale_changes_the_motion_only_where_the_model_draws_noise,
    ):
        check(FakePooledModel(), texts)
        with pytest.raises(AssertionError):
            check(FakeMotionModel(), texts)


DECLARED = """
from actiongpt_core.hookspecs import MotionModelSpec, hookimpl

@hookimpl
def actiongpt_motion_models():
    return [MotionModelSpec(name="declared", load=object, summary="", capabilities={capabilities})]
"""


@pytest.mark.parametrize(
    ("capabilities", "fits"),
    [
        ("{'deterministic'}", True),
        ("{'deterministic', 'training'}", True),
        ("set()", False),
        ("{'determinstic'}", False),
        ("{'sequence', 'deterministic'}", False),
    ],
)
def test_what_a_plugin_declares_is_compared_with_what_its_suite_claims(
    install: Callable[..., None], capabilities: str, fits: bool
) -> None:
    class Claims(MotionModelSuite):
        backbone = "declared"
        supports_sequences = False
        is_generative = False

    install("declared", DECLARED.format(capabilities=capabilities))
    if fits:
        Claims().test_the_plugin_declares_what_the_model_can_do()
        return
    with pytest.raises(AssertionError):
        Claims().test_the_plugin_declares_what_the_model_can_do()


class Short(FakeProvider):
    def complete(self, action: Action, k: int) -> Descriptions:
        return super().complete(action, 1)


class Forgetful(FakeProvider):
    def complete(self, action: Action, k: int) -> Descriptions:
        return attrs.evolve(super().complete(action, k), action=Action(action.phrase))


class Stuttering(FakeLanguageModel):
    def answers(self, *args: Any) -> Iterator[Answer]:
        for answer in super().answers(*args):
            yield from (answer, answer)


class Renumbering(FakeLanguageModel):
    def answers(self, prompt: Prompt, draws: Sequence[int], sampling: Mapping[str, Any]) -> Iterator[Answer]:
        return super().answers(prompt, range(len(draws)), sampling)


class OnePhraseAtATime(FakeProvider):
    """Keeps the question in itself, where the next thread writes over it."""

    def complete(self, action: Action, k: int) -> Descriptions:
        self._action = action
        time.sleep(0.01)
        return super().complete(self._action, k)


@pytest.mark.parametrize("wrong", [Stuttering, Renumbering])
def test_a_wrong_language_model_fails_the_check_of_draws(wrong: type[FakeLanguageModel]) -> None:
    check = LLMProviderSuite().test_a_language_model_answers_a_draw_at_most_once_and_no_other
    check(FakeLanguageModel())
    with pytest.raises(AssertionError):
        check(wrong())


@pytest.mark.parametrize(
    ("provider", "check"),
    [
        (OnePhraseAtATime, "test_threads_may_share_the_provider"),
        (Short, "test_there_are_k_texts_with_words_in_them"),
        (Forgetful, "test_the_action_is_kept_with_its_seconds"),
    ],
)
def test_a_wrong_provider_fails_the_check_that_it_should(provider: type[FakeProvider], check: str) -> None:
    options = {"k": 4} if check.startswith("test_there_are_k") else {}
    getattr(LLMProviderSuite(), check)(FakeProvider(), **options)
    with pytest.raises(AssertionError):
        getattr(LLMProviderSuite(), check)(provider(), **options)


def test_the_fake_encoder_fits_the_protocol_and_pads_with_states_that_are_not_zero() -> None:
    encoder = FakeTextEncoder(dim=8)
    assert isinstance(encoder, TextEncoder)
    features = encoder.encode(["walk", "walk to the left"])
    assert features.tokens.shape == (2, 4, 8)
    assert features.mask.tolist() == [[True, False, False, False], [True] * 4]
    assert features.tokens[~features.mask].abs().min() > 0
    assert torch.equal(features.tokens[0, 0], features.tokens[1, 0])
    assert features.pooled is not None
    torch.testing.assert_close(features.pooled[0], features.tokens[0, 0])  # padding does not count
    torch.testing.assert_close(features.pooled[1], features.tokens[1].mean(dim=0))
