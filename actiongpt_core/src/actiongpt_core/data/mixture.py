"""What the shipped checkpoints are trained on: real and parametric clips, grouped, with the share of each group.

Real: the training split of the CMU set and its mirror image, with left and right swapped in the words. Straight walks and
runs get the wordings "walk forward" and "run forward" as well; walks reversed in time become "walk backward"; runs too
short to fill a window repeat their gait cycle. Parametric: `procedural.ACTIONS`.
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
from actiongpt_core.geometry.rotations import axis_angle_to_matrix

#: Share of each group among the drawn clips.
SHARES = {"walk": 0.15, "run": 0.12, "walk backward": 0.03, "procedural": 0.42, "other": 0.28}

_WALK = ("walk", "walking", "walk forward", "walks", "a person walks forward", "walk straight ahead", "walk ahead")
_RUN = ("run", "running", "run forward", "jog", "jogging", "a person runs forward", "run straight ahead")
_BACKWARD = ("walk backward", "walk backwards", "walking backward", "step backward and keep walking", "walk in reverse")
_NOT_STEADY = ("jump", "dive", "stop", "roll", "duck", "turn", "veer", "left", "right", "leap", "walk to run", "uneven")
_STRAIGHT_TURN = math.radians(30)
_GAIT = {"walk": (0.6, 2.0), "run": (1.8, 6.0)}  # forward speed, m/s


@attrs.frozen(eq=False)
class TrainingClip:
    """A clip, the group and kind that it is drawn by, and the frames that a window may start at."""

    clip: LabelledClip
    group: str
    kind: str  #: clips of one kind share the group's probability equally with the other kinds
    starts: tuple[int, ...]


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
    clips = [made for item in cmu.clips("train") if not item.suspect for made in _both_sides(item, max_frames)]
    progress(f"making {variants} variants of {len(ACTIONS)} parametric actions")
    rng = np.random.default_rng(seed)
    seconds = max_frames / cmu.fps
    for name in ACTIONS:
        for _ in range(variants):
            clips.append(_procedural(name, rng, seconds * float(rng.uniform(0.6, 1.0)), cmu.fps))
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


def _procedural(name: str, rng: np.random.Generator, seconds: float, fps: float) -> TrainingClip:
    made = sample(name, rng, seconds=seconds, fps=fps)
    clip = LabelledClip(
        rotations=axis_angle_to_matrix(torch.from_numpy(made.poses)),
        translation=torch.from_numpy(made.trans),
        fps=fps,
        texts=(name, *(wording for wording in ACTIONS[name].wordings if wording != name)),
        source=f"procedural:{name}",
    )
    return TrainingClip(clip, "procedural", name, (0,))


def _both_sides(item: CmuClip, max_frames: int) -> list[TrainingClip]:
    clip = item.clip
    rotations, translation = mirror_motion(clip.rotations, clip.translation)
    twin = attrs.evolve(
        clip,
        rotations=rotations,
        translation=translation,
        texts=tuple(mirror_text(text) for text in clip.texts),
        mirrored=True,
    )
    return [made for side in (clip, twin) for made in _windows(side, item, max_frames)]


def _windows(clip: LabelledClip, item: CmuClip, max_frames: int) -> list[TrainingClip]:
    pace = _pace(clip, item)
    if pace is None:
        last = max(min(15, clip.num_frames - 45), 0)
        return [TrainingClip(clip, "other", clip.texts[0].casefold(), tuple(range(0, last + 1, 3)))]
    texts = (*clip.texts, *(_WALK if pace == "walk" else _RUN))
    return _gait_windows(attrs.evolve(clip, texts=texts), pace, max_frames)


def _pace(clip: LabelledClip, item: CmuClip) -> str | None:
    """ "walk" or "run" for a straight, steady gait that the text says is one."""
    if item.action not in _GAIT or any(word in clip.texts[0].casefold() for word in _NOT_STEADY):
        return None
    low, high = _GAIT[item.action]
    straight = abs(gait.total_turn(clip)) < _STRAIGHT_TURN
    return item.action if straight and low <= gait.forward_speed(clip) <= high else None


def _gait_windows(clip: LabelledClip, pace: str, max_frames: int) -> list[TrainingClip]:
    """Windows that start when the left foot is in front, so that one text means one phase."""
    events = gait.left_foot_events(clip)
    kind = clip.source.split("_")[1] if "_" in clip.source else clip.source  # the subject: each counts the same
    if clip.num_frames - (events[0] if events else 0) < max_frames and len(events) >= 2:
        clip = gait.loop_cycle(clip, events[0], events[-1], max_frames)
        events = [0]
    if not events:
        return []
    starts = tuple(event for event in events if clip.num_frames - event >= 45) or (0,)
    made = [TrainingClip(clip, pace, kind, starts)]
    if pace == "walk":
        made.append(_backward(clip, kind))
    return made


def _backward(clip: LabelledClip, kind: str) -> TrainingClip:
    turned = gait.reverse_time(clip, _BACKWARD)
    starts = tuple(event for event in gait.left_foot_events(turned) if turned.num_frames - event >= 45)
    return TrainingClip(turned, "walk backward", kind, starts or (0,))
