"""Procedural motion clips of everyday actions with text: written from rules, so no recording or licence is needed.

Conventions: 22 SMPL-like joints, parent-relative axis-angle in radians; world z up, metres, floor at z = 0. A clip's
first frame faces -y with the pelvis above the origin.
"""

import re
from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import NDArray

from actiongpt_core.data import procedural_lower as lower
from actiongpt_core.data import procedural_upper as upper
from actiongpt_core.data.procedural_helpers import Script
from actiongpt_core.data.procedural_poses import MIRROR, FloatArray, Rig
from actiongpt_core.errors import ConfigError, did_you_mean
from actiongpt_core.text.sides import mirror_text

Build = Callable[[np.random.Generator, float, float, float], tuple[FloatArray, FloatArray]]
"""(rng, seconds, frames a second, spread) -> axis-angle poses [T, 22, 3], pelvis positions [T, 3] in metres."""

_SIDED = re.compile(r"\b(?:left|right)", re.IGNORECASE)


@attrs.frozen
class ProceduralAction:
    """An action: canonical name, several short wordings of it (the name among them) and its motion generator."""

    name: str
    wordings: tuple[str, ...]
    build: Build


@attrs.frozen(eq=False)
class ProceduralClip:
    """A generated clip: poses [T, 22, 3] axis-angle in radians and pelvis trans [T, 3] in metres, both float32."""

    name: str
    poses: NDArray[np.float32]
    trans: NDArray[np.float32]
    fps: float


