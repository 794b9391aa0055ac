"""What other programs call our joints, so that a motion lands on the rigs that users have."""

from __future__ import annotations

from collections.abc import Mapping

from actiongpt_core.errors import ConfigError, did_you_mean
from actiongpt_core.types.skeleton import Skeleton

_MIDDLE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
_LIMB = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist", "hand")


def _names(prefix: str, middle: tuple[str, ...], limb: tuple[str, ...]) -> dict[str, str]:
    found = {ours: prefix + theirs for ours, theirs in zip(_MIDDLE, middle, strict=True)}
    for side in ("left", "right"):
        found |= {f"{side}_{ours}": f"{prefix}{side.title()}{name}" for ours, name in zip(_LIMB, limb, strict=True)}
    return found


#: For each of our joints what a kind of rig calls it. SMPL's hand joint is the middle finger's first one there.
NAMES: dict[str, dict[str, str]] = {
    "mixamo": _names(
        "mixamorig:",
        ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head"),
        ("UpLeg", "Leg", "Foot", "ToeBase", "Shoulder", "Arm", "ForeArm", "Hand", "HandMiddle1"),
    ),
    "unity": _names(
        "",
        ("Hips", "Spine", "Chest", "UpperChest", "Neck", "Head"),
        (
            *("UpperLeg", "LowerLeg", "Foot", "Toes"),
            *("Shoulder", "UpperArm", "LowerArm", "Hand", "MiddleProximal"),
        ),
    ),
}


def joint_names(skeleton: Skeleton, names: str | Mapping[str, str] | None) -> tuple[str, ...]:
    """The names that a skeleton's joints are written by.

    Args:
        skeleton: The joints.
        names: "mixamo", "unity" (names of its humanoid avatar), a map from our names to others, or None for our own.

    Raises:
        ConfigError: There is no such map, it lacks a joint, or it gives two joints one name.
    """
    if names is None:
        return skeleton.joint_names
    if isinstance(names, str):
        if names not in NAMES:
            raise ConfigError(f"No joint names {names!r}. Known: {', '.join(NAMES)}.{did_you_mean(names, NAMES)}")
        names = NAMES[names]
    missing = [joint for joint in skeleton.joint_names if joint not in names]
    if missing:
        raise ConfigError(f"The joint names have none for {', '.join(missing)} of skeleton {skeleton.name!r}.")
    found = tuple(names[joint] for joint in skeleton.joint_names)
    if len(set(found)) < len(found) or not all(isinstance(name, str) and name.strip() for name in found):
        raise ConfigError(f"Each joint needs a name of its own; got {', '.join(map(str, found))}.")
    return found


def own_names(joints: tuple[str, ...]) -> tuple[str, ...]:
    """Our names of joints that a known kind of rig has, else the joints as they are."""
    for known in NAMES.values():
        ours = {theirs: joint for joint, theirs in known.items()}
        if set(joints) <= set(ours):
            return tuple(ours[joint] for joint in joints)
    return joints
