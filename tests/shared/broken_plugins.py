"""A gallery of broken plugins: each has one mistake that authors make, and the suite that must find it.

Not collected by itself; tests/core/testing/test_gallery.py runs it. `caught_by` names the tests that must fail, and no
others may.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs
import torch
from torch import Tensor

from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import Aggregator, DataSet, LLMProvider, MotionModel
from actiongpt_core.testing.aggregator import AggregatorSuite
from actiongpt_core.testing.data_set import DataSetSuite
from actiongpt_core.testing.fakes import FakeLanguageModel, FakeMotionModel, FakeProvider
from actiongpt_core.testing.llm_provider import LLMProviderSuite
from actiongpt_core.testing.motion_model import MotionModelSuite
from actiongpt_core.text.aggregators import masked_mean, mean
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.segments import Segment
from actiongpt_core.types.text import Action, Answer, Descriptions, Prompt, TextFeatures


class Model(MotionModelSuite):
    """A suite around a model; `change` is what is wrong with its motions."""

    takes_any_width = True
    caught_by: ClassVar[set[str]] = set()

    def build_model(self) -> MotionModel:
        suite = self

        class Broken(FakeMotionModel):
            def generate(self, features: Sequence[TextFeatures], lengths: Sequence[int], **options: Any) -> Motion:
                return suite.change(super().generate(features, lengths, **options))

        return Broken()

    def change(self, motion: Motion) -> Motion:
        return motion


class TestNothingIsWrong(Model):
    """The gallery's own frame breaks nothing."""


class TestOneFrameIsLost(Model):
    caught_by: ClassVar[set[str]] = {
        "test_a_motion_has_as_many_frames_as_were_asked_for",
        "test_a_single_action_works",
        "test_text_without_a_pooled_vector_gives_a_motion_or_our_error",
        "test_a_text_of_one_token_gives_a_motion",
        "test_a_very_long_text_gives_a_motion_or_our_error",
        "test_the_shortest_and_the_longest_action_work",
    }

    def change(self, motion: Motion) -> Motion:
        return motion[:-1] if len(motion) > 1 else attrs.evolve(motion)

    def build_model(self) -> MotionModel:
        model = super().build_model()
        model.min_frames = 2  # type: ignore[attr-defined]
        return model


class TestAnotherFrameRate(Model):
    caught_by: ClassVar[set[str]] = {"test_a_motion_has_the_models_frame_rate_and_skeleton"}

    def change(self, motion: Motion) -> Motion:
        return attrs.evolve(motion, fps=30.0)


class TestNoStarts(Model):
    caught_by: ClassVar[set[str]] = {"test_action_starts_are_the_sums_of_the_lengths"}

    def change(self, motion: Motion) -> Motion:
        return attrs.evolve(motion, starts=(0,))


class TestDoublePrecision(Model):
    caught_by: ClassVar[set[str]] = {"test_a_motion_is_float32"}

    def change(self, motion: Motion) -> Motion:
        return attrs.evolve(motion, rotations=motion.rotations.double(), translation=motion.translation.double())


class TestScaledRotations(Model):
    caught_by: ClassVar[set[str]] = {"test_rotations_are_orthonormal_and_right_handed"}

    def change(self, motion: Motion) -> Motion:
        return attrs.evolve(motion, rotations=1.01 * motion.rotations)


class TestMirroredAxis(Model):
    caught_by: ClassVar[set[str]] = {"test_rotations_are_orthonormal_and_right_handed"}

    def change(self, motion: Motion) -> Motion:
        return attrs.evolve(motion, rotations=motion.rotations * torch.tensor([1.0, 1.0, -1.0]))


class TestKeptGradient(Model):
    caught_by: ClassVar[set[str]] = {"test_a_motion_holds_no_gradient"}

    def change(self, motion: Motion) -> Motion:
        return attrs.evolve(motion, translation=motion.translation.clone().requires_grad_())


class TestOwnChance(Model):
    """Draws with Python's generator, which no seed of the library reaches."""

    caught_by: ClassVar[set[str]] = {
        "test_the_same_seed_gives_the_same_motion",
        "test_noise_scale_zero_gives_one_motion_for_all_seeds",
        "test_what_stands_at_padded_positions_changes_nothing",
        "test_threads_may_share_the_model",
        "test_a_batch_equals_its_items_one_by_one",
    }

    def change(self, motion: Motion) -> Motion:
        return attrs.evolve(motion, translation=motion.translation + 0.1 * random.random())


class TestGlobalChance(Model):
    """Steps the random state that everybody shares."""

    caught_by: ClassVar[set[str]] = {"test_the_global_random_state_is_left_alone_when_a_generator_is_given"}

    def change(self, motion: Motion) -> Motion:
        torch.rand(1)
        return motion