def mirror_motion(poses: FloatArray, trans: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mirror image of poses [T, 22, 3] and pelvis positions [T, 3]: left and right swap."""
    return poses[:, MIRROR] * np.array([1.0, -1.0, -1.0]), trans * np.array([-1.0, 1.0, 1.0])


def _builder(script: Script, mirrored: bool = False) -> Build:
    def build(rng: np.random.Generator, seconds: float, fps: float, spread: float) -> tuple[FloatArray, FloatArray]:
        rig = Rig(rng, seconds, fps, spread)
        script(rig)
        poses, trans = rig.solve()
        return mirror_motion(poses, trans) if mirrored else (poses, trans)

    return build


_TABLE: tuple[tuple[Script, str], ...] = (
    (
        upper.raise_arm,
        "raise the left arm; raise left arm; lift the left arm; raise your left hand; put the left arm up; "
        "the left arm goes up; hold up the left hand",
    ),
    (
        upper.raise_arm_side,
        "raise the left arm to the side; lift the left arm sideways; stretch the left arm out to the side; "
        "extend the left arm sideways; hold the left arm out to the side",
    ),
    (
        upper.raise_arms,
        "raise both arms; lift both arms; raise your hands; put both arms up; hands up; both arms go up",
    ),
    (
        upper.reach_up,
        "reach up with both arms; reach for the ceiling; stretch both arms upwards; reach up high with both "
        "hands; stretch up",
    ),
    (
        upper.stretch_sides,
        "stretch both arms out to the sides; spread the arms; hold both arms out to the sides; extend both "
        "arms sideways; raise both arms to the sides",
    ),
    (
        upper.wave,
        "wave with the left hand; wave the left hand; wave hello with the left hand; wave using the left arm; "
        "greet someone by waving the left hand",
    ),
    (
        upper.wave_both,
        "wave with both hands; wave both hands; wave both arms; wave hello with both hands; greet someone by "
        "waving both hands",
    ),
    (
        upper.punch,
        "punch with the left hand; throw a left punch; punch forward with the left fist; jab with the left "
        "hand; hit with the left fist",
    ),
    (
        upper.push,
        "push forward with both hands; push with both hands; push something away; push forward; shove forward "
        "with both arms",
    ),
    (
        upper.point,
        "point forward with the left hand; point with the left hand; point ahead with the left arm; point the "
        "left arm forward; point straight ahead using the left hand",
    ),
    (
        upper.reach_forward,
        "reach forward with the left hand; reach out with the left hand; reach ahead with the left arm; reach "
        "for something with the left hand; lean and reach forward with the left arm",
    ),
    (
        upper.throw,
        "throw with the left hand; throw a ball with the left hand; throw something with the left arm; "
        "left-handed throw; pitch a ball with the left hand",
    ),
    (
        upper.salute,
        "salute with the left hand; salute using the left hand; give a salute with the left hand; do a "
        "left-handed salute; raise the left hand to the forehead",
    ),
    (upper.clap, "clap; clap the hands; clap your hands; applaud; clap both hands together"),
    (
        upper.arm_circles,
        "arm circles; do arm circles; circle both arms; make circles with the arms; rotate both arms in circles",
    ),
    (
        upper.swing_arms,
        "swing both arms; swing the arms; swing the arms back and forth; swing your arms; let both arms swing",
    ),
    (
        upper.hands_on_hips,
        "put both hands on the hips; hands on hips; place the hands on the hips; stand with both hands on the "
        "hips; put your hands on your hips",
    ),
    (
        upper.cross_arms,
        "cross the arms; fold the arms; cross your arms; cross both arms in front of the chest; stand with folded arms",
    ),
    (upper.shrug, "shrug; shrug the shoulders; shrug your shoulders; raise the shoulders in a shrug; give a shrug"),
    (upper.nod, "nod; nod the head; nod your head; nod yes; move the head up and down"),
    (
        upper.shake_head,
        "shake the head; shake your head; shake the head no; move the head from side to side; say no by "
        "shaking the head",
    ),
    (upper.look, "look to the left; look left; turn the head to the left; turn your head left; look over to the left"),
    (upper.stand_still, "stand still; stand; stand in place; stay still; do nothing; stand idle"),
    (upper.bow, "bow; take a bow; bow forward; bow down; bow politely; lean forward in a bow"),
    (
        upper.touch_toes,
        "touch the toes; touch your toes; bend down and touch the toes; bend over to touch the toes; reach "
        "down to the toes",
    ),
    (
        upper.bend_side,
        "bend to the left; bend left; lean to the left; bend sideways to the left; tilt the upper body to the left",
    ),
    (
        upper.twist,
        "twist the upper body; twist the torso; twist at the waist; twist from side to side; rotate the upper body",
    ),
    (
        lower.kick,
        "kick with the left leg; kick with the left foot; left leg kick; kick forward with the left leg; kick "
        "the left foot",
    ),
    (
        lower.lift_knee,
        "lift the left knee; raise the left knee; left knee up; bring the left knee up; pull the left knee up",
    ),
    (
        lower.balance,
        "balance on the left leg; stand on the left leg; balance on the left foot; stand on only the "
        "left leg; keep balance on the left leg",
    ),
    (
        lower.hop,
        "hop on the left leg; hop on the left foot; jump on the left leg; hop using only the left leg; keep "
        "hopping on the left foot",
    ),
    (
        lower.lunge,
        "lunge with the left leg; lunge forward with the left leg; left leg lunge; do a lunge with the left "
        "leg in front; step into a lunge with the left foot",
    ),
    (
        lower.march,
        "march in place; march on the spot; walk in place; march without moving forward; lift the knees and "
        "march in place",
    ),
    (
        lower.jumping_jacks,
        "jumping jacks; do jumping jacks; star jumps; perform some jumping jacks; exercise with jumping jacks",
    ),
    (
        lower.jump_in_place,
        "jump in place; jump up and down; jump; jump on the spot; jump straight up; keep jumping in place",
    ),
    (lower.jump_forward, "jump forward; jump ahead; leap forward; jump forwards with both feet; make a long jump"),
    (lower.squat, "squat down; squat; do a squat; bend the knees and squat; lower into a squat"),
    (lower.sit, "sit down; sit; take a seat; sit down on a chair; have a seat"),
    (lower.stand_up, "stand up; get up from a chair; rise from a chair; stand up from a seat; get up from sitting"),
    (lower.kneel, "kneel down; kneel; go down on the knees; kneel on the floor; drop to a knee"),
    (lower.turn, "turn left; turn to the left; make a left turn; turn left on the spot; rotate to the left"),
    (
        lower.turn_around,
        "turn around; turn round; turn all the way around to face the back; turn to face the other way; make "
        "a half turn",
    ),
    (
        lower.side_step,
        "side step to the left; step to the left; sidestep left; step left; take a step to the left side",
    ),
    (lower.step_forward, "step forward; take a step forward; step ahead; take one step forward; make a step forwards"),
    (lower.step_back, "step back; take a step back; step backward; take one step backwards; step back once"),
)
"""Script and wordings of each action, left version; the first wording is its name."""


def _actions() -> dict[str, ProceduralAction]:
    actions: dict[str, ProceduralAction] = {}
    for script, texts in _TABLE:
        wordings = tuple(texts.split("; "))
        actions[wordings[0]] = ProceduralAction(wordings[0], wordings, _builder(script))
        if _SIDED.search(wordings[0]):
            twin = tuple(mirror_text(wording) for wording in wordings)
            actions[twin[0]] = ProceduralAction(twin[0], twin, _builder(script, mirrored=True))
    return actions


ACTIONS: dict[str, ProceduralAction] = _actions()
"""All actions by canonical name; one-sided actions are present for both sides."""


def sample(
    name: str, rng: np.random.Generator, seconds: float | None = None, fps: float = 30.0, spread: float = 1.0
) -> ProceduralClip:
    """Generate a random performance of an action.

    Args:
        name: A key of ACTIONS.
        rng: Source of the variation.
        seconds: Length of the clip; 2.5 to 5.5 at random by default.
        fps: Frames a second.
        spread: How much performances differ in delay, speed, size and style: 1 for all, 0 for hardly at all.

    Raises:
        ConfigError: There is no such action, or a number is out of range.
    """
    if name not in ACTIONS:
        raise ConfigError(f"There is no procedural action {name!r}.{did_you_mean(name, ACTIONS)}")
    length = float(rng.uniform(2.5, 5.5)) if seconds is None else seconds
    if not (length > 0.0 and fps > 0.0):
        raise ConfigError(f"The length and the frame rate must be positive, not {length} s and {fps} a second.")
    if not 0.0 <= spread <= 1.0:
        raise ConfigError(f"The spread of performances must be from 0 to 1, not {spread}.")
    poses, trans = ACTIONS[name].build(rng, length, fps, spread)
    return ProceduralClip(name, poses.astype(np.float32), trans.astype(np.float32), fps)
