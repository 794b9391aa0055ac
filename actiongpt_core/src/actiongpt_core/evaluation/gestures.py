"""Gestures of one limb in numbers: waves, claps, punches, kicks. Conventions as in `measures`."""

from __future__ import annotations

import torch
from torch import Tensor

from actiongpt_core.evaluation.measures import Side, forward_direction, joint_positions, left_direction
from actiongpt_core.types.motion import Motion

_WAVE_SIZE = 0.06  # metres that the wrist swings to the side, at least
_CLAP_SIZE, _CLAP_DISTANCE = 0.08, 0.22  # metres that the wrists part between claps; their distance in a clap (no hands)
_PUNCH_REACH, _PUNCH_TRAVEL = 0.35, 0.15
_KICK_REACH, _KICK_TRAVEL, _KICK_HEIGHT = 0.35, 0.3, 0.3
_EXTEND_SECONDS, _RETURN_SECONDS = 0.4, 0.7


def turning_points(signal: Tensor, size: float) -> list[int]:
    """Frames at which a signal turns round, after moving by `size` or more since the turn before.

    Args:
        signal: (T,).
        size: In the signal's unit; smaller wobbles are not counted.

    Returns:
        Indices of alternating maxima and minima. The first and the last extreme are turns only if the signal moved by `size`
        to reach them and by `size` to leave them.
    """
    values = signal.tolist()
    turns: list[int] = []
    low = high = 0
    direction = 0  # of the movement that is under way: 1 up, -1 down, 0 not known yet
    for frame, value in enumerate(values):
        if value > values[high]:
            high = frame
        if value < values[low]:
            low = frame
        if direction >= 0 and values[high] - value >= size:
            turns += [high] if direction else []
            direction, low = -1, frame
        elif direction <= 0 and value - values[low] >= size:
            turns += [low] if direction else []
            direction, high = 1, frame
    return turns


def waves(motion: Motion, side: Side) -> int:
    """How often the wrist turns round sideways, by 6 cm or more, while it is above its elbow."""
    joints, index = joint_positions(motion), motion.skeleton.index
    wrist, elbow = joints[:, index(f"{side}_wrist")], joints[:, index(f"{side}_elbow")]
    offset = wrist - joints[:, index(f"{side}_shoulder")]
    turns = turning_points((offset[:, :2] * left_direction(motion)).sum(-1), _WAVE_SIZE)
    return sum(bool(wrist[turn, 2] > elbow[turn, 2]) for turn in turns)


def claps(motion: Motion) -> int:
    """How often the wrists come within 22 cm of each other, 8 cm nearer than before and after."""
    joints, index = joint_positions(motion), motion.skeleton.index
    distance = (joints[:, index("left_wrist")] - joints[:, index("right_wrist")]).norm(dim=-1)
    return _count_minima(distance, turning_points(distance, _CLAP_SIZE))


def punches(motion: Motion, side: Side) -> int:
    """How often the wrist shoots forward and returns: 15 cm within 0.4 s, to 35 cm or more in front of its shoulder."""
    return len(_strikes(_reach(motion, f"{side}_wrist", f"{side}_shoulder"), motion.fps, _PUNCH_REACH, _PUNCH_TRAVEL))


def kicks(motion: Motion, side: Side) -> int:
    """How often the foot shoots forward and returns: 30 cm within 0.4 s, 35 cm or more in front of its hip, 30 cm high."""
    height = joint_positions(motion)[:, motion.skeleton.index(f"{side}_ankle"), 2]
    reach = _reach(motion, f"{side}_ankle", f"{side}_hip")
    peaks = _strikes(reach, motion.fps, _KICK_REACH, _KICK_TRAVEL)
    return sum(bool(height[peak] >= _KICK_HEIGHT) for peak in peaks)


def _reach(motion: Motion, end: str, base: str) -> Tensor:
    """How far a joint is in front of another one, (T,), metres."""
    joints, index = joint_positions(motion), motion.skeleton.index
    return ((joints[:, index(end), :2] - joints[:, index(base), :2]) * forward_direction(motion)).sum(-1)


def _strikes(reach: Tensor, fps: float, least: float, travel: float) -> list[int]:
    """Peaks of `least` or more that were `travel` lower shortly before, and are again soon after."""
    before, after = round(_EXTEND_SECONDS * fps), round(_RETURN_SECONDS * fps)

    def is_strike(peak: int) -> bool:
        rise = reach[peak] - reach[max(peak - before, 0) : peak + 1].min()
        fall = reach[peak] - reach[peak : peak + after + 1].min()
        return bool(reach[peak] >= least and rise >= travel and fall >= travel)

    return [turn for turn in turning_points(reach, travel) if is_strike(turn)]


def _count_minima(signal: Tensor, turns: list[int]) -> int:
    inner = torch.diff(signal, prepend=signal[:1])
    return sum(bool(signal[turn] <= _CLAP_DISTANCE) and bool(inner[turn] <= 0) for turn in turns)
