import torch

from actiongpt_core.interfaces import MotionModel
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.testing.motion_model import MotionModelSuite
from actiongpt_teach import Teach, TeachConfig


class TestTeach(MotionModelSuite):
    backbone = "teach"

    def build_model(self) -> MotionModel:
        torch.manual_seed(0)
        return Teach(TeachConfig.tiny(), text_encoder=FakeTextEncoder(8)).eval()


class TestSmallTeach(MotionModelSuite):
    """With everything that the shipped checkpoint adds to the published model."""

    backbone = "teach"

    def build_model(self) -> MotionModel:
        torch.manual_seed(0)
        config = TeachConfig.tiny(
            heading="facing", frames_per_token=5, basis_components=4, keyword_detectors=6, max_frames=120
        )
        model = Teach(config, text_encoder=FakeTextEncoder(8)).eval()
        assert model.motion_decoder.basis is not None
        model.motion_decoder.basis.fit(torch.randn(20, 120, 135))  # an unfitted basis moves nothing
        return model
