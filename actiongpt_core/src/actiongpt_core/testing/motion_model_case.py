"""What the groups of `MotionModelSuite` share: the model, the texts, and how motions are compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from actiongpt_core.interfaces import MotionModel, TextEncoder
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.testing.suite import RegisteredSuite
from actiongpt_core.text.aggregators import mean
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import TextFeatures

_PHRASES = ("walk forward slowly", "raise the left arm", "sit down on a low chair and rest")
# Padding changes the order of float32 sums and with it the last digits; what is wrong differs by far more.
TOLERANCE = 1e-4


class ModelCase(RegisteredSuite):
    """The model under test, and texts for it; the attributes are those of `MotionModelSuite`."""

    kind = "backbone"
    backbone: str | None = None
    checkpoint: str | Path | None = None
    takes_any_width: bool = False
    text_dim: int = 16
    lengths: tuple[int, ...] = (24, 31)
    supports_sequences: bool = True
    is_generative: bool = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.registered = cls.backbone

    def build_model(self) -> MotionModel:
        """The model under test; called for every test."""
        if self.backbone is None:
            raise NotImplementedError("Set `backbone`, or write build_model: it returns the model under test.")
        return Pipeline(backbone=self.backbone, checkpoint=self.checkpoint).model

    def save_model(self, model: MotionModel, folder: Path) -> bool:
        """Write the model's checkpoint to a folder that `from_checkpoint` reads; False where there is no such thing."""
        return False

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

    def _require_users_weights(self) -> None:
        """Random weights move nobody as a person moves."""
        if type(self).build_model is not ModelCase.build_model:
            pytest.skip("build_model makes a model of its own; this is asked of the weights that users get.")


def assert_close(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    """Equal within a tolerance, with no relative part."""
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


def assert_same(a: Motion, b: Motion) -> None:
    """Equal to the bit."""
    assert_close(a.rotations, b.rotations, 0)
    assert_close(a.translation, b.translation, 0)


def assert_alike(a: Motion, b: Motion) -> None:
    """Equal but for the order of sums."""
    assert_close(a.rotations, b.rotations, TOLERANCE)
    assert_close(a.translation, b.translation, TOLERANCE)


def differ(a: Motion, b: Motion) -> bool:
    """Whether two motions are not the same one."""
    return not (torch.allclose(a.rotations, b.rotations) and torch.allclose(a.translation, b.translation))
