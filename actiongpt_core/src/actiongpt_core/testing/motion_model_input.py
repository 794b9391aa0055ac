"""What goes into a backbone, the odd and the wrong too: a group of `MotionModelSuite`."""

from __future__ import annotations

import copy

import attrs
import pytest
import torch

from actiongpt_core.errors import ActionGPTError
from actiongpt_core.interfaces import MotionModel
from actiongpt_core.testing.motion_model_case import ModelCase, assert_alike, differ
from actiongpt_core.types.text import TextFeatures

_LONG_TEXT = 600  #: tokens
_LONGEST_TRIED = 200  #: frames
_PADDING = 3  #: tokens


class InputTests(ModelCase):
    """What goes into a backbone, the odd and the wrong too: a group of `MotionModelSuite`."""

    def test_different_texts_give_different_motions(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """The motion follows the text.

        Troubleshooting: Random weights may cancel the text out: look whether the features reach the network at
        all, or enlarge the tiny model.
        """
        assert differ(
            self._generate(model, texts, noise_scale=0.0), self._generate(model, texts[::-1], noise_scale=0.0)
        )

    def test_text_without_a_pooled_vector_gives_a_motion_or_our_error(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        """Text features may lack `pooled`.

        Troubleshooting: A model that needs it raises `ShapeError` and says so; others must not touch it.
        """
        bare = [attrs.evolve(text, pooled=None) for text in texts]
        try:
            motion = self._generate(model, bare)
        except ActionGPTError:
            return
        assert motion.num_frames == sum(self.lengths[: self._num_actions()])

    def test_the_input_is_not_modified(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """Texts are the caller's.

        Troubleshooting: Look for in-place operations (`mul_`, `+=`) on tokens, mask or pooled; the same
        features are used again for other seeds.
        """
        before = copy.deepcopy(texts)
        self._generate(model, texts)
        for old, new in zip(before, texts, strict=True):
            assert torch.equal(old.tokens, new.tokens)
            assert torch.equal(old.mask, new.mask)
            assert (old.pooled is None) == (new.pooled is None)
            assert old.pooled is None or new.pooled is None or torch.equal(old.pooled, new.pooled)

    def test_what_stands_at_padded_positions_changes_nothing(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        """Tokens where the mask is False are nobody's.

        Troubleshooting: Hand the mask to every layer that mixes tokens; PyTorch's `key_padding_mask` is its
        opposite, `~mask`.
        """
        padded = [_padded(text) for text in texts]
        assert_alike(self._generate(model, texts), self._generate(model, padded))

    def test_a_text_of_one_token_gives_a_motion(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """One word is a text.

        Troubleshooting: Look for a standard deviation over tokens, a convolution, or a slice that leaves out
        first and last tokens.
        """
        short = [attrs.evolve(text, tokens=text.tokens[:1], mask=text.mask[:1]) for text in texts]
        assert self._generate(model, short).num_frames == sum(self.lengths[: self._num_actions()])

    def test_a_very_long_text_gives_a_motion_or_our_error(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """A text may have hundreds of tokens.

        Troubleshooting: A table of positions is too short: compute positions, or raise `ShapeError` with the
        limit.
        """
        long = [
            attrs.evolve(text, tokens=text.tokens[:1].repeat(_LONG_TEXT, 1), mask=text.mask[:1].repeat(_LONG_TEXT))
            for text in texts
        ]
        try:
            motion = self._generate(model, long)
        except ActionGPTError:
            return
        assert motion.num_frames == sum(self.lengths[: self._num_actions()])

    def test_text_of_another_width_is_refused(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """Features of another text encoder are an error that says so.

        Troubleshooting: Compare the last dimension with what the model was built for, and raise `ShapeError`. A
        model that takes any width sets `takes_any_width = True`.
        """
        if self.takes_any_width:
            pytest.skip("The model takes features of any width.")
        wide = [
            attrs.evolve(
                text,
                tokens=torch.cat([text.tokens, text.tokens], dim=-1),
                pooled=None if text.pooled is None else torch.cat([text.pooled, text.pooled], dim=-1),
            )
            for text in texts
        ]
        with pytest.raises(ActionGPTError):
            self._generate(model, wide)

    def test_text_that_is_not_finite_is_refused(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """NaN in the features never becomes a motion.

        Troubleshooting: `Motion` refuses numbers that are not finite: do not replace them on the way
        (`nan_to_num`), or check the features first.
        """
        broken = [attrs.evolve(text, tokens=torch.full_like(text.tokens, float("nan"))) for text in texts]
        broken = [
            text if text.pooled is None else attrs.evolve(text, pooled=torch.full_like(text.pooled, float("nan")))
            for text in broken
        ]
        with pytest.raises(ActionGPTError):
            self._generate(model, broken)

    def test_no_action_is_refused(self, model: MotionModel) -> None:
        """An empty prompt is an error of the library's family.

        Troubleshooting: Raise `ConfigError` for an empty list, before `torch.cat` or `max` fails in its own
        words.
        """
        with pytest.raises(ActionGPTError):
            model.generate([], [])

    def test_each_action_needs_a_length(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """Texts and lengths go in pairs.

        Troubleshooting: `zip(features, lengths)` without `strict` drops the rest in silence; compare the two
        and raise `ConfigError`.
        """
        with pytest.raises(ActionGPTError):
            model.generate(texts[:1], self.lengths[:1] * 2)

    def test_an_action_without_frames_is_refused(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """A length is 1 or more.

        Troubleshooting: Raise `ConfigError` for lengths below 1 before anything is computed.
        """
        for length in (0, -3):
            with pytest.raises(ActionGPTError):
                model.generate(texts[:1], [length])

    @pytest.mark.filterwarnings("ignore")  # a model may say that it was trained on less
    def test_the_shortest_and_the_longest_action_work(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """`min_frames` and `max_frames` are lengths that work.

        Troubleshooting: A window, a stride or a table of positions is off by one at the ends of the range.
        """
        shortest, longest = getattr(model, "min_frames", 1), getattr(model, "max_frames", None)
        for length in {shortest, min(longest or _LONGEST_TRIED, _LONGEST_TRIED)}:
            assert model.generate(texts[:1], [length]).num_frames == length


def _padded(text: TextFeatures) -> TextFeatures:
    """The same text, with states of nobody behind it."""
    nobody = torch.randn(_PADDING, text.tokens.shape[-1], generator=torch.Generator().manual_seed(0))
    mask = torch.cat([text.mask, torch.zeros(_PADDING, dtype=torch.bool)])
    return attrs.evolve(text, tokens=torch.cat([text.tokens, nobody]), mask=mask)
