import torch

from actiongpt_core.interfaces import MotionModel
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.testing.motion_model import MotionModelSuite
from actiongpt_temos import Temos, TemosConfig


class TestTemos(MotionModelSuite):
    backbone = "temos"

    def build_model(self) -> MotionModel:
        torch.manual_seed(0)
        return Temos(TemosConfig.tiny(), text_encoder=FakeTextEncoder(8)).eval()


class TestSmallTemos(MotionModelSuite):
    """With everything that the shipped checkpoint adds to the published model."""

    backbone = "temos"

    def build_model(self) -> MotionModel:
        torch.manual_seed(0)
        config = TemosConfig.tiny(
            canonicalise=False, frames_per_token=5, basis_components=4, keyword_detectors=6, max_frames=120
        )
        model = Temos(config, text_encoder=FakeTextEncoder(8)).eval()
        assert model.motion_decoder.basis is not None
        model.motion_decoder.basis.fit(torch.randn(20, 120, 135))  # an unfitted basis moves nothing
        return model
