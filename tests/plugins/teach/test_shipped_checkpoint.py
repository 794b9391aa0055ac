from shipped import ShippedCheckpointSuite

from actiongpt_teach.model import DEFAULT_CHECKPOINT


class TestShippedTeach(ShippedCheckpointSuite):
    backbone = "teach"
    folder = DEFAULT_CHECKPOINT
