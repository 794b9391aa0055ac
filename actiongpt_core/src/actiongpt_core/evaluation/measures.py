"""What a motion does, in numbers: speed, steps, turns, flight, foot skate, raised arms, waves, claps, strikes.

Every function takes a `Motion` with the SMPL body's joint names, Z up, metres, floor at z = 0, and looks at the joints
of its skeleton. Thresholds that say what counts as a step or a flight were set on real and parametric clips.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError
from actiongpt_core.geometry.clips import facing
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.types.motion import Motion

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")
OTHER_SIDE: dict[Side, Side] = {"left": "right", "right": "left"}

#: A foot is on the floor while its toe joint is lower than this, metres; a planted toe joint stands at about 0.02.
FLOOR_CONTACT = 0.05
#: One foot leads when its ankle is this far in front of the other one, metres.
_LEAD = 0.1


def joint_positions(motion: Motion) -> Tensor:
    """World positions of all joints, (T, J, 3), metres."""
    return forward_kinematics(motion.rotations, motion.translation, motion.skeleton)[0]


# --- the way ---------------------------------------------------------------------------------------------------------


def mean_speed(motion: Motion) -> float:
    """Length of the pelvis's path over the ground by its duration, m/s; 0 for a single frame."""
    steps = torch.diff(motion.translation[:, :2], dim=0)
    return float(steps.norm(dim=-1).mean()) * motion.fps if len(steps) else 0.0


def forward_speed(motion: Motion) -> float:
    """Mean speed of the pelvis along the facing direction, m/s; negative is backward, 0 for a single frame."""
    steps = torch.diff(motion.translation[:, :2], dim=0)
    return float((steps * forward_direction(motion)[:-1]).sum(-1).mean()) * motion.fps if len(steps) else 0.0


def turned_angle(motion: Motion) -> float:
    """Change of the facing direction from the first to the last frame, unwrapped, radians; positive to the left."""
    steps = torch.diff(facing(motion.rotations[:, 0]))
    return float(torch.atan2(steps.sin(), steps.cos()).sum())


def forward_direction(motion: Motion) -> Tensor:
    """Unit vector of the pelvis's facing direction on the ground, (T, 2)."""
    angle = facing(motion.rotations[:, 0])
    return torch.stack([angle.cos(), angle.sin()], dim=-1)


def left_direction(motion: Motion) -> Tensor:
    """Unit vector to the body's left on the ground, (T, 2)."""
    forward = forward_direction(motion)
    return torch.stack([-forward[:, 1], forward[:, 0]], dim=-1)


# --- the feet --------------------------------------------------------------------------------------------------------


def lead_changes(motion: Motion) -> int:
    """How often the feet change places: one ankle 0.1 m or more in front of the other, then the other way round.

    Each change is a step of alternating feet; feet that glide together, or one foot that always leads, give none.
    """
    leaders = [value > 0 for value in foot_lead(motion).tolist() if abs(value) >= _LEAD]
    return sum(before != after for before, after in itertools.pairwise(leaders))


def foot_lead(motion: Motion) -> Tensor:
    """How far the left ankle is in front of the right one, (T,), metres."""
    joints = joint_positions(motion)
    left, right = (joints[:, motion.skeleton.index(f"{side}_ankle"), :2] for side in SIDES)
    return ((left - right) * forward_direction(motion)).sum(-1)


def foot_skate(motion: Motion) -> float:
    """Mean ground speed of the lower toe joint while it is below 5 cm, m/s; 0 for planted feet, NaN if it never is.

    Real walking, as captured, has about 0.1.
    """
    feet = _toes(motion)
    heights, lower = feet[:-1, :, 2].min(dim=1)
    speeds = torch.diff(feet[..., :2], dim=0).norm(dim=-1) * motion.fps
    speed = speeds.gather(1, lower[:, None]).squeeze(1)[heights < FLOOR_CONTACT]
    return float(speed.mean()) if len(speed) else math.nan


def flight_seconds(motion: Motion) -> float:
    """The longest time that both toe joints are 5 cm or more above the floor between a take-off and a landing, seconds.

    A stretch that lasts to either end of the motion is not counted: who floats does not jump.
    """
    high = (toe_heights(motion) >= FLOOR_CONTACT).all(1).tolist()
    if False not in high:
        return 0.0
    first, last = high.index(False), len(high) - 1 - high[::-1].index(False)
    return longest_run(torch.tensor(high[first : last + 1])) / motion.fps


