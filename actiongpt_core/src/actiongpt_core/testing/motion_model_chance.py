"""Seeds, noise and threads: a group of `MotionModelSuite`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from actiongpt_core.interfaces import MotionModel
from actiongpt_core.testing.motion_model_case import (
    TOLERANCE,
    ModelCase,
    assert_alike,
    assert_close,
    assert_same,
    differ,
)
from actiongpt_core.types.text import TextFeatures

_THREADS = 2
_GPU_TOLERANCE = 1e-2


class ChanceTests(ModelCase):
    """Seeds, noise and threads: a group of `MotionModelSuite`."""

    def test_the_same_seed_gives_the_same_motion(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """A generator with one seed gives one motion.

        Troubleshooting: Something draws without `generator=`: dropout (call `eval()`), `torch.randn` without a
        generator, NumPy or `random`.
        """
        assert_same(self._generate(model, texts, seed=1), self._generate(model, texts, seed=1))

    def test_another_seed_gives_another_motion_only_where_the_model_draws_noise(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        """Seeds matter if, and only if, the model claims to draw noise.

        Troubleshooting: If they do not matter, the generator is not used; a model without noise sets
        `is_generative = False` and declares "deterministic".
        """
        first, second = (self._generate(model, texts, seed=seed) for seed in (1, 2))
        assert differ(first, second) == self.is_generative

    def test_the_noise_scale_changes_the_motion_only_where_the_model_draws_noise(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        """`noise_scale` matters if, and only if, the model claims to draw noise.

        Troubleshooting: Multiply the drawn noise by it; None means the model's own default.
        """
        calm, lively = (self._generate(model, texts, noise_scale=scale) for scale in (0.0, 1.0))
        assert differ(calm, lively) == self.is_generative

    def test_noise_scale_zero_gives_one_motion_for_all_seeds(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        """Scale 0 means no chance at all.

        Troubleshooting: There is a second source of noise that the scale does not reach, such as dropout or
        noise between diffusion steps.
        """
        first = self._generate(model, texts, seed=1, noise_scale=0.0)
        assert_same(first, self._generate(model, texts, seed=2, noise_scale=0.0))

    def test_the_global_random_state_is_left_alone_when_a_generator_is_given(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        """Only the caller's generator is used.

        Troubleshooting: Look for `torch.manual_seed`, and for draws without `generator=`: they change what
        others draw.
        """
        before = torch.get_rng_state()
        self._generate(model, texts)
        assert torch.equal(before, torch.get_rng_state())

    def test_threads_may_share_the_model(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """Two motions at the same time are the two motions.

        Troubleshooting: State of one call is kept in `self`: pass it on as arguments instead.
        """
        alone = [self._generate(model, texts, seed=seed) for seed in range(_THREADS)]
        with ThreadPoolExecutor(max_workers=_THREADS) as pool:
            together = list(pool.map(lambda seed: self._generate(model, texts, seed=seed), range(_THREADS)))
        for one, other in zip(alone, together, strict=True):
            assert_alike(one, other)

    def test_a_batch_equals_its_items_one_by_one(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """`generate_batch` only saves time.

        Troubleshooting: Padding reaches the result: a mask is missing in attention, normalisation or pooling,
        or one generator serves the whole batch.
        """
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
            assert_close(motion.rotations, alone.rotations, TOLERANCE)
            assert_close(motion.translation, alone.translation, TOLERANCE)

    def test_a_saved_model_makes_the_same_motion(
        self, model: MotionModel, texts: list[TextFeatures], tmp_path: Path
    ) -> None:
        """What `from_checkpoint` reads is what was saved.

        Troubleshooting: A buffer, a normalisation or a setting is not in the checkpoint. Without `save_model`
        in the subclass this is skipped.
        """
        if not self.save_model(model, tmp_path / "saved"):
            pytest.skip("Write save_model in the subclass to have checkpoints tested.")
        load: Any = type(model)
        read = load.from_checkpoint(tmp_path / "saved")
        assert_alike(self._generate(model, texts), self._generate(read, texts))

    def test_a_model_on_a_gpu_makes_the_motion_that_it_makes_here(self, model: Any, texts: list[TextFeatures]) -> None:
        """`to` moves everything, and motions come back to the CPU.

        Troubleshooting: Make tensors with `device=` of the input, register constants as buffers, and draw noise
        on the CPU.
        """
        if not hasattr(model, "to") or not torch.cuda.is_available():
            pytest.skip("There is no GPU here, or the model has no `to`.")
        here = self._generate(model, texts)
        model.to("cuda")
        there = self._generate(model, texts)
        assert there.rotations.device.type == "cpu"
        torch.testing.assert_close(there.rotations, here.rotations, rtol=0, atol=_GPU_TOLERANCE)
