"""Gestures of one limb in numbers: waves, claps, punches, kicks. Conventions as in `measures`."""

from __future__ import annotations

from torch import Tensor

from actiongpt_core.evaluation.measures import Side, forward_direction, joint_positions, left_direction
from actiongpt_core.types.motion import Motion

_WAVE_SIZE = 0.06  # metres that the wrist swings to the side, at least
_CLAP_SIZE, _CLAP_DISTANCE = 0.08, 0.15  # metres that the wrists part between claps, and that are left in one
_PUNCH_TRAVEL, _PUNCH_REACH, _PUNCH_HEIGHT = 0.12, 0.35, 0.3  # metres, see `punches`
_KICK_TRAVEL, _KICK_REACH, _KICK_HEIGHT = 0.3, 0.4, 0.2  # metres, see `kicks`
_EXTEND_SECONDS, _RETURN_SECONDS = 0.4, 0.7


def turning_points(signal: Tensor, size: float) -> list[int]:
    """Frames at which a signal turns round, after moving by `size` or more since the turn before.

    Args:
        signal: (T,).
        size: In the signal's unit; smaller wobbles are not counted.

    Returns:
        Indices of alternating maxima and minima. The first and the last extreme are turns only if the signal moved by
        `size` to reach them and by `size` to leave them.
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
    """How often the wrist turns round sideways, by 6 cm or more, while it is above its elbow and its shoulder."""
    joints, index = joint_positions(motion), motion.skeleton.index
    wrist, elbow, shoulder = (joints[:, index(f"{side}_{name}")] for name in ("wrist", "elbow", "shoulder"))
    is_up = (wrist[:, 2] > elbow[:, 2]) & (wrist[:, 2] > shoulder[:, 2])
    sideways = ((wrist - shoulder)[:, :2] * left_direction(motion)).sum(-1)
    return sum(bool(is_up[turn]) for turn in turning_points(sideways, _WAVE_SIZE))


def claps(motion: Motion) -> int:
    """How often the wrists come within 15 cm of each other, 8 cm nearer than before and after."""
    joints, index = joint_positions(motion), motion.skeleton.index
    distance = (joints[:, index("left_wrist")] - joints[:, index("right_wrist")]).norm(dim=-1)
    return sum(bool(distance[turn] <= _CLAP_DISTANCE) for turn in turning_points(distance, _CLAP_SIZE))


def punches(motion: Motion, side: Side) -> int:
    """How often the arm shoots out forward and returns.

    The wrist moves 12 cm or more away from its shoulder within 0.4 s and back within 0.7 s; at the farthest it is 35 cm
    or more in front of it, and less than 30 cm above or below it.
    """
    joints, index = joint_positions(motion), motion.skeleton.index
    arm = joints[:, index(f"{side}_wrist")] - joints[:, index(f"{side}_shoulder")]
    forward = (arm[:, :2] * forward_direction(motion)).sum(-1)
    hits = (forward >= _PUNCH_REACH) & (arm[:, 2].abs() < _PUNCH_HEIGHT)
    return sum(bool(hits[peak]) for peak in _strikes(arm.norm(dim=-1), motion.fps, _PUNCH_TRAVEL))


def kicks(motion: Motion, side: Side) -> int:
    """How often the leg shoots out forward and returns.

    The ankle moves 30 cm or more forward, seen from its hip, within 0.4 s and back within 0.7 s; at the farthest it is
    40 cm or more in front of the hip and 20 cm or more above the floor. The swing leg of a walk is lower there, and the
    foot under a lifted knee nearer.
    """
    joints, index = joint_positions(motion), motion.skeleton.index
    ankle = joints[:, index(f"{side}_ankle")]
    leg = ankle - joints[:, index(f"{side}_hip")]
    forward = (leg[:, :2] * forward_direction(motion)).sum(-1)
    hits = (forward >= _KICK_REACH) & (ankle[:, 2] >= _KICK_HEIGHT)
    return sum(bool(hits[peak]) for peak in _strikes(forward, motion.fps, _KICK_TRAVEL))


def _strikes(extension: Tensor, fps: float, travel: float) -> list[int]:
    """Peaks of an extension (T,) that was `travel` metres less shortly before, and is again soon after."""
    before, after = round(_EXTEND_SECONDS * fps), round(_RETURN_SECONDS * fps)

    def is_fast(peak: int) -> bool:
        rise = extension[peak] - extension[max(peak - before, 0) : peak + 1].min()
        fall = extension[peak] - extension[peak : peak + after + 1].min()
        return bool(rise >= travel and fall >= travel)

    return [turn for turn in turning_points(extension, travel) if is_fast(turn)]
