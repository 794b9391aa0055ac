"""What the shipped checkpoints are trained on: real and parametric clips, grouped, with the share of each group.

Real: the training split of a data set and its mirror image, with left and right swapped in the words. Segments that the
set doubts, and those that are too short, are left out. Straight walks and runs (by the set's first category) get the
wordings "walk forward" and "run forward" as well, are brought to one cadence by warping time, and repeat their gait
cycles to fill a window. The same walks at another cadence become "walk slowly" and "walk quickly", reversed in time
"walk backward". Parametric: `procedural.ACTIONS`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import attrs
import numpy as np
import torch

from actiongpt_core.data import gait
from actiongpt_core.data.clip import Clip, LabelledClip, RecordedClip
from actiongpt_core.data.procedural import ACTIONS, sample
from actiongpt_core.data.selection import usable_segments
from actiongpt_core.evaluation.measures import forward_speed, turned_angle
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.interfaces import DataSet
from actiongpt_core.text.sides import mirror_text
from actiongpt_core.types.segments import Segment

#: Share of each group among the drawn clips. Where a set lacks a real group, the other real ones take over its share.
SHARES = {
    "walk": 0.14,
    "walk slowly": 0.02,
    "walk quickly": 0.02,
    "walk backward": 0.03,
    "run": 0.11,
    "procedural": 0.48,
    "other": 0.20,
}

_WALK = ("walk", "walking", "walk forward", "walks", "a person walks forward", "walk straight ahead", "walk ahead")
_RUN = ("run", "running", "run forward", "jog", "jogging", "a person runs forward", "run straight ahead")
_BACKWARD = ("walk backward", "walk backwards", "walking backward", "step backward and keep walking", "walk in reverse")
_SLOW = ("walk slowly", "slow walk", "walk at a slow pace", "walk forward slowly", "take slow steps forward")
_QUICK = ("walk quickly", "walk fast", "brisk walk", "walk at a quick pace", "walk forward quickly")
_CYCLE_FPS = 30.0
#: Frames of one gait cycle (two steps) at that rate. Walk and run: near the medians of the real clips of CMU.
_WALK_CYCLE, _SLOW_CYCLE, _QUICK_CYCLE, _RUN_CYCLE = 34, 46, 28, 22
_NOT_STEADY = ("jump", "dive", "stop", "roll", "duck", "turn", "veer", "left", "right", "leap", "walk to run", "uneven")
#: Parametric performances differ little: repeated movements of one text stay in phase, as the gaits do.
_SPREAD = 0.25
_STRAIGHT_TURN = math.radians(30)
_GAIT = {"walk": (0.6, 2.0), "run": (1.8, 6.0)}  # forward speed, m/s


@attrs.frozen(eq=False)
class TrainingClip:
    """A clip, the group and kind that it is drawn by, and the frames that a window may start at."""

    clip: Clip
    group: str
    kind: str  #: clips of one kind share the group's probability equally with the other kinds
    starts: tuple[int, ...]
    #: this clip, or its part, and what follows it in the same recording, as they were recorded
    pair: tuple[Clip, Clip] | None = None


def training_clips(
    data: DataSet,
    *,
    min_frames: int,
    max_frames: int,
    variants: int,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
) -> list[TrainingClip]:
    """All clips of the mixture.

    Args:
        data: The real motions. Only of walks and runs all frames are read here.
        min_frames: Shortest segment.
        max_frames: Longest window that training uses; parametric clips and looped runs are this long.
        variants: Clips of each parametric action; 0 for none.
        seed: Of the parametric variations.
        progress: Told what is being made.

    Raises:
        ConfigError: The training split has no segment that can be used.
    """
    progress(f"reading {data.name}")
    segments = usable_segments(data, "train", min_frames=min_frames)
    pairs = _recorded_pairs(data, segments)
    clips = []
    for item in segments:
        for mirrored in (False, True):
            clips += _windows(data, item, pairs.get(item.key), mirrored, max_frames)
    progress(f"making {variants} variants of {len(ACTIONS)} parametric actions")
    rng = np.random.default_rng(seed)
    seconds = max_frames / data.fps
    for name in ACTIONS:
        for _ in range(variants):
            clips.append(_procedural(name, rng, seconds, data.fps))
    return clips


def _recorded_pairs(data: DataSet, segments: Sequence[Segment]) -> dict[str, tuple[RecordedClip, RecordedClip]]:
    """By a segment's key: it, and what follows it, where a segment begins at its end or the set knows a pair."""
    heads = {(item.recording, item.start): item for item in segments}
    found = {}
    for item in segments:
        if (after := heads.get((item.recording, item.end))) is not None:
            found[item.key] = recorded(data, item), recorded(data, after)
    known = getattr(data, "pairs", None)
    for pair in known("train") if known else ():
        first = heads.get((pair.recording, pair.start))
        if first is not None and first.key not in found:
            cut = pair.start + pair.durations[0]
            parts = (pair.start, cut, pair.texts[0]), (cut, pair.end, pair.texts[1])
            one, two = (
                RecordedClip(data=data, recording=pair.recording, start=start, num_frames=end - start, own_texts=texts)
                for start, end, texts in parts
            )
            found[first.key] = one, two
    return found


