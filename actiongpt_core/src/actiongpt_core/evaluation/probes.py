"""Probes: texts, and what a motion must do to follow them (`criteria`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs

from actiongpt_core.evaluation import criteria, gestures
from actiongpt_core.evaluation import measures as m
from actiongpt_core.evaluation.measures import Side
from actiongpt_core.types.motion import Motion

#: Share of the runs that must pass a required probe.
GOAL = 6 / 8


@attrs.frozen(kw_only=True)
class Probe:
    """A phrase, and how to tell from a motion whether it was followed."""

    name: str
    phrase: str
    #: the phrase, and seven more that a user might type for it, known from training or not: the runs of a backbone
    #: whose motion no seed changes
    phrasings: tuple[str, ...]
    wordings: tuple[str, str]  #: other words for it, which stand in no training text
    other: str  #: the probe whose descriptions take the place of this one's; its criterion must then be passed
    passes: Callable[[Motion], bool]
    measure: Callable[[Motion], float]  #: the number that stands beside the passes
    unit: str
    required: bool = False
    faster_than: str | None = None  #: the motion's measure must be above that of this probe's motion of the same run

    def follows(self, motion: Motion, reference: Motion | None = None) -> bool:
        """Whether the motion does what the phrase says.

        Args:
            motion: About 4 seconds.
            reference: The motion that it must be faster than, where the probe compares.
        """
        if not self.passes(motion):
            return False
        return reference is None or self.faster_than is None or self.measure(motion) > self.measure(reference)


def _count(count: Callable[[Motion, Side], int], side: Side, motion: Motion) -> float:
    return float(count(motion, side))


def _sided(side: Side) -> tuple[Probe, Probe]:
    that = m.OTHER_SIDE[side]
    raise_arm = Probe(
        name=f"raise {side} arm",
        phrase=f"raise the {side} arm",
        phrasings=(
            f"raise the {side} arm",
            f"raise your {side} arm",
            f"lift the {side} arm",
            f"put your {side} hand up",
            f"a person raises the {side} arm",
            f"hold the {side} arm up in the air",
            f"lift the {side} hand above the head",
            f"raise the {side} hand high",
        ),
        wordings=(f"bring the {side} hand up above the head", f"stick the {side} arm up into the air"),
        other=f"raise {that} arm",
        passes=partial(criteria.raises, side=side),
        measure=partial(m.raised_seconds, side=side),
        unit="s raised",
        required=True,
    )
    turn = Probe(
        name=f"turn {side}",
        phrase=f"turn {side}",
        phrasings=(
            f"turn {side}",
            f"turn to the {side}",
            f"a person turns {side}",
            f"make a {side} turn",
            f"rotate to the {side}",
            f"turn 90 degrees to the {side}",
            f"turn your body to the {side}",
            f"do a quarter turn to the {side}",
        ),
        wordings=(f"swivel round to face the {side}", f"spin a quarter circle to the {side}"),
        other=f"turn {that}",
        passes=partial(criteria.turns, side=side),
        measure=partial(criteria.turned_degrees, side=side),
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
        phrasings=(
            "walk forward",
            "a person walks forward",
            "walk straight ahead",
            "go for a walk",
            "take a few steps forward",
            "walk in a straight line",
            "someone is walking",
            "walk at a normal pace",
        ),
        wordings=("stroll along at an easy pace", "go forward on foot"),
        other="sit",
        passes=criteria.walks,
        measure=m.forward_speed,
        unit="m/s forward",
        required=True,
    ),
    Probe(
        name="run",
        phrase="run forward",
        phrasings=(
            "run forward",
            "a person runs forward",
            "run straight ahead",
            "run fast",
            "go for a run",
            "someone is running",
            "run in a straight line",
            "run ahead quickly",
        ),
        wordings=("dash ahead", "race straight on"),
        other="squat",
        passes=criteria.runs,
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
        phrasings=(
            "sit down",
            "a person sits down",
            "sit on a chair",
            "take a seat",
            "sit down on a chair",
            "sit down slowly",
            "have a seat",
            "sit down and stay seated",
        ),
        wordings=("lower yourself onto a stool", "settle into an armchair"),
        other="raise left arm",
        passes=criteria.sits,
        measure=partial(m.pelvis_height, at="end"),
        unit="m pelvis at the end",
        required=True,
    ),
    Probe(
        name="squat",
        phrase="squat down",
        phrasings=(
            "squat down",
            "squat",
            "a person squats",
            "do a squat",
            "do squats",
            "bend the knees and squat",
            "squat down low",
            "go down into a squat",
        ),
        wordings=("do a deep knee bend", "sink low with both knees bent"),
        other="walk",
        passes=criteria.squats,
        measure=m.pelvis_height,
        unit="m pelvis at the lowest",
        required=True,
    ),
    _TURN_LEFT,
    _TURN_RIGHT,
    Probe(
        name="jump",
        phrase="jump in place",
        phrasings=(
            "jump in place",
            "jump",
            "a person jumps up",
            "jump on the spot",
            "jump straight up",
            "do a jump",
            "jump high into the air",
            "jump up and land again",
        ),
        wordings=("spring up off the ground", "bounce into the air from where you stand"),
        other="walk",
        passes=criteria.jumps,
        measure=m.flight_seconds,
        unit="s flight",
    ),
    Probe(
        name="wave right",
        phrase="wave with the right hand",
        phrasings=(
            "wave with the right hand",
            "wave your right hand",
            "wave the right arm",
            "a person waves with the right hand",
            "wave hello with your right hand",
            "wave goodbye with the right hand",
            "greet someone with a wave of the right hand",
            "raise the right hand and wave",
        ),
        wordings=("say hi with the right hand", "signal hello by moving the right hand from side to side"),
        other="sit",
        passes=partial(criteria.waves, side="right"),
        measure=partial(_count, gestures.waves, "right"),
        unit="turns of the wrist",
    ),
    Probe(
        name="clap",
        phrase="clap",
        phrasings=(
            "clap",
            "clap your hands",
            "a person claps",
            "clap the hands together",
            "applaud",
            "clap several times",
            "start clapping",
            "clap hands in front of the body",
        ),
        wordings=("give a round of applause", "smack the palms against each other"),
        other="turn left",
        passes=criteria.claps,
        measure=lambda motion: float(gestures.claps(motion)),
        unit="claps",
    ),
    Probe(
        name="punch right",
        phrase="punch with the right hand",
        phrasings=(
            "punch with the right hand",
            "throw a right punch",
            "a person punches with the right hand",
            "punch with your right fist",
            "throw a punch with the right arm",
            "hit with the right fist",
            "punch forward with the right hand",
            "punch the air with the right hand",
        ),
        wordings=("strike out with the right fist", "box the air in front using the right arm"),
        other="squat",
        passes=partial(criteria.punches, side="right"),
        measure=partial(_count, gestures.punches, "right"),
        unit="punches",
    ),
    Probe(
        name="kick right",
        phrase="kick with the right leg",
        phrasings=(
            "kick with the right leg",
            "kick with the right foot",
            "a person kicks with the right leg",
            "do a right kick",
            "kick forward with the right leg",
            "throw a kick with the right foot",
            "kick a ball with the right foot",
            "give a kick with your right leg",
        ),
        wordings=("boot something with the right foot", "swing the right leg up in front like a footballer"),
        other="raise right arm",
        passes=partial(criteria.kicks, side="right"),
        measure=partial(_count, gestures.kicks, "right"),
        unit="kicks",
    ),
    Probe(
        name="walk backward",
        phrase="walk backward",
        phrasings=(
            "walk backward",
            "walk backwards",
            "a person walks backward",
            "walk in reverse",
            "step backward",
            "back up slowly",
            "move backward",
            "take a few steps back",
        ),
        wordings=("retreat step by step", "go backwards on foot"),
        other="walk",
        passes=criteria.walks_backward,
        measure=m.forward_speed,
        unit="m/s forward",
    ),
)
BY_NAME: dict[str, Probe] = {probe.name: probe for probe in PROBES}
