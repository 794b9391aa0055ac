import pytest
import torch
from shipped import ShippedCheckpointSuite

from actiongpt_core import Pipeline
from actiongpt_core.errors import ConfigError
from actiongpt_core.evaluation.measures import wrist_over_shoulder
from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_motionclip import MotionClip
from actiongpt_motionclip.editing import edit
from actiongpt_motionclip.model import DEFAULT_CHECKPOINT


class TestShippedMotionClip(ShippedCheckpointSuite):
    backbone = "motionclip"
    folder = DEFAULT_CHECKPOINT

    def test_a_text_has_one_motion_whatever_the_seed(self, pipeline: Pipeline) -> None:
        first, second = (pipeline.generate("walk forward", seconds=2, seed=seed, noise_scale=1) for seed in (0, 1))
        assert torch.equal(first.rotations, second.rotations)

    def test_an_edit_exchanges_one_arm_for_the_other(self, pipeline: Pipeline) -> None:
        edited = edit(pipeline, "stand still", minus="raise the left arm", plus="raise the right arm").motion
        left, right = wrist_over_shoulder(edited).amax(0).tolist()
        assert right > left + 0.1

    def test_a_text_model_of_another_space_is_refused(self) -> None:
        model = MotionClip.from_checkpoint()
        with pytest.raises(ConfigError, match="text space"):
            MotionClip(model.config, text_encoder=TransformersTextEncoder("package:all-minilm-l6-v2"))
