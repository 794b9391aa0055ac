"""Two consecutive actions and their transition, as training samples for the small checkpoint.

Pairs are composed: the second clip is turned and moved to where the first one ends, and as many frames are interpolated
between them as in generation. Only clips whose pelvis heights fit are joined (nobody walks off a chair). Where a clip
goes on in its recording (the timed exercise sequences, windows of long recordings) a share of its pairs are the two
clips as they were recorded.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from actiongpt_core.data.clip import LabelledClip, face_canonically
from actiongpt_core.data.mixture import TrainingClip
from actiongpt_core.features.root_velocity_rot6d import RootVelocityRot6d
from actiongpt_core.geometry.clips import align_full, bridge, facing
from actiongpt_core.training.batches import ActionSampler, Segment

#: What `TeachConfig(heading="facing")` trains on: clips are turned beforehand, by their true facing direction.
_FEATURES = RootVelocityRot6d(canonicalise=False)
_MAX_HEIGHT_GAP = 0.12  # metres between the pelvis at the end of one action and at the start of the next


@attrs.frozen(eq=False)
class Sample:
    """One action, or two; the second one's features start after the gap that generation interpolates."""

    first: Segment
    second: Segment | None = None


class PairSampler(ActionSampler):
    """Draws samples from the mixture.

    Args:
        clips: The mixture.
        gap: Frames between two actions that generation interpolates.
        pair_share: Share of the samples that are pairs.
        consecutive_share: Share of recorded pairs among those of clips that go on in their recording.
        seed: Of the draws.
    """

    def __init__(
        self, clips: Sequence[TrainingClip], *, gap: int, pair_share: float, consecutive_share: float, seed: int
    ) -> None:
        super().__init__(clips, _FEATURES.encode, seed)
        self.gap, self.pair_share, self.consecutive_share = gap, pair_share, consecutive_share

    def draw_sample(self, max_frames: int) -> Sample:
        """One sample; each action has at most `max_frames` frames."""
        item = self.pick()
        if self.rng.random() < self.pair_share:
            if item.following is not None and self.rng.random() < self.consecutive_share:
                return self._consecutive(item.clip, item.following, max_frames)
            return self._composed(self.window(item, max_frames), max_frames)
        return Sample(self.segment(self.window(item, max_frames)))

    def _consecutive(self, clip: LabelledClip, following: LabelledClip, max_frames: int) -> Sample:
        """The end of one clip and the start of the next, as they were recorded."""
        head = clip[-max_frames:]
        tail = following[: max_frames + self.gap]
        rotations = torch.cat([head.rotations, tail.rotations])
        translation = torch.cat([head.translation, tail.translation])
        return self._pair(rotations, translation, head.num_frames, (clip.texts, following.texts))

    def _composed(self, clip: LabelledClip, max_frames: int) -> Sample:
        height = clip.translation[-1, 2]
        for _ in range(20):
            after = self.window(self.pick(), max_frames)
            if abs(after.translation[0, 2] - height) < _MAX_HEIGHT_GAP:
                break
        else:
            return Sample(self.segment(clip))
        rotations, translation = align_full(
            after.rotations, after.translation, clip.rotations[-1, 0], clip.translation[-1], heading=facing
        )
        between = bridge((clip.rotations[-1], rotations[0]), (clip.translation[-1], translation[0]), self.gap)
        joined_rotations = torch.cat([clip.rotations, between[0], rotations])
        joined_translation = torch.cat([clip.translation, between[1], translation])
        end = clip.num_frames + max_frames + self.gap
        return self._pair(joined_rotations[:end], joined_translation[:end], clip.num_frames, (clip.texts, after.texts))

    def _pair(
        self, rotations: Tensor, translation: Tensor, cut: int, texts: tuple[tuple[str, ...], tuple[str, ...]]
    ) -> Sample:
        """Two actions, each turned to the canonical direction by the frame that generation will know.

        The first is turned by its own first frame, the second by the last frame of the first.
        """
        first = _FEATURES.encode(*face_canonically(rotations[:cut], translation[:cut]))
        second = _FEATURES.encode(*face_canonically(rotations, translation, cut - 1))[cut + self.gap :]
        return Sample(Segment(first, texts[0]), Segment(second, texts[1]))
