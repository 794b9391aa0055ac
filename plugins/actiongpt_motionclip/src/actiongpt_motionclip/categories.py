"""The 60 action classes of BABEL-60, in order: what actions are recognised among.

The original's table of categories has 150 entries, the later ones rarer; only these 60 have a part in its evaluation,
and only these are known here.

Source: Punnakkal et al., "BABEL: Bodies, Action and Behavior with English Labels", CVPR 2021, action recognition.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast, get_args

from actiongpt_core.errors import ConfigError

#: "60": all classes. "45" and "15" split them for training without classes that are recognised later.
ClassSet = Literal["60", "45", "15"]

BABEL_60 = (
    *("walk", "stand", "hand movements", "turn", "interact with/use object", "arm movements", "t pose", "step"),
    *("backwards movement", "raising body part", "look", "touch object", "leg movements", "forward movement"),
    *("circular movement", "stretch", "jump", "touching body part", "sit", "place something"),
    *("take/pick something up", "run", "bend", "throw", "foot movements", "a pose", "stand up", "lowering body part"),
    *("sideways movement", "move up/down incline", "action with ball", "kick", "gesture", "head movements", "jog"),
    *("grasp object", "waist movements", "lift something", "knee movement", "wave", "move something"),
    *("swing body part", "catch", "dance", "lean", "greet", "poses", "touching face", "sports move"),
    *("exercise/training", "clean something", "punch", "squat", "scratch", "hop", "play sport", "stumble"),
    *("crossing limbs", "perform", "martial art"),
)
_HELD_OUT = (10, 11, 14, 19, 21, 22, 24, 26, 28, 29, 38, 48, 50, 51, 52)


def require_class_set(name: str) -> ClassSet:
    """The name of a set of classes, checked.

    Raises:
        ConfigError: There is no such set.
    """
    for known in get_args(ClassSet):
        if name == known:
            return cast(ClassSet, name)
    raise ConfigError(f"The sets of classes are {', '.join(get_args(ClassSet))} (of BABEL-60); got {name!r}.")


def classes(class_set: ClassSet = "60") -> tuple[str, ...]:
    """The names of a set of classes, in the order of the 60."""
    held_out = {BABEL_60[index] for index in _HELD_OUT}
    return tuple(name for name in BABEL_60 if class_set == "60" or (name in held_out) == (class_set == "15"))


def categories_of(frame_categories: Iterable[str], class_set: ClassSet = "60") -> tuple[str, ...]:
    """The classes that some frames are marked with.

    Args:
        frame_categories: For each frame its categories, joined with commas.
        class_set: Which classes count; all other categories are passed over.

    Returns:
        The classes in the order of the sorted marks. One that stands in two different marks is there twice, as in the
        original.
    """
    known = set(classes(class_set))
    return tuple(name for mark in sorted(set(frame_categories)) for name in mark.split(",") if name in known)
