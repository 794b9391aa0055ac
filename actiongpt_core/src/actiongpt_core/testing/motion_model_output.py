"""What comes out of a backbone: a group of `MotionModelSuite`."""

from __future__ import annotations

import pytest
import torch

from actiongpt_core.body.stick import StickBody
from actiongpt_core.interfaces import MotionModel
from actiongpt_core.registry import get_registry
from actiongpt_core.testing.motion_model_case import ModelCase, assert_close
from actiongpt_core.types.skeleton import Skeleton
from actiongpt_core.types.text import TextFeatures

_ORTHONORMAL_TOLERANCE = 1e-4
#: Metres between the lowest and the highest joint of a person who sits, or stands with the arms up.
_SHORTEST, _TALLEST = 0.6, 2.6
_FASTEST = 10.0  #: metres a second


class MotionTests(ModelCase):
    """What comes out of a backbone: a group of `MotionModelSuite`."""

    def test_the_model_fits_the_protocol(self, model: MotionModel) -> None:
        """The model has `fps`, `skeleton` and `generate`.

        Troubleshooting: `skeleton` is a `Skeleton` of actiongpt_core, such as SMPL_BODY; `fps` is a positive
        number, set in `__init__`.
        """
        assert isinstance(model, MotionModel)
        assert isinstance(model.skeleton, Skeleton)
        assert model.fps > 0

    def test_the_plugin_declares_what_the_model_can_do(self) -> None:
        """Capabilities of the spec and claims of the suite agree.

        Troubleshooting: Compare `capabilities` in hooks.py with `supports_sequences` and `is_generative` here:
        one of them is wrong.
        """
        if self.backbone is None:
            pytest.skip("The suite names no registered backbone.")
        declared = get_registry().motion_model(self.backbone).capabilities
        assert ("sequence" in declared) == self.supports_sequences
        assert ("deterministic" in declared) == (not self.is_generative)

    def test_a_motion_has_as_many_frames_as_were_asked_for(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """T is the sum of the lengths.

        Troubleshooting: Look for a frame lost at a seam between actions, at a difference of neighbouring
        frames, or by a decoder that makes multiples of its stride: make more and cut.
        """
        assert self._generate(model, texts).num_frames == sum(self.lengths[: self._num_actions()])

    def test_a_single_action_works(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """A sequence of one action is a motion too.

        Troubleshooting: Code for transitions often takes the previous action for granted.
        """
        assert model.generate(texts[:1], self.lengths[:1]).num_frames == self.lengths[0]

    def test_a_motion_has_the_models_frame_rate_and_skeleton(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        """A motion carries the model's own `fps` and `skeleton`.

        Troubleshooting: Pass both to `Motion`; without them it has the library's defaults.
        """
        motion = self._generate(model, texts)
        assert (motion.fps, motion.skeleton) == (model.fps, model.skeleton)

    def test_action_starts_are_the_sums_of_the_lengths(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """`Motion.starts` holds the frame at which each action begins.

        Troubleshooting: Set `starts`; captions, evaluation and editors read it.
        """
        motion = self._generate(model, texts)
        assert motion.starts == tuple(sum(self.lengths[:i]) for i in range(self._num_actions()))

    def test_a_motion_is_finite(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """There is no NaN and no infinity.

        Troubleshooting: Divide by a norm or a standard deviation only after clamping it; look for rows of text
        without a real token.
        """
        motion = self._generate(model, texts)
        assert motion.rotations.isfinite().all()
        assert motion.translation.isfinite().all()

    def test_a_motion_is_float32(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """Numbers of a motion are float32.

        Troubleshooting: `.float()` before `Motion(...)`; float64 often comes from NumPy, float16 from half-
        precision weights.
        """
        motion = self._generate(model, texts)
        assert (motion.rotations.dtype, motion.translation.dtype) == (torch.float32, torch.float32)

    def test_rotations_are_orthonormal_and_right_handed(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """Every matrix is a rotation.

        Troubleshooting: Predicted numbers must be orthonormalised: `rot6d_to_matrix` does it. A determinant of
        -1 is a mirrored axis.
        """
        rotations = self._generate(model, texts).rotations
        product = rotations @ rotations.transpose(-1, -2)
        assert_close(product, torch.eye(3, dtype=product.dtype).expand_as(product), _ORTHONORMAL_TOLERANCE)
        assert (torch.linalg.det(rotations) > 0).all()

    def test_a_motion_holds_no_gradient(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """Generating keeps no graph.

        Troubleshooting: Put `@torch.no_grad()` on `generate`; otherwise memory grows with every motion that a
        user keeps.
        """
        motion = self._generate(model, texts)
        assert not motion.rotations.requires_grad
        assert not motion.translation.requires_grad

    def test_a_body_stands_along_z_and_is_as_tall_as_a_person(
        self, model: MotionModel, texts: list[TextFeatures]
    ) -> None:
        """Z is up and lengths are metres, in motions of the weights that users get.

        Troubleshooting: A median height of 0.2 to 0.5 is a body that lies: Y is up in your data, turn it by 90
        degrees about X. One of 100 is centimetres. `Motion.translation` is the place of the pelvis.
        """
        self._require_users_weights()
        joints = StickBody(model.skeleton).joints(self._generate(model, texts))
        heights = joints[..., 2].amax(dim=1) - joints[..., 2].amin(dim=1)
        assert _SHORTEST < float(heights.median()) < _TALLEST

    def test_a_body_moves_as_fast_as_a_person_can(self, model: MotionModel, texts: list[TextFeatures]) -> None:
        """The pelvis moves at most 10 m/s, in motions of the weights that users get.

        Troubleshooting: Velocities are often in metres a frame: do not multiply by `fps` twice. Jumps at a seam
        show here too.
        """
        self._require_users_weights()
        motion = self._generate(model, texts)
        speeds = motion.translation.diff(dim=0).norm(dim=-1) * motion.fps
        assert float(speeds.median()) < _FASTEST
