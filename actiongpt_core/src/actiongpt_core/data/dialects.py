"""The skeletons that captures come with: which of a file's joints is which of our 22."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from actiongpt_core.data.mocap import Mocap
from actiongpt_core.errors import DataError, did_you_mean
from actiongpt_core.types.skeleton import SMPL_BODY

#: Without these no pose can be told.
_NEEDED = tuple(
    ["pelvis", "head"]
    + [
        f"{side}_{part}"
        for side in ("left", "right")
        for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    ]
)


@attrs.frozen(kw_only=True)
class Dialect:
    """The joints of one kind of skeleton. 'NAME end' is the end of a last joint's bone."""

    name: str
    rotations: Mapping[str, str | None]  #: for each of our joints the file's joint that turns as it does
    places: Mapping[str, str]  #: for our joints the file's joint that stands where it does
    has_smpl_axes: bool = False  #: nothing is to be corrected: the file's body is at rest as ours is
    starts_in_calibration: bool = False  #: a T-pose may stand before the motion

    def missing(self, mocap: Mocap) -> list[str]:
        """The joints of this kind that a capture has not, in our order."""
        there = {*mocap.joints, *(f"{name} end" for name in mocap.ends)}
        wanted = [self.rotations[joint] for joint in self.rotations] + list(self.places.values())
        return list(dict.fromkeys(joint for joint in wanted if joint is not None and joint not in there))


def _both_sides(joints: Mapping[str, str], left: str, right: str) -> dict[str, str]:
    """The names of both sides, '%' standing for the side."""
    sides = {"left": left, "right": right}
    return {f"{ours}_{part}": name.replace("%", side) for ours, side in sides.items() for part, name in joints.items()}


def _dialect(
    name: str, middle: Mapping[str, str], limbs: Mapping[str, str], sides: tuple[str, str], places: Mapping[str, str]
) -> Dialect:
    """A dialect whose joints turn as they stand, save for what `places` says of the limbs."""
    rotations = {**middle, **_both_sides(limbs, *sides)}
    return Dialect(
        name=name,
        rotations={joint: rotations[joint] for joint in SMPL_BODY.joint_names},
        places=rotations | _both_sides(places, *sides),
        starts_in_calibration=True,
    )


#: CMU's own names. Its forearm is two bones, and only the second one twists: our elbow turns as that one does. Of its
#: three bones of the back and three of the neck those are taken that are nearest to our joints.
CMU_ASF = _dialect(
    "CMU ASF",
    {
        **{"pelvis": "root", "spine1": "upperback", "spine2": "thorax", "spine3": "thorax"},
        **{"neck": "upperneck", "head": "head"},
    },
    {
        **{"hip": "%femur", "knee": "%tibia", "ankle": "%foot", "foot": "%toes"},
        **{"collar": "%clavicle", "shoulder": "%humerus", "elbow": "%wrist", "wrist": "%hand"},
    },
    ("l", "r"),
    {"elbow": "%radius", "wrist": "%wrist"},
)
#: The same bones under MotionBuilder's names. The conversion leaves out some of their lengths.
CMU_MOTIONBUILDER = _dialect(
    "CMU BVH, MotionBuilder-style",
    {
        **{"pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine1"},
        **{"neck": "Neck1", "head": "Head"},
    },
    {
        **{"hip": "%UpLeg", "knee": "%Leg", "ankle": "%Foot", "foot": "%ToeBase"},
        **{"collar": "%Shoulder", "shoulder": "%Arm", "elbow": "%Hand", "wrist": "%FingerBase"},
    },
    ("Left", "Right"),
    {"elbow": "%ForeArm", "wrist": "%Hand"},
)
#: CMU's motion on the skeleton of DAZ figures: two bones of the back, feet without toes, collars that do not move.
CMU_DAZ = _dialect(
    "CMU BVH, DAZ-style",
    {
        **{"pelvis": "hip", "spine1": "abdomen", "spine2": "chest", "spine3": "chest"},
        **{"neck": "neck", "head": "head"},
    },
    {
        **{"hip": "%Thigh", "knee": "%Shin", "ankle": "%Foot", "foot": "%Foot"},
        **{"collar": "%Collar", "shoulder": "%Shldr", "elbow": "%ForeArm", "wrist": "%Hand"},
    },
    ("l", "r"),
    {"foot": "%Foot end"},
)
#: CMU's motion for 3ds Max: joints are called as in Biped, and the arms hang down at rest.
CMU_MAX = _dialect(
    "CMU BVH, 3ds Max-style",
    {
        **{"pelvis": "Hips", "spine1": "Chest", "spine2": "Chest2", "spine3": "Chest2"},
        **{"neck": "Neck", "head": "Head"},
    },
    {
        **{"hip": "%Hip", "knee": "%Knee", "ankle": "%Ankle", "foot": "%Toe"},
        **{"collar": "%Collar", "shoulder": "%Shoulder", "elbow": "%Elbow", "wrist": "%Wrist"},
    },
    ("Left", "Right"),
    {},
)
#: What MotionBuilder calls the joints of a character, with three bones in the back; many libraries of motion do.
MOTIONBUILDER = _dialect(
    "MotionBuilder names",
    {
        **{"pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2"},
        **{"neck": "Neck", "head": "Head"},
    },
    {
        **{"hip": "%UpLeg", "knee": "%Leg", "ankle": "%Foot", "foot": "%ToeBase"},
        **{"collar": "%Shoulder", "shoulder": "%Arm", "elbow": "%ForeArm", "wrist": "%Hand"},
    },
    ("Left", "Right"),
    {},
)
#: The names of SMPL, as this library writes BVH.
SMPL_NAMED = Dialect(
    name="SMPL names",
    rotations={name: name for name in SMPL_BODY.joint_names},
    places={name: name for name in SMPL_BODY.joint_names},
    has_smpl_axes=True,
)
DIALECTS = (CMU_ASF, CMU_MOTIONBUILDER, CMU_DAZ, CMU_MAX, MOTIONBUILDER, SMPL_NAMED)