def recorded(data: DataSet, item: Segment, *, mirrored: bool = False) -> RecordedClip:
    """The clip of a segment."""
    return RecordedClip(
        data=data,
        recording=item.recording,
        start=item.start,
        num_frames=item.num_frames,
        own_texts=item.texts,
        mirrored=mirrored,
    )


def draw_probabilities(
    clips: Sequence[TrainingClip], procedural_share: float = SHARES["procedural"]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Probability of each clip: its group's share, spread evenly over the group's kinds, then over each kind's clips.

    "other" spreads over the square root of each kind's size, so that 122 salsa clips count for 11.

    Args:
        clips: The mixture.
        procedural_share: Share of the parametric clips; the real groups keep their proportions.
    """
    sizes = Counter((item.group, item.kind) for item in clips)
    weights = {key: math.sqrt(size) if key[0] == "other" else 1.0 for key, size in sizes.items()}
    totals: dict[str, float] = defaultdict(float)
    for (group, _), weight in weights.items():
        totals[group] += weight
    real = sum(SHARES[group] for group in totals if group != "procedural")
    shares = {group: SHARES[group] * (1 - procedural_share) / real for group in totals if group != "procedural"}
    shares["procedural"] = procedural_share
    raw = [
        shares[item.group] * weights[item.group, item.kind] / totals[item.group] / sizes[item.group, item.kind]
        for item in clips
    ]
    return np.asarray(raw) / sum(raw)


def wordings() -> set[str]:
    """The phrases that clips of the mixture are told by, besides the texts of the CMU set, which the pack holds."""
    told = {*_WALK, *_RUN, *_BACKWARD, *_SLOW, *_QUICK}
    told |= {wording for action in ACTIONS.values() for wording in action.wordings}
    return told | {mirror_text(text) for text in told}


def _procedural(name: str, rng: np.random.Generator, seconds: float, fps: float) -> TrainingClip:
    made = sample(name, rng, seconds=seconds, fps=fps, spread=_SPREAD)
    clip = LabelledClip(
        rotations=axis_angle_to_matrix(torch.from_numpy(made.poses)),
        translation=torch.from_numpy(made.trans),
        fps=fps,
        texts=(name, *(wording for wording in ACTIONS[name].wordings if wording != name)),
        source=f"procedural:{name}",
    )
    return TrainingClip(clip, "procedural", name, (0,))


def _windows(
    data: DataSet, item: Segment, pair: tuple[RecordedClip, RecordedClip] | None, mirrored: bool, max_frames: int
) -> list[TrainingClip]:
    clip = recorded(data, item, mirrored=mirrored)
    pace = _pace(clip, item)
    if pace is not None:
        return _gait_windows(clip[:], pace, _subject(item.recording), max_frames)
    last = max(min(15, clip.num_frames - 45), 0)
    if pair is not None:
        pair = attrs.evolve(pair[0], mirrored=mirrored), attrs.evolve(pair[1], mirrored=mirrored)
    return [TrainingClip(clip, "other", clip.texts[0].casefold(), tuple(range(0, last + 1, 3)), pair)]


def _pace(clip: RecordedClip, item: Segment) -> str | None:
    """The gait, walk or run, of a straight and steady clip whose text says so; else None."""
    action = item.categories[0] if item.categories else None
    if action not in _GAIT or any(word in clip.texts[0].casefold() for word in _NOT_STEADY):
        return None
    low, high = _GAIT[action]
    motion = clip[:].motion
    straight = abs(turned_angle(motion)) < _STRAIGHT_TURN
    return action if straight and low <= forward_speed(motion) <= high else None


def _subject(recording: str) -> str:
    """Who moves, by recordings called like "cmu_02_01": each counts the same. Others are subjects of their own."""
    parts = recording.split("_")
    return "_".join(parts[:2]) if len(parts) > 2 else recording


def _gait_windows(clip: LabelledClip, pace: str, subject: str, max_frames: int) -> list[TrainingClip]:
    """Windows of one phase and one cadence: they start when the left foot is in front, and stay together."""
    events = gait.left_foot_events(clip)
    if len(events) < 2:
        return []
    clip = attrs.evolve(clip, texts=(*clip.texts, *(_WALK if pace == "walk" else _RUN)))
    if pace == "run":
        return [_steady(clip, events, "run", subject, _RUN_CYCLE, max_frames)]
    made = [
        _steady(attrs.evolve(clip, texts=texts), events, group, subject, cycle, max_frames)
        for group, cycle, texts in (
            ("walk", _WALK_CYCLE, clip.texts),
            ("walk slowly", _SLOW_CYCLE, _SLOW),
            ("walk quickly", _QUICK_CYCLE, _QUICK),
        )
    ]
    turned = gait.reverse_time(clip, _BACKWARD)
    events = gait.left_foot_events(turned)
    if len(events) >= 2:
        made.append(_steady(turned, events, "walk backward", subject, _WALK_CYCLE, max_frames))
    return made


def _steady(
    clip: LabelledClip, events: list[int], group: str, subject: str, cycle: int, max_frames: int
) -> TrainingClip:
    cycle = round(cycle * clip.fps / _CYCLE_FPS)
    even = gait.set_cadence(clip, events, cycle)
    long = gait.loop_cycle(even, 0, even.num_frames - 1, max(max_frames, even.num_frames))
    starts = range(0, max(long.num_frames - max_frames, 0) + 1, cycle)
    return TrainingClip(long, group, subject, tuple(starts))