def toe_heights(motion: Motion) -> Tensor:
    """Heights of the left and the right toe joint, (T, 2), metres."""
    return _toes(motion)[..., 2]


def _toes(motion: Motion) -> Tensor:
    return joint_positions(motion)[:, [motion.skeleton.index(f"{side}_foot") for side in SIDES]]


# --- the body --------------------------------------------------------------------------------------------------------


def jitter(motion: Motion) -> float:
    """Mean magnitude of the acceleration of all joints, m/s^2; second differences at the motion's own frame rate.

    Real walking at 30 frames a second has 5.4; shaking raises it, averaging lowers it. NaN under three frames.
    """
    acceleration = torch.diff(joint_positions(motion), n=2, dim=0) * motion.fps**2
    return float(acceleration.norm(dim=-1).mean()) if len(acceleration) else math.nan


def variety(motions: Sequence[Motion]) -> float:
    """How far the motions of one text lie apart, metres: root mean square distance of the joints from their mean.

    The joints are seen from the point on the ground under the pelvis, so that poses differ and not ways; motions are
    cut to the shortest. NaN for fewer than two motions.
    """
    if len(motions) < 2:
        return math.nan
    frames = min(map(len, motions))
    joints = torch.stack([joint_positions(motion[:frames]) for motion in motions])
    joints[..., :2] -= joints[:, :, :1, :2].clone()
    return float((joints - joints.mean(0)).square().sum(-1).mean().sqrt())


def pelvis_height(motion: Motion, at: Literal["lowest", "end"] = "lowest") -> float:
    """Height of the pelvis, metres: its lowest, or its mean over the last third of a second.

    Raises:
        ConfigError: `at` is neither "lowest" nor "end".
    """
    heights = motion.translation[:, 2]
    if at == "lowest":
        return float(heights.min())
    if at == "end":
        return float(heights[-max(round(motion.fps / 3), 1) :].mean())
    raise ConfigError(f"A pelvis height is measured at 'lowest' or at 'end', not at {at!r}.")


def trunk_upright(motion: Motion) -> Tensor:
    """Cosine of the angle between trunk (pelvis to neck) and vertical, (T,): 1 upright, 0 level, -1 upside down."""
    joints = joint_positions(motion)
    trunk = joints[:, motion.skeleton.index("neck")] - joints[:, motion.skeleton.index("pelvis")]
    return torch.nn.functional.normalize(trunk, dim=-1)[:, 2]


def pelvis_in_front_of_feet(motion: Motion) -> Tensor:
    """How far the pelvis is in front of the middle of the ankles, (T,), metres; negative behind them, as on a chair."""
    joints = joint_positions(motion)
    feet = joints[:, [motion.skeleton.index(f"{side}_ankle") for side in SIDES], :2].mean(1)
    return ((joints[:, motion.skeleton.index("pelvis"), :2] - feet) * forward_direction(motion)).sum(-1)


def wrist_over_shoulder(motion: Motion) -> Tensor:
    """Height of the left and the right wrist over its own shoulder, (T, 2), metres; negative where the arm hangs."""
    joints = joint_positions(motion)
    wrists = joints[:, [motion.skeleton.index(f"{side}_wrist") for side in SIDES], 2]
    shoulders = joints[:, [motion.skeleton.index(f"{side}_shoulder") for side in SIDES], 2]
    return wrists - shoulders


def raised_seconds(motion: Motion, side: Side, margin: float = 0.2) -> float:
    """The longest time that one arm alone is raised, seconds.

    Raised alone: the wrist is above its shoulder, and `margin` metres higher over it than the other wrist over its own.
    """
    height = wrist_over_shoulder(motion)
    this = SIDES.index(side)
    alone = (height[:, this] > 0) & (height[:, this] - height[:, 1 - this] >= margin)
    return longest_run(alone) / motion.fps


def longest_run(mask: Tensor) -> int:
    """Length of the longest stretch of True in a boolean (T,)."""
    longest = current = 0
    for value in mask.tolist():
        current = current + 1 if value else 0
        longest = max(longest, current)
    return longest
