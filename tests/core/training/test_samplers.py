"""Whole segments and windows of the mixture as samples, on parametric clips: no real capture is needed."""

from __future__ import annotations

import attrs
import pytest
import torch
from torch import Tensor

from actiongpt_core.data.mixture import TrainingClip, draw_probabilities
from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.errors import ConfigError
from actiongpt_core.testing.training import Few
from actiongpt_core.training.epochs import sample_numbers
from actiongpt_core.training.segments import SegmentSampler, WholeSampling
from actiongpt_core.training.windows import MixtureSampling, WindowSampler, single_actions
from actiongpt_core.types.segments import Segment

LIMITS = {"fps": 30.0, "min_frames": 15, "max_frames": 60}


def encode(rotations: Tensor, translation: Tensor) -> Tensor:
    """The pelvis, and the root's rotation."""
    return torch.cat([translation, rotations[:, 0].flatten(1)], dim=1)


@pytest.fixture
def data() -> ProceduralSet:
    return ProceduralSet(variants=1)


@pytest.fixture
def mixture(data: ProceduralSet) -> list[TrainingClip]:
    return MixtureSampling(variants=1).clips(Few(data, segments=6), min_frames=15, max_frames=60, fps=30.0, seed=0)


class Doubted(Few):
    """A set that doubts all it has but the second segment, and calls the third one a T-pose."""

    def segments(self, split: str) -> list[Segment]:
        first, second, third, *rest = super().segments(split)
        posed = attrs.evolve(third, texts=("t-pose",))
        return [second, posed, *(attrs.evolve(item, suspect=True) for item in (first, *rest))]


# --- whole segments -------------------------------------------------------------------------------------------------


def test_whole_segments_have_all_their_frames(data: ProceduralSet) -> None:
    sampler = SegmentSampler(data, "val", encode, 0, fps=30.0, min_frames=15, max_frames=750)
    samples = sampler.draw(0, 5, range(5))
    for sample, item in zip(samples, data.segments("val"), strict=False):
        motion = data.motion(item.recording, item.start, item.end)
        assert torch.equal(sample.actions[0].features, encode(motion.rotations, motion.translation))
        assert sample.actions[0].texts == item.texts


def test_longer_segments_are_left_out_or_cut(data: ProceduralSet) -> None:
    lengths = [item.num_frames for item in data.segments("val")]
    limits = {"fps": 30.0, "min_frames": 15, "max_frames": sorted(lengths)[len(lengths) // 2]}
    whole = SegmentSampler(data, "val", encode, 0, **limits)
    assert whole.num_samples == sum(length <= limits["max_frames"] for length in lengths)
    cut = SegmentSampler(data, "val", encode, 0, **limits, cut=True)
    assert cut.num_samples == len(lengths)
    samples = cut.draw(0, len(lengths), range(len(lengths)))
    assert max(len(sample.actions[0].features) for sample in samples) == limits["max_frames"]


def test_doubted_segments_and_poses_are_left_out(data: ProceduralSet) -> None:
    doubted = Doubted(data, segments=6)
    sampler = SegmentSampler(doubted, "train", encode, 0, **LIMITS | {"max_frames": 750}, sampling=WholeSampling())
    assert sampler.segments == [doubted.segments("train")[0]]


def test_a_set_of_which_nothing_is_left_says_how_many_were_left_out_and_why(data: ProceduralSet) -> None:
    doubted = Doubted(data, segments=6, frames=10)
    with pytest.raises(ConfigError, match="4 doubted by the set; 1 shorter than 15 frames; 1 called a pose"):
        SegmentSampler(doubted, "train", encode, 0, **LIMITS, sampling=WholeSampling())


@pytest.mark.parametrize("sampling", [WholeSampling(), MixtureSampling()])
def test_a_set_of_another_rate_is_refused_with_both_rates(sampling: WholeSampling | MixtureSampling) -> None:
    slow = ProceduralSet(variants=1, fps=20.0)
    for split in ("train", "val"):
        with pytest.raises(ConfigError, match=r"20 frames a second, the model 30.*model\.fps=20"):
            single_actions(sampling, encode, slow, split, 0, **LIMITS)


# --- windows --------------------------------------------------------------------------------------------------------


def test_windows_of_a_batch_have_similar_lengths(mixture: list[TrainingClip]) -> None:
    sampler = WindowSampler(mixture, encode, 0, max_frames=60)
    longest = set()
    for step in range(8):
        lengths = [len(sample.actions[0].features) for sample in sampler.draw(step, 16, range(16))]
        assert min(lengths) >= 0.6 * max(lengths) - 1
        assert max(lengths) <= 60
        longest.add(max(lengths))
    assert len(longest) > 4


def test_a_window_is_a_part_of_its_clip_from_one_of_its_starts(mixture: list[TrainingClip]) -> None:
    known = [item for item in mixture if item.group == "other"]
    starts = {tuple(encode(clip.rotations, clip.translation)[0].tolist()) for clip in _first_frames(known)}
    sampler = WindowSampler(known, encode, 0, max_frames=60)
    for sample in sampler.draw(0, 16, range(16)):
        assert tuple(sample.actions[0].features[0].tolist()) in starts


def _first_frames(clips: list[TrainingClip]):  # type: ignore[no-untyped-def]
    return [item.clip[start : start + 1] for item in clips for start in item.starts]


def test_every_real_clip_comes_with_its_mirror_image_and_mirrored_words(data: ProceduralSet) -> None:
    sided = [item for item in data.segments("train") if item.texts[0] == "raise the left arm"]
    assert sided

    class Sided(Few):
        def segments(self, split: str) -> list[Segment]:
            return sided

    plain, mirrored = MixtureSampling(variants=0).clips(Sided(data), min_frames=15, max_frames=60, fps=30.0, seed=0)
    assert (plain.clip.texts[0], mirrored.clip.texts[0]) == ("raise the left arm", "raise the right arm")
    left, right = plain.clip[:], mirrored.clip[:]
    assert torch.equal(right.translation, left.translation * torch.tensor([-1.0, 1.0, 1.0]))
    assert not torch.equal(left.rotations, right.rotations)


def test_shares_of_the_draws_are_those_that_were_asked_for(mixture: list[TrainingClip]) -> None:
    for share in (0.2, 0.8):
        probabilities = draw_probabilities(mixture, share)
        made = sum(p for p, item in zip(probabilities, mixture, strict=True) if item.group == "procedural")
        assert made == pytest.approx(share)
        sampler = WindowSampler(mixture, encode, 0, max_frames=60, procedural_share=share)
        drawn = [sampler.pick(sample_numbers(0, index)).group for index in range(400)]
        assert drawn.count("procedural") / len(drawn) == pytest.approx(share, abs=0.07)


def test_without_parametric_clips_only_the_sets_own_are_drawn(data: ProceduralSet) -> None:
    for sampling in (MixtureSampling(variants=0), MixtureSampling(procedural_share=0.0)):
        clips = sampling.clips(Few(data, segments=6), min_frames=15, max_frames=60, fps=30.0, seed=0)
        assert {item.group for item in clips} == {"other"}
        sampler = WindowSampler(clips, encode, 0, max_frames=60, procedural_share=sampling.procedural_share)
        assert len(sampler.draw(0, 8, range(8))) == 8
