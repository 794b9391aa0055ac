"""When a motion does what a phrase says.

The limits come from common sense and from real and parametric clips (`real_clips`); they are not fitted to any model.
Sides count only in pairs: a model that drifts to one side passes one of two.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from actiongpt_core.evaluation import gestures
from actiongpt_core.evaluation import measures as m
from actiongpt_core.evaluation.measures import Side
from actiongpt_core.types.motion import Motion


def steps_on(motion: Motion) -> bool:
    """The feet alternate: one step a second or more. Real walks take nearly two."""
    return m.lead_changes(motion) >= motion.seconds


def walks(motion: Motion) -> bool:
    """Forward at 0.7 to 1.8 m/s on alternating feet."""
    return 0.7 <= m.forward_speed(motion) <= 1.8 and steps_on(motion)


def runs(motion: Motion) -> bool:
    """Forward at more than 1.8 m/s on alternating feet; besides, it must be faster than the walk of the same run."""
    return m.forward_speed(motion) > 1.8 and steps_on(motion)


def walks_backward(motion: Motion) -> bool:
    """Backward at 0.3 m/s or more on alternating feet."""
    return m.forward_speed(motion) <= -0.3 and steps_on(motion)


def raises(motion: Motion, side: Side) -> bool:
    """For 0.3 s this wrist is above its shoulder and 0.2 m higher over it than the other; never the other way round."""
    return m.raised_seconds(motion, side) >= 0.3 > m.raised_seconds(motion, m.OTHER_SIDE[side])


def sits(motion: Motion) -> bool:
    """The pelvis goes down by 0.2 m, ends at 0.65 m or lower and 0.2 m or more behind the feet, the trunk upright."""
    end = m.pelvis_height(motion, "end")
    is_low = end <= 0.65 and float(motion.translation[0, 2]) - end >= 0.2
    return is_low and float(m.pelvis_in_front_of_feet(motion)[-1]) <= -0.2 and float(m.trunk_upright(motion)[-1]) >= 0.7


def squats(motion: Motion) -> bool:
    """The pelvis goes down by 0.2 m, to 0.7 m or lower, over both feet, which stand side by side on the floor."""
    lowest = int(motion.translation[:, 2].argmin())
    height = float(motion.translation[lowest, 2])
    is_low = height <= 0.7 and float(motion.translation[0, 2]) - height >= 0.2
    is_over_feet = -0.25 <= float(m.pelvis_in_front_of_feet(motion)[lowest]) <= 0.2
    is_planted = float(m.toe_heights(motion)[lowest].max()) < 0.12 and abs(float(m.foot_lead(motion)[lowest])) < 0.35
    return is_low and is_over_feet and is_planted and float(m.trunk_upright(motion)[lowest]) >= 0.4


def turns(motion: Motion, side: Side) -> bool:
    """Faces 45 degrees or more further to that side at the end than at the start."""
    return turned_degrees(motion, side) >= 45.0


def jumps(motion: Motion) -> bool:
    """Both feet are off the floor for 0.1 s or more between take-off and landing."""
    return m.flight_seconds(motion) >= 0.1


def waves(motion: Motion, side: Side) -> bool:
    """The raised wrist turns round sideways 4 times or more, the other one half as often at most."""
    return _more(gestures.waves, motion, side, 4)


def claps(motion: Motion) -> bool:
    """The hands meet twice or more."""
    return gestures.claps(motion) >= 2


def punches(motion: Motion, side: Side) -> bool:
    """The arm shoots out forward and returns, the other one half as often at most."""
    return _more(gestures.punches, motion, side, 1)


def kicks(motion: Motion, side: Side) -> bool:
    """The leg shoots out forward and returns, the other one half as often at most."""
    return _more(gestures.kicks, motion, side, 1)


def _more(count: Callable[[Motion, Side], int], motion: Motion, side: Side, least: int) -> bool:
    this, that = count(motion, side), count(motion, m.OTHER_SIDE[side])
    return this >= least and that <= this / 2


def turned_degrees(motion: Motion, side: Side) -> float:
    """How much further to that side the body faces at the end than at the start, degrees."""
    return math.degrees(m.turned_angle(motion)) * (1 if side == "left" else -1)
