import torch

from actiongpt_core.interfaces import MotionModel
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.testing.motion_model import MotionModelSuite
from actiongpt_motionclip import MotionClip, MotionClipConfig


class TestMotionClip(MotionModelSuite):
    """In the shape of the published weights: in place, upright, one frame a token."""

    backbone = "motionclip"
    is_generative = False

    def build_model(self) -> MotionModel:
        torch.manual_seed(0)
        config = MotionClipConfig.tiny(row_24="right_ankle", root_orientation="upright")
        return MotionClip(config, text_encoder=FakeTextEncoder(16)).eval()


class TestSmallMotionClip(MotionModelSuite):
    """With everything that the shipped checkpoint adds to the published model."""

    backbone = "motionclip"
    is_generative = False

    def build_model(self) -> MotionModel:
        torch.manual_seed(0)
        config = MotionClipConfig.tiny(
            text_dim=32, whiten=True, frames_per_token=5, basis_components=4, max_frames=120, trained_frames=120
        )
        model = MotionClip(config, text_encoder=FakeTextEncoder(32)).eval()
        assert model.motion_decoder.basis is not None
        model.motion_decoder.basis.fit(torch.randn(20, 120, 150))  # an unfitted basis moves nothing
        assert model.whitening is not None
        model.whitening.fit(torch.randn(40, 32))
        return model