class Inside(MotionModelSuite):
    """A suite around a model that is wrong inside."""

    takes_any_width = True
    caught_by: ClassVar[set[str]] = set()
    model_type: ClassVar[type[FakeMotionModel]] = FakeMotionModel

    def build_model(self) -> MotionModel:
        return self.model_type()


class Deaf(FakeMotionModel):
    def _swing(self, text: TextFeatures, *others: Any) -> Tensor:
        return super()._swing(attrs.evolve(text, tokens=torch.ones_like(text.tokens)), *others)


class TestDeaf(Inside):
    model_type = Deaf
    caught_by: ClassVar[set[str]] = {
        "test_different_texts_give_different_motions",
        "test_text_that_is_not_finite_is_refused",
    }


class Calm(FakeMotionModel):
    def _swing(self, text: TextFeatures, length: int, scale: float, generator: torch.Generator | None) -> Tensor:
        return super()._swing(text, length, 0.0, generator)


class TestNoNoise(Inside):
    model_type = Calm
    caught_by: ClassVar[set[str]] = {
        "test_another_seed_gives_another_motion_only_where_the_model_draws_noise",
        "test_the_noise_scale_changes_the_motion_only_where_the_model_draws_noise",
    }


class Headstrong(FakeMotionModel):
    def _swing(self, text: TextFeatures, length: int, scale: float, generator: torch.Generator | None) -> Tensor:
        return super()._swing(text, length, 1.0, generator)


class TestNoiseScaleIsNotRead(Inside):
    model_type = Headstrong
    caught_by: ClassVar[set[str]] = {
        "test_the_noise_scale_changes_the_motion_only_where_the_model_draws_noise",
        "test_noise_scale_zero_gives_one_motion_for_all_seeds",
    }


class Greedy(FakeMotionModel):
    def _swing(self, text: TextFeatures, *others: Any) -> Tensor:
        text.tokens.add_(1.0)
        return super()._swing(text, *others)


class TestChangesItsInput(Inside):
    model_type = Greedy
    caught_by: ClassVar[set[str]] = {
        "test_the_input_is_not_modified",
        "test_the_same_seed_gives_the_same_motion",
        "test_noise_scale_zero_gives_one_motion_for_all_seeds",
        "test_a_batch_equals_its_items_one_by_one",
        "test_threads_may_share_the_model",
    }


class MaskBlind(FakeMotionModel):
    def _swing(self, text: TextFeatures, *others: Any) -> Tensor:
        return super()._swing(attrs.evolve(text, mask=torch.ones_like(text.mask)), *others)


class TestPaddingLeaks(Inside):
    model_type = MaskBlind
    caught_by: ClassVar[set[str]] = {"test_what_stands_at_padded_positions_changes_nothing"}


class Spread(FakeMotionModel):
    def _swing(self, text: TextFeatures, *others: Any) -> Tensor:
        tokens = text.tokens / text.tokens[text.mask].std(dim=0)
        return super()._swing(attrs.evolve(text, tokens=tokens), *others)


class TestOneTokenHasNoSpread(Inside):
    model_type = Spread
    caught_by: ClassVar[set[str]] = {"test_a_text_of_one_token_gives_a_motion"}


class Patient(FakeMotionModel):
    def _swing(self, text: TextFeatures, *others: Any) -> Tensor:
        return super()._swing(attrs.evolve(text, tokens=text.tokens.nan_to_num()), *others)


class TestNanIsReplaced(Inside):
    model_type = Patient
    caught_by: ClassVar[set[str]] = {"test_text_that_is_not_finite_is_refused"}


class Forgiving(FakeMotionModel):
    def generate(self, features: Sequence[TextFeatures], lengths: Sequence[int], **options: Any) -> Motion:
        pairs = list(zip(features, lengths, strict=False))
        return super().generate([pair[0] for pair in pairs], [pair[1] for pair in pairs], **options)


class TestLengthsAreDropped(Inside):
    model_type = Forgiving
    caught_by: ClassVar[set[str]] = {"test_each_action_needs_a_length"}


class Corrective(FakeMotionModel):
    def generate(self, features: Sequence[TextFeatures], lengths: Sequence[int], **options: Any) -> Motion:
        return super().generate(features, [max(length, 1) for length in lengths], **options)


class TestLengthZeroIsMadeOne(Inside):
    model_type = Corrective
    caught_by: ClassVar[set[str]] = {"test_an_action_without_frames_is_refused"}


class Inventive(FakeMotionModel):
    def generate(self, features: Sequence[TextFeatures], lengths: Sequence[int], **options: Any) -> Motion:
        if not features:
            features, lengths = [TextFeatures(tokens=torch.ones(1, 16), mask=torch.ones(1, dtype=torch.bool))], [1]
        return super().generate(features, lengths, **options)


