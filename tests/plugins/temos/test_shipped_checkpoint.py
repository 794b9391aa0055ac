import torch
from shipped import ShippedCheckpointSuite

from actiongpt_core import Pipeline
from actiongpt_core.geometry.clips import facing
from actiongpt_temos.model import DEFAULT_CHECKPOINT


class TestShippedTemos(ShippedCheckpointSuite):
    backbone = "temos"
    folder = DEFAULT_CHECKPOINT

    def test_after_a_turn_the_next_action_goes_on_in_the_new_direction(self, pipeline: Pipeline) -> None:
        motion = pipeline.generate("turn left, then walk forward", seconds=4, seed=0)
        turned = facing(motion.rotations[motion.starts[1] - 1, 0])
        way = motion.translation[-1, :2] - motion.translation[motion.starts[1], :2]
        off = torch.atan2(way[1], way[0]) - turned
        assert float(way.norm()) > 2
        assert abs(float(torch.atan2(off.sin(), off.cos()))) < 0.6

    def test_seeds_vary_a_motion_and_no_noise_gives_the_typical_one(self, pipeline: Pipeline) -> None:
        first, second = (pipeline.generate("walk forward", seconds=2, seed=seed) for seed in (0, 1))
        calm = [pipeline.generate("walk forward", seconds=2, noise_scale=0) for _ in range(2)]
        assert not torch.equal(first.rotations, second.rotations)
        assert torch.equal(calm[0].rotations, calm[1].rotations)