def find_dialect(mocap: Mocap, joints: Mapping[str, str | None] | None = None) -> Dialect:
    """The dialect of a capture: the one whose joints it has, or one made from a user's map.

    Args:
        mocap: The capture.
        joints: For each of our 22 joints the file's joint, or None for one that the file has not.

    Raises:
        DataError: No dialect fits, or the map does not; the message names the joints.
    """
    if joints is not None:
        return _from_map(mocap, joints)
    missing = {dialect.name: dialect.missing(mocap) for dialect in DIALECTS}
    nearest = min(DIALECTS, key=lambda dialect: len(missing[dialect.name]))
    if not missing[nearest.name]:
        return nearest
    raise DataError(
        f"{mocap.source}: the skeleton is none that is known ({', '.join(missing)}). Nearest is {nearest.name}, of "
        f"which these joints could not be found: {', '.join(missing[nearest.name])}. The file has: "
        f"{', '.join(mocap.joints)}. Give a map from our joints ({', '.join(SMPL_BODY.joint_names)}) to those of the "
        "file, with null for a joint that it has not (of the data set 'folder': -O joints=FILE.json)."
    )


def _from_map(mocap: Mocap, joints: Mapping[str, str | None]) -> Dialect:
    unknown = [name for name in joints if name not in SMPL_BODY.joint_names]
    if unknown:
        hint = did_you_mean(unknown[0], SMPL_BODY.joint_names)
        raise DataError(f"The map names {', '.join(unknown)}, which are none of our joints.{hint}")
    absent = [name for name in _NEEDED if joints.get(name) is None]
    left_out = [name for name in SMPL_BODY.joint_names if name not in joints]
    if absent or left_out:
        raise DataError(
            f"The map must name a joint of the file for {', '.join(_NEEDED)}, and say null for others that it has not; "
            f"not told: {', '.join(dict.fromkeys([*absent, *left_out]))}."
        )
    dialect = Dialect(
        name="the given map",
        rotations={name: joints[name] for name in SMPL_BODY.joint_names},
        places={name: joint for name, joint in joints.items() if joint is not None},
    )
    if gone := dialect.missing(mocap):
        raise DataError(
            f"{mocap.source}: the map names joints that the file has not: {', '.join(gone)}. "
            f"It has: {', '.join(mocap.joints)}."
        )
    return dialect
