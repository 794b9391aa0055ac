"""Probes: texts, and what a motion must do to follow them.

The limits come from common sense and from real and parametric clips (`real_clips`); they are not fitted to any model.
Sides count only in pairs: a model that drifts to one side passes one of two.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import attrs

from actiongpt_core.evaluation import gestures
from actiongpt_core.evaluation import measures as m
from actiongpt_core.evaluation.measures import Side
from actiongpt_core.types.motion import Motion

#: Share of the seeds that must pass a required probe.
GOAL = 6 / 8


@attrs.frozen(kw_only=True)
class Probe:
    """A phrase, and how to tell from a motion whether it was followed."""

    name: str
    phrase: str
    wordings: tuple[str, str]  #: other words for it, which stand in no training text
    other: str  #: the probe whose descriptions take the place of this one's; its criterion must then be passed
    passes: Callable[[Motion], bool]
    measure: Callable[[Motion], float]  #: the number that stands beside the passes
    unit: str
    required: bool = False
    faster_than: str | None = None  #: the motion's measure must be above that of this probe's motion of the same seed

    def follows(self, motion: Motion, reference: Motion | None = None) -> bool:
        """Whether the motion does what the phrase says.

        Args:
            motion: About 4 seconds.
            reference: The motion that it must be faster than, where the probe compares.
        """
        if not self.passes(motion):
            return False
        return reference is None or self.faster_than is None or self.measure(motion) > self.measure(reference)


# --- criteria --------------------------------------------------------------------------------------------------------


def steps_on(motion: Motion) -> bool:
    """The feet alternate: one step a second or more. Real walks take nearly two."""
    return m.lead_changes(motion) >= motion.seconds


def walks(motion: Motion) -> bool:
    """Forward at 0.7 to 1.8 m/s on alternating feet."""
    return 0.7 <= m.forward_speed(motion) <= 1.8 and steps_on(motion)


def runs(motion: Motion) -> bool:
    """Forward at more than 1.8 m/s on alternating feet; besides, it must be faster than the walk of the same seed."""
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
    return _turned_degrees(motion, side) >= 45.0


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


def _turned_degrees(motion: Motion, side: Side) -> float:
    return math.degrees(m.turned_angle(motion)) * (1 if side == "left" else -1)


def _count(count: Callable[[Motion, Side], int], side: Side, motion: Motion) -> float:
    return float(count(motion, side))


# --- the probes ------------------------------------------------------------------------------------------------------


def _sided(side: Side) -> tuple[Probe, Probe]:
    that = m.OTHER_SIDE[side]
    raise_arm = Probe(
        name=f"raise {side} arm",
        phrase=f"raise the {side} arm",
        wordings=(f"bring the {side} hand up above the head", f"stick the {side} arm up into the air"),
        other=f"raise {that} arm",
        passes=partial(raises, side=side),
        measure=partial(m.raised_seconds, side=side),
        unit="s raised",
        required=True,
    )
    turn = Probe(
        name=f"turn {side}",
        phrase=f"turn {side}",
        wordings=(f"swivel round to face the {side}", f"spin a quarter circle to the {side}"),
        other=f"turn {that}",
        passes=partial(turns, side=side),
        measure=partial(_turned_degrees, side=side),
        unit=f"deg to the {side}",
        required=True,
    )
    return raise_arm, turn


_RAISE_LEFT, _TURN_LEFT = _sided("left")
_RAISE_RIGHT, _TURN_RIGHT = _sided("right")

PROBES: tuple[Probe, ...] = (
    Probe(
        name="walk",
        phrase="walk forward",
        wordings=("stroll along at an easy pace", "go forward on foot"),
        other="sit",
        passes=walks,
        measure=m.forward_speed,
        unit="m/s forward",
        required=True,
    ),
    Probe(
        name="run",
        phrase="run forward",
        wordings=("dash ahead", "race straight on"),
        other="squat",
        passes=runs,
        measure=m.forward_speed,
        unit="m/s forward",
        required=True,
        faster_than="walk",
    ),
    _RAISE_LEFT,
    _RAISE_RIGHT,
    Probe(
        name="sit",
        phrase="sit down",
        wordings=("lower yourself onto a stool", "settle into an armchair"),
        other="raise left arm",
        passes=sits,
        measure=partial(m.pelvis_height, at="end"),
        unit="m pelvis at the end",
        required=True,
    ),
    Probe(
        name="squat",
        phrase="squat down",
        wordings=("do a deep knee bend", "sink low with both knees bent"),
        other="walk",
        passes=squats,
        measure=m.pelvis_height,
        unit="m pelvis at the lowest",
        required=True,
    ),
    _TURN_LEFT,
    _TURN_RIGHT,
    Probe(
        name="jump",
        phrase="jump in place",
        wordings=("spring up off the ground", "bounce into the air from where you stand"),
        other="walk",
        passes=jumps,
        measure=m.flight_seconds,
        unit="s flight",
    ),
    Probe(
        name="wave right",
        phrase="wave with the right hand",
        wordings=("say hi with the right hand", "signal hello by moving the right hand from side to side"),
        other="sit",
        passes=partial(waves, side="right"),
        measure=partial(_count, gestures.waves, "right"),
        unit="turns of the wrist",
    ),
    Probe(
        name="clap",
        phrase="clap",
        wordings=("give a round of applause", "smack the palms against each other"),
        other="turn left",
        passes=claps,
        measure=lambda motion: float(gestures.claps(motion)),
        unit="claps",
    ),
    Probe(
        name="punch right",
        phrase="punch with the right hand",
        wordings=("strike out with the right fist", "box the air in front using the right arm"),
        other="squat",
        passes=partial(punches, side="right"),
        measure=partial(_count, gestures.punches, "right"),
        unit="punches",
    ),
    Probe(
        name="kick right",
        phrase="kick with the right leg",
        wordings=("boot something with the right foot", "swing the right leg up in front like a footballer"),
        other="raise right arm",
        passes=partial(kicks, side="right"),
        measure=partial(_count, gestures.kicks, "right"),
        unit="kicks",
    ),
    Probe(
        name="walk backward",
        phrase="walk backward",
        wordings=("retreat step by step", "go backwards on foot"),
        other="walk",
        passes=walks_backward,
        measure=m.forward_speed,
        unit="m/s forward",
    ),
)
BY_NAME: dict[str, Probe] = {probe.name: probe for probe in PROBES}
