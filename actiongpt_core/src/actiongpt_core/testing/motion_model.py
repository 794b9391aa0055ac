"""The conformance suite of a backbone: subclass it in a test module and say how the model is built."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import attrs
import pytest
import torch
from torch import Tensor

from actiongpt_core.errors import ActionGPTError
from actiongpt_core.interfaces import MotionModel, TextEncoder
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.registry import get_registry
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.testing.suite import ConformanceSuite
from actiongpt_core.text.aggregators import mean
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import Skeleton
from actiongpt_core.types.text import TextFeatures

_PHRASES = ("walk forward slowly", "raise the left arm", "sit down on a low chair and rest")
# Padding changes the order of float32 sums and with it the last digits; what is wrong differs by far more.
_BATCH_TOLERANCE = 1e-4
_ORTHONORMAL_TOLERANCE = 1e-4


class MotionModelSuite(ConformanceSuite):
    """What every backbone promises.

    Subclass it, name the class `Test...`, and set `backbone`, or write `build_model`; tiny random weights are enough.

    Attributes:
        backbone: Name under which the model is registered; what its plugin declares is then compared with the claims
            below, and without `build_model` it is built as users build it. None for a model that is not registered.
        text_dim: C of the features that the model is given; only for a model without `text_encoder`.
        lengths: Frames of each action of the sequence that is generated.
        supports_sequences: False for a model of one action at a time; True goes with the capability "sequence".
        is_generative: False for a model that draws no noise, so that all seeds give one motion; it goes with the
            capability "deterministic".
    """

    backbone: str | None = None
    text_dim: int = 16
    lengths: tuple[int, ...] = (24, 31)
    supports_sequences: bool = True
    is_generative: bool = True

    def build_model(self) -> MotionModel:
        """The model under test; called for every test."""
        if self.backbone is None:
            raise NotImplementedError("Set `backbone`, or write build_model: it returns the model under test.")
        return Pipeline(backbone=self.backbone).model

    def build_encoder(self, model: MotionModel) -> TextEncoder:
        """What makes the model's text features: its own encoder, or a fake one of `text_dim` channels."""
        encoder: TextEncoder | None = getattr(model, "text_encoder", None)
        return FakeTextEncoder(self.text_dim) if encoder is None else encoder

    @pytest.fixture
    def model(self) -> MotionModel:
        """The model under test."""
        return self.build_model()

    @pytest.fixture
    def texts(self, model: MotionModel) -> list[TextFeatures]:
        """One aggregated text for each of three phrases, of different lengths."""
        encoder = self.build_encoder(model)
        return [mean(encoder.encode([phrase, f"{phrase}, once more"])) for phrase in _PHRASES]

    def _num_actions(self) -> int:
        return len(self.lengths) if self.supports_sequences else 1

    def _generate(self, model: MotionModel, texts: Sequence[TextFeatures], seed: int = 0, **options: float) -> Motion:
        count = self._num_actions()
        generator = torch.Generator().manual_seed(seed)
        return model.generate(texts[:count], self.lengths[:count], generator=generator, **options)

    def test_the_model_fits_the_protocol(self, model: MotionModel) -> None:
        assert isinstance(model, MotionModel)
        assert isinstance(model.skeleton, Skeleton)
        assert model.fps > 0

    def test_the_plugin_declares_what_the_model_can_do(self) -> None:
        if self.backbone is None:
            pytest.skip("The suite names no registered backbone.")
        declared = get_registry().motion_model(self.backbone).capabilities
        assert ("sequence" in declared) == self.supports_sequences
        assert ("deterministic" in declared) == (not self.is_generative)

    def test_a_motion_has_as_many_frames_as_were_asked_for(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        assert self._generate(model, texts).num_frames == sum(self.lengths[: self._num_actions()])

    def test_a_single_action_works(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        assert model.generate(texts[:1], self.lengths[:1]).num_frames == self.lengths[0]

    def test_a_motion_has_the_models_frame_rate_and_skeleton(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        motion = self._generate(model, texts)
        assert (motion.fps, motion.skeleton) == (model.fps, model.skeleton)

    def test_action_starts_are_the_sums_of_the_lengths(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        motion = self._generate(model, texts)
        assert motion.starts == tuple(sum(self.lengths[:i]) for i in range(self._num_actions()))

    def test_a_motion_is_finite(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        motion = self._generate(model, texts)
        assert motion.rotations.isfinite().all()
        assert motion.translation.isfinite().all()

    def test_rotations_are_orthonormal_and_right_handed(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        rotations = self._generate(model, texts).rotations
        product = rotations @ rotations.transpose(-1, -2)
        _assert_close(product, torch.eye(3, dtype=product.dtype).expand_as(product), _ORTHONORMAL_TOLERANCE)
        assert (torch.linalg.det(rotations) > 0).all()

    def test_a_motion_holds_no_gradient(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        motion = self._generate(model, texts)
        assert not motion.rotations.requires_grad
        assert not motion.translation.requires_grad

    def test_the_same_seed_gives_the_same_motion(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        _assert_same(self._generate(model, texts, seed=1), self._generate(model, texts, seed=1))

    def test_another_seed_gives_another_motion_only_where_the_model_draws_noise(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        first, second = (self._generate(model, texts, seed=seed) for seed in (1, 2))
        assert _differ(first, second) == self.is_generative

    def test_the_noise_scale_changes_the_motion_only_where_the_model_draws_noise(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        calm, lively = (self._generate(model, texts, noise_scale=scale) for scale in (0.0, 1.0))
        assert _differ(calm, lively) == self.is_generative

    def test_noise_scale_zero_gives_one_motion_for_all_seeds(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        first = self._generate(model, texts, seed=1, noise_scale=0.0)
        _assert_same(first, self._generate(model, texts, seed=2, noise_scale=0.0))

    def test_the_global_random_state_is_left_alone_when_a_generator_is_given(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        before = torch.get_rng_state()
        self._generate(model, texts)
        assert torch.equal(before, torch.get_rng_state())

    def test_different_texts_give_different_motions(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        assert _differ(
            self._generate(model, texts, noise_scale=0.0), self._generate(model, texts[::-1], noise_scale=0.0)
        )

    def test_text_without_a_pooled_vector_gives_a_motion_or_our_error(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        bare = [attrs.evolve(text, pooled=None) for text in texts]
        try:
            motion = self._generate(model, bare)
        except ActionGPTError:
            return
        assert motion.num_frames == sum(self.lengths[: self._num_actions()])

    def test_the_input_is_not_modified(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        before = copy.deepcopy(texts)
        self._generate(model, texts)
        for old, new in zip(before, texts, strict=True):
            assert torch.equal(old.tokens, new.tokens)
            assert torch.equal(old.mask, new.mask)
            assert (old.pooled is None) == (new.pooled is None)
            assert old.pooled is None or new.pooled is None or torch.equal(old.pooled, new.pooled)

    def test_a_batch_equals_its_items_one_by_one(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        generate_batch = getattr(model, "generate_batch", None)
        if generate_batch is None:
            pytest.skip("The model has no generate_batch; it is optional.")
        count = self._num_actions()
        features = [texts[:count], texts[2:], texts[1 : 1 + count]]
        lengths = [self.lengths[: len(row)] for row in features]
        seeds = range(len(features))
        batch = generate_batch(
            features, lengths, generators=[torch.Generator().manual_seed(seed) for seed in seeds], noise_scale=None
        )
        assert len(batch) == len(features)
        for motion, row, frames, seed in zip(batch, features, lengths, seeds, strict=True):
            alone = model.generate(row, frames, generator=torch.Generator().manual_seed(seed))
            _assert_close(motion.rotations, alone.rotations, _BATCH_TOLERANCE)
            _assert_close(motion.translation, alone.translation, _BATCH_TOLERANCE)


def _assert_close(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


def _assert_same(a: Motion, b: Motion) -> None:
    _assert_close(a.rotations, b.rotations, 0)
    _assert_close(a.translation, b.translation, 0)


def _differ(a: Motion, b: Motion) -> bool:
    return not (torch.allclose(a.rotations, b.rotations) and torch.allclose(a.translation, b.translation))
