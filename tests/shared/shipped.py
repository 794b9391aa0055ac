"""What every checkpoint that ships promises: it fits the limits, is documented, and does what the words say."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch

from actiongpt_core import Pipeline
from actiongpt_core.errors import ConfigError
from actiongpt_core.evaluation.measures import (
    SIDES,
    forward_speed,
    pelvis_height,
    turned_angle,
    wrist_over_shoulder,
)
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import Action, Descriptions

_TEXTS = (
    "walk forward",
    "run forward",
    "raise the left arm",
    "raise the right arm",
    "turn left",
    "turn right",
    "sit down",
)
_SECONDS = 4


@functools.cache
def _pipeline(backbone: str) -> Pipeline:
    return Pipeline(backbone=backbone, device="cpu")


@functools.cache
def _motions(backbone: str) -> dict[str, Motion]:
    return dict(zip(_TEXTS, _pipeline(backbone).generate_batch(_TEXTS, seconds=_SECONDS, seed=0), strict=True))


class ShippedCheckpointSuite:
    """Subclass it and name the class `Test...`.

    Attributes:
        backbone: Its name.
        folder: Where its checkpoint lies.
    """

    backbone: str
    folder: Path

    @pytest.fixture
    def pipeline(self) -> Pipeline:
        """The backbone with its own checkpoint, loaded once."""
        return _pipeline(self.backbone)

    @pytest.fixture
    def motions(self) -> dict[str, Motion]:
        """A motion for each of some texts, made once."""
        return _motions(self.backbone)

    def test_the_folder_has_its_card_and_curves_and_stays_small(self) -> None:
        expected = {"card.md", "config.json", "curves.png", "model.safetensors"}
        assert expected <= {file.name for file in self.folder.iterdir()}
        assert (self.folder / "model.safetensors").stat().st_size < 25_000_000

    def test_statistics_are_refused_since_it_holds_its_own(self) -> None:
        with pytest.raises(ConfigError, match="leave stats out"):
            Pipeline(self.backbone, stats="elsewhere")

    def test_motions_are_at_30_frames_a_second(self, motions: dict[str, Motion]) -> None:
        assert {motion.fps for motion in motions.values()} == {30.0}
        assert {motion.num_frames for motion in motions.values()} == {30 * _SECONDS}

    def test_walking_and_running_go_forward_and_running_is_faster(self, motions: dict[str, Motion]) -> None:
        walk, run = forward_speed(motions["walk forward"]), forward_speed(motions["run forward"])
        assert 0.7 < walk < 1.8 < run

    @pytest.mark.parametrize(("side", "other"), [("left", "right"), ("right", "left")])
    def test_the_arm_that_is_named_rises(self, motions: dict[str, Motion], side: str, other: str) -> None:
        highest = wrist_over_shoulder(motions[f"raise the {side} arm"]).amax(0).tolist()
        heights = dict(zip(SIDES, highest, strict=True))
        assert heights[side] > 0.2
        assert heights[side] > heights[other] + 0.2

    def test_turns_go_to_the_side_that_is_named(self, motions: dict[str, Motion]) -> None:
        assert turned_angle(motions["turn left"]) > 0.7
        assert turned_angle(motions["turn right"]) < -0.7

    def test_sitting_down_lowers_the_pelvis(self, motions: dict[str, Motion]) -> None:
        assert pelvis_height(motions["sit down"], at="end") < 0.65

    def test_edited_descriptions_change_the_motion(self, pipeline: Pipeline, motions: dict[str, Motion]) -> None:
        """The phrase stays "raise the left arm"; what its descriptions say decides."""
        seated = pipeline.describe("sit down")[0].texts
        [told] = pipeline.describe("raise the left arm")
        for index, text in enumerate(seated):
            told = told.with_text(index, text)
        motion = pipeline.generate(told, seconds=_SECONDS, seed=0)
        torch.testing.assert_close(motion.rotations, motions["sit down"].rotations, atol=1e-3, rtol=0)

    @pytest.mark.parametrize("aggregator", ["mean", "masked_mean", "weighted", "concat", "first"])
    def test_a_walk_is_a_walk_by_every_aggregator(self, pipeline: Pipeline, aggregator: str) -> None:
        motion = Pipeline(pipeline.model, aggregator=aggregator, device="cpu").generate("walk forward", seed=0)
        assert 0.7 < forward_speed(motion) < 1.8

    def test_descriptions_as_long_as_the_text_model_reads_fit_one_after_the_other(self, pipeline: Pipeline) -> None:
        long = Descriptions(action=Action("walk"), texts=("walk " * 500,) * 4, source="edited")
        motion = Pipeline(pipeline.model, aggregator="concat", device="cpu").generate(long, seconds=_SECONDS, seed=0)
        assert motion.rotations.isfinite().all()

    def test_a_sequence_starts_its_second_action_where_the_first_one_ended(self, pipeline: Pipeline) -> None:
        motion = pipeline.generate("walk forward, then sit down", seconds=3, seed=0)
        start = motion.starts[1]
        steps = torch.diff(motion.translation, dim=0).norm(dim=-1)
        assert float(steps[start - 5 : start + 10].max()) < 0.15
        assert float(motion.translation[-1, 2]) < 0.65