class TestNothingBecomesAMotion(Inside):
    model_type = Inventive
    caught_by: ClassVar[set[str]] = {"test_no_action_is_refused"}


class TestWidthIsNotLookedAt(Inside):
    takes_any_width = False
    caught_by: ClassVar[set[str]] = {"test_text_of_another_width_is_refused"}


class OneGenerator(FakeMotionModel):
    def generate_batch(self, features: Any, lengths: Any, *, generators: Any, **options: Any) -> list[Motion]:
        return super().generate_batch(features, lengths, generators=[generators[0]] * len(generators), **options)


class TestOneGeneratorForTheBatch(Inside):
    model_type = OneGenerator
    caught_by: ClassVar[set[str]] = {"test_a_batch_equals_its_items_one_by_one"}


class Provider(LLMProviderSuite):
    """A suite around a provider."""

    caught_by: ClassVar[set[str]] = set()
    provider_type: ClassVar[type[Any]] = FakeProvider

    def build_provider(self) -> LLMProvider:
        provider: LLMProvider = self.provider_type()
        return provider


class AlwaysFour(FakeProvider):
    def complete(self, action: Action, k: int) -> Descriptions:
        return super().complete(action, 4)


class TestKIsNotRead(Provider):
    provider_type = AlwaysFour
    caught_by: ClassVar[set[str]] = {
        "test_there_are_k_texts_with_words_in_them",
        "test_threads_may_share_the_provider",
        "test_an_odd_phrase_is_answered_or_refused_by_our_error",
        "test_more_texts_than_usual_are_given_or_refused_by_our_error",
        "test_a_number_of_texts_that_cannot_be_is_refused",
    }


class Spaced(FakeProvider):
    def complete(self, action: Action, k: int) -> Descriptions:
        told = super().complete(action, k)
        return attrs.evolve(told, texts=tuple(f" {text}\n" for text in told.texts))


class TestAnswersAreNotStripped(Provider):
    provider_type = Spaced
    caught_by: ClassVar[set[str]] = {"test_texts_have_no_space_around_them"}


class Forgetful(FakeProvider):
    def complete(self, action: Action, k: int) -> Descriptions:
        return super().complete(Action(action.phrase), k)


class TestSecondsAreLost(Provider):
    provider_type = Forgetful
    caught_by: ClassVar[set[str]] = {"test_the_action_is_kept_with_its_seconds"}


class Silent(FakeProvider):
    def complete(self, action: Action, k: int) -> Descriptions:
        return attrs.evolve(super().complete(action, k), source="")


class TestNoSource(Provider):
    provider_type = Silent
    caught_by: ClassVar[set[str]] = {"test_the_source_is_said"}


class Wordy(FakeProvider):
    def complete(self, action: Action, k: int) -> Descriptions:
        told = super().complete(action, k)
        return attrs.evolve(told, texts=tuple(f"{text}, {random.random()}" for text in told.texts))


class TestOtherWordsEachTime(Provider):
    provider_type = Wordy
    caught_by: ClassVar[set[str]] = {"test_the_same_question_has_the_same_answer"}


class Formatting(FakeProvider):
    def complete(self, action: Action, k: int) -> Descriptions:
        return attrs.evolve(super().complete(action, k), prompt=f"Describe {action.phrase}".format(phrase="") % ())


class TestPhrasesAreFormatted(Provider):
    provider_type = Formatting
    caught_by: ClassVar[set[str]] = {"test_an_odd_phrase_is_answered_or_refused_by_our_error"}


class Renumbering(FakeLanguageModel):
    def answers(self, prompt: Prompt, draws: Sequence[int], sampling: Mapping[str, Any]) -> Iterator[Answer]:
        return super().answers(prompt, range(len(draws)), sampling)


class TestDrawsAreCountedAnew(Provider):
    provider_type = Renumbering
    caught_by: ClassVar[set[str]] = {"test_a_language_model_answers_a_draw_at_most_once_and_no_other"}


class Anxious(FakeProvider):
    def check(self) -> None:
        raise ConfigError("There is no key.")


class TestCheckFailsWithoutReason(Provider):
    provider_type = Anxious
    caught_by: ClassVar[set[str]] = {"test_a_check_asks_nothing_and_passes_here"}


class Aggregate(AggregatorSuite):
    """A suite around an aggregator: `aggregate` is the mistake."""

    caught_by: ClassVar[set[str]] = set()

    def build_aggregator(self) -> Aggregator:
        return self.aggregate

    def aggregate(self, features: TextFeatures) -> TextFeatures:
        return mean(features)


