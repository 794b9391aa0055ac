"""What the shipped checkpoints are trained on: real and parametric clips, grouped, with the share of each group.

Real: the training split of the CMU set and its mirror image, with left and right swapped in the words. Straight walks
and runs get the wordings "walk forward" and "run forward" as well, are brought to one cadence by warping time, and
repeat their gait cycles to fill a window. The same walks at another cadence become "walk slowly" and "walk quickly",
reversed in time "walk backward". Parametric: `procedural.ACTIONS`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable

import attrs
import numpy as np
import torch

from actiongpt_core.data import gait
from actiongpt_core.data.clip import LabelledClip, mirror_motion
from actiongpt_core.data.cmu import CmuClip, CmuSet
from actiongpt_core.data.procedural import ACTIONS, mirror_text, sample
from actiongpt_core.evaluation.measures import forward_speed, turned_angle
from actiongpt_core.geometry.rotations import axis_angle_to_matrix

#: Share of each group among the drawn clips.
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
#: Frames of one gait cycle (two steps) at 30 a second. Walk and run: near the medians of the real clips.
_WALK_CYCLE, _SLOW_CYCLE, _QUICK_CYCLE, _RUN_CYCLE = 34, 46, 28, 22
_NOT_STEADY = ("jump", "dive", "stop", "roll", "duck", "turn", "veer", "left", "right", "leap", "walk to run", "uneven")
#: Parametric performances differ little: repeated movements of one text stay in phase, as the gaits do.
_SPREAD = 0.25
_STRAIGHT_TURN = math.radians(30)
_GAIT = {"walk": (0.6, 2.0), "run": (1.8, 6.0)}  # forward speed, m/s


@attrs.frozen(eq=False)
class TrainingClip:
    """A clip, the group and kind that it is drawn by, and the frames that a window may start at."""

    clip: LabelledClip
    group: str
    kind: str  #: clips of one kind share the group's probability equally with the other kinds
    starts: tuple[int, ...]
    #: the clip that goes on where this one ends, in the same recording
    following: LabelledClip | None = None


def training_clips(
    cmu: CmuSet, *, max_frames: int, variants: int, seed: int, progress: Callable[[str], None] = lambda _: None
) -> list[TrainingClip]:
    """All clips of the mixture.

    Args:
        cmu: The real motions.
        max_frames: Longest window that training uses; parametric clips and looped runs are this long.
        variants: Clips of each parametric action.
        seed: Of the parametric variations.
        progress: Told what is being made.
    """
    progress("reading the CMU set")
    items = [item for item in cmu.clips("train") if not item.suspect]
    heads = {(item.recording, item.start_frame): item.clip for item in items}
    clips = []
    for item in items:
        after = heads.get((item.recording, item.start_frame + item.clip.num_frames))
        clips += _windows(item.clip, after, item, max_frames)
        clips += _windows(_mirrored(item.clip), None if after is None else _mirrored(after), item, max_frames)
    progress(f"making {variants} variants of {len(ACTIONS)} parametric actions")
    rng = np.random.default_rng(seed)
    seconds = max_frames / cmu.fps
    for name in ACTIONS:
        for _ in range(variants):
            clips.append(_procedural(name, rng, seconds, cmu.fps))
    return clips


def draw_probabilities(clips: list[TrainingClip]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Probability of each clip: its group's share, spread evenly over the group's kinds, then over each kind's clips.

    "other" spreads over the square root of each kind's size, so that 122 salsa clips count for 11.
    """
    sizes: dict[tuple[str, str], int] = defaultdict(int)
    for item in clips:
        sizes[item.group, item.kind] += 1
    weights = {key: math.sqrt(size) if key[0] == "other" else 1.0 for key, size in sizes.items()}
    totals: dict[str, float] = defaultdict(float)
    for (group, _), weight in weights.items():
        totals[group] += weight
    raw = [
        SHARES[item.group] * weights[item.group, item.kind] / totals[item.group] / sizes[item.group, item.kind]
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


def _mirrored(clip: LabelledClip) -> LabelledClip:
    rotations, translation = mirror_motion(clip.rotations, clip.translation)
    texts = tuple(mirror_text(text) for text in clip.texts)
    return attrs.evolve(clip, rotations=rotations, translation=translation, texts=texts, mirrored=True)


def _windows(clip: LabelledClip, following: LabelledClip | None, item: CmuClip, max_frames: int) -> list[TrainingClip]:
    pace = _pace(clip, item)
    if pace is None:
        last = max(min(15, clip.num_frames - 45), 0)
        starts = tuple(range(0, last + 1, 3))
        return [TrainingClip(clip, "other", clip.texts[0].casefold(), starts, following)]
    texts = (*clip.texts, *(_WALK if pace == "walk" else _RUN))
    return _gait_windows(attrs.evolve(clip, texts=texts), pace, max_frames)


def _pace(clip: LabelledClip, item: CmuClip) -> str | None:
    """The gait, walk or run, of a straight and steady clip whose text says so; else None."""
    if item.action not in _GAIT or any(word in clip.texts[0].casefold() for word in _NOT_STEADY):
        return None
    low, high = _GAIT[item.action]
    straight = abs(turned_angle(clip.motion)) < _STRAIGHT_TURN
    return item.action if straight and low <= forward_speed(clip.motion) <= high else None


def _gait_windows(clip: LabelledClip, pace: str, max_frames: int) -> list[TrainingClip]:
    """Windows of one phase and one cadence: they start when the left foot is in front, and stay together."""
    events = gait.left_foot_events(clip)
    if len(events) < 2:
        return []
    subject = clip.source.split("_")[1]  # each subject counts the same
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
    even = gait.set_cadence(clip, events, cycle)
    long = gait.loop_cycle(even, 0, even.num_frames - 1, max(max_frames, even.num_frames))
    starts = range(0, max(long.num_frames - max_frames, 0) + 1, cycle)
    return TrainingClip(long, group, subject, tuple(starts))