class TestTheSumInsteadOfTheMean(Aggregate):
    caught_by: ClassVar[set[str]] = {"test_descriptions_that_are_all_the_same_come_out_as_one_of_them"}

    def aggregate(self, features: TextFeatures) -> TextFeatures:
        found = mean(features)
        return attrs.evolve(found, tokens=found.tokens * (1 if len(features.tokens) == 1 else 2))


class TestOneDescriptionIsScaled(Aggregate):
    caught_by: ClassVar[set[str]] = {
        "test_one_description_comes_out_as_it_went_in",
        "test_descriptions_that_are_all_the_same_come_out_as_one_of_them",
    }

    def aggregate(self, features: TextFeatures) -> TextFeatures:
        found = mean(features)
        return attrs.evolve(found, tokens=1.1 * found.tokens)


class TestThePooledVectorIsForgotten(Aggregate):
    caught_by: ClassVar[set[str]] = {
        "test_one_description_comes_out_as_it_went_in",
        "test_the_pooled_vector_is_one_or_absent_as_in_the_input",
    }

    def aggregate(self, features: TextFeatures) -> TextFeatures:
        return attrs.evolve(mean(features), pooled=None)


class TestTheOrderCounts(Aggregate):
    caught_by: ClassVar[set[str]] = {"test_the_order_of_the_descriptions_changes_nothing"}

    def aggregate(self, features: TextFeatures) -> TextFeatures:
        weights = torch.linspace(1, 2, len(features.tokens))[:, None, None]
        return attrs.evolve(mean(features), tokens=(weights / weights.sum() * features.tokens).sum(dim=0))


class TestPaddingCounts(Aggregate):
    ignores_padding = True
    caught_by: ClassVar[set[str]] = {"test_states_at_padded_positions_change_nothing"}


class TestTheGradientIsCut(Aggregate):
    caught_by: ClassVar[set[str]] = {"test_gradient_flows_to_the_descriptions"}

    def aggregate(self, features: TextFeatures) -> TextFeatures:
        found = masked_mean(features)
        return attrs.evolve(found, tokens=found.tokens.detach() + 0 * found.tokens)


class TestOneTextIsTakenForAGroup(Aggregate):
    caught_by: ClassVar[set[str]] = {"test_one_text_alone_is_refused"}

    def aggregate(self, features: TextFeatures) -> TextFeatures:
        if features.tokens.ndim == 2:
            return features
        return mean(features)


class Right(ProceduralSet):
    def __init__(self) -> None:
        super().__init__(variants=1, seconds=2)


class Data(DataSetSuite):
    """A suite around a data set."""

    caught_by: ClassVar[set[str]] = set()
    set_type: ClassVar[type[Right]] = Right

    def build_data_set(self, folder: Path) -> DataSet:
        return self.set_type()


class Centimetres(Right):
    def motion(self, recording: str, start: int, end: int) -> Motion:
        motion = super().motion(recording, start, end)
        walk = 100 * motion.translation
        walk[:, 0] += 50 * (start + walk.new_ones(len(walk)).cumsum(0))
        return attrs.evolve(motion, translation=walk)


class TestCentimetres(Data):
    set_type = Centimetres
    caught_by: ClassVar[set[str]] = {"test_a_step_of_the_pelvis_is_one_of_a_person"}


class YUp(Right):
    def motion(self, recording: str, start: int, end: int) -> Motion:
        motion = super().motion(recording, start, end)
        rotations = motion.rotations.clone()
        turn = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
        rotations[:, 0] = turn @ rotations[:, 0]
        return attrs.evolve(motion, rotations=rotations)


class TestYIsUp(Data):
    set_type = YUp
    caught_by: ClassVar[set[str]] = {"test_bodies_stand_along_z_and_are_as_tall_as_people"}


class FromTheClip(Right):
    def motion(self, recording: str, start: int, end: int) -> Motion:
        motion = super().motion(recording, start, end)
        return attrs.evolve(motion, translation=motion.translation - motion.translation[0] * torch.tensor([1, 1, 0]))


class TestEveryClipIsCentred(Data):
    set_type = FromTheClip
    caught_by: ClassVar[set[str]] = {"test_a_part_of_a_clip_is_that_part_of_its_frames"}


class Obliging(Right):
    def segments(self, split: str) -> Sequence[Segment]:
        return super().segments(split) if split in self.splits else []


class TestAMistypedSplitIsEmpty(Data):
    set_type = Obliging
    caught_by: ClassVar[set[str]] = {"test_a_split_that_is_not_there_is_an_error_that_names_those_that_are"}


class Shuffled(Right):
    def segments(self, split: str) -> Sequence[Segment]:
        found = list(super().segments(split))
        random.shuffle(found)
        return found


class TestTheOrderIsLeftToChance(Data):
    set_type = Shuffled
    caught_by: ClassVar[set[str]] = {"test_segments_come_in_the_same_order_each_time"}
