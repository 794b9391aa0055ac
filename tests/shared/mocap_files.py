"""Small motion-capture files in the dialects that are read, made up; scipy says how their joints are turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from scipy.spatial.transform import Rotation

Array = Any


@attrs.frozen(eq=False, kw_only=True)
class Bvh:
    """What stands in a BVH: a tree whose joints come in the order of the file, and Euler angles."""

    joints: Sequence[str]
    parents: Sequence[int]
    offsets: Array  #: (J, 3)
    ends: Mapping[str, Array]
    orders: Sequence[str]  #: of the rotation channels, "ZYX" for most
    angles: Array  #: (T, J, 3) in degrees, in the order of the channels
    root: Array  #: (T, 3)

    @property
    def rotations(self) -> Array:
        """(T, J, 3, 3), by scipy: each turn about the axes that the ones before have turned."""
        turned = [
            Rotation.from_euler(order, self.angles[:, joint, : len(order)], degrees=True).as_matrix()
            for joint, order in enumerate(self.orders)
        ]
        return np.stack(turned, axis=1)

    def text(self, frame_time: str = ".0083333") -> str:
        """The file."""
        lines = ["HIERARCHY", *self._joint(0), "MOTION", f"Frames: {len(self.root)}", f"Frame Time: {frame_time}"]
        for place, angles in zip(self.root, self.angles, strict=True):
            row = [angle for order, told in zip(self.orders, angles, strict=True) for angle in told[: len(order)]]
            lines.append(" ".join(repr(float(value)) for value in [*place, *row]))
        return "\n".join(lines) + "\n"

    def _joint(self, joint: int) -> list[str]:
        name, order = self.joints[joint], self.orders[joint]
        places = " Xposition Yposition Zposition" if joint == 0 else ""
        channels = f"CHANNELS {len(order) + (3 if joint == 0 else 0)}{places}"
        lines = [f"{'JOINT' if joint else 'ROOT'} {name}", "{", f"\tOFFSET {_words(self.offsets[joint])}"]
        lines.append("\t" + " ".join([channels, *(f"{axis}rotation" for axis in order)]))
        for child, parent in enumerate(self.parents):
            if parent == joint:
                lines += self._joint(child)
        if name in self.ends:
            lines += ["End Site", "{", f"OFFSET {_words(self.ends[name])}", "}"]
        return [*lines, "}"]


def _words(values: Any) -> str:
    return " ".join(repr(float(value)) for value in values)


_START = np.array([9.0, 17.0, -30.0])
#: Rest offsets of CMU's skeleton, in no unit, each joint hanging on the one before it.
_LEG = {"LeftUpLeg": (1.6, -1.8, 0.6), "LeftLeg": (2.5, -7.0, 0.0), "LeftFoot": (2.4, -6.6, 0.0)}
_LEG |= {"LeftToeBase": (0.2, -0.6, 2.2)}
_ARM = {"LeftShoulder": (0.0, 0.0, 0.0), "LeftArm": (3.2, 1.2, 0.2), "LeftForeArm": (5.0, 0.0, 0.0)}
_ARM |= {"LeftHand": (3.4, 0.0, 0.0), "LeftFingerBase": (0.0, 0.0, 0.0), "LeftHandIndex1": (0.6, 0.0, 0.0)}
_BACK = {"LowerBack": (0.0, 0.0, 0.0), "Spine": (0.0, 2.0, -0.1), "Spine1": (0.0, 2.0, 0.0)}
_NECK = {"Neck": (0.0, 0.0, 0.0), "Neck1": (0.0, 1.6, 0.2), "Head": (0.0, 1.6, -0.1)}


def _mirrored(chain: Mapping[str, Sequence[float]]) -> dict[str, Sequence[float]]:
    return {name.replace("Left", "Right"): (-x, y, z) for name, (x, y, z) in chain.items()}


def motionbuilder(num_frames: int = 70, *, seed: int = 0, calibrated: bool = True, scale: float = 1.0) -> Bvh:
    """CMU's skeleton in MotionBuilder's names, that moves smoothly; before it a T-pose, as the conversions have one."""
    joints, parents = ["Hips"], [-1]
    offsets: list[Sequence[float]] = [(0.0, 0.0, 0.0)]
    chains: list[tuple[str, Mapping[str, Sequence[float]]]] = [
        ("Hips", {"LHipJoint": (0.0, 0.0, 0.0), **_LEG}),
        ("Hips", {"RHipJoint": (0.0, 0.0, 0.0), **_mirrored(_LEG)}),
        ("Hips", {**_BACK, **_NECK}),
        ("Spine1", _ARM),
        ("Spine1", _mirrored(_ARM)),
    ]
    for start, chain in chains:
        parent = start
        for name, offset in chain.items():
            parents.append(joints.index(parent))
            joints.append(name)
            offsets.append(offset)
            parent = name
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, (len(joints), 3)) + np.linspace(0, 2, num_frames)[:, None, None]
    angles = 25.0 * np.sin(phase) + rng.uniform(-20, 20, (len(joints), 3))
    angles[:, 0, 1] += rng.uniform(-180, 180)  # about Y: where the body looks
    for hand in ("LeftHand", "RightHand"):
        angles[:, joints.index(hand), :2] = 0.0  # CMU's second bone of the forearm only twists
    root = _START + np.cumsum(rng.normal(0, 0.05, (num_frames, 3)), axis=0)
    if calibrated:
        angles[0] = 0.0
    leaves = [name for joint, name in enumerate(joints) if joint not in parents]
    order = _depth_first(parents)
    return Bvh(
        joints=[joints[joint] for joint in order],
        parents=[order.index(parents[joint]) if joint else -1 for joint in order],
        offsets=np.array(offsets)[order] * scale,
        ends={name: np.array([0.3, 0.0, 0.3]) * scale for name in leaves},
        orders=["ZYX"] * len(joints),
        angles=angles[:, order],
        root=root * scale,
    )


def _depth_first(parents: Sequence[int], joint: int = 0) -> list[int]:
    order = [joint]
    for child, parent in enumerate(parents):
        if parent == joint:
            order += _depth_first(parents, child)
    return order


#: A skeleton as CMU's recorder wrote it, bones with axes of their own.
_BONES = {
    "lowerback": ("root", (0.0, 1.0, 0.0), 2.0, (0, 0, 0), "rx ry rz"),
    "upperback": ("lowerback", (0.0, 1.0, -0.05), 2.0, (0, 0, 0), "rx ry rz"),
    "thorax": ("upperback", (0.0, 1.0, 0.0), 2.0, (0, 0, 0), "rx ry rz"),
    "lowerneck": ("thorax", (0.0, 1.0, 0.1), 1.6, (0, 0, 0), "rx ry rz"),
    "upperneck": ("lowerneck", (0.0, 1.0, 0.0), 1.6, (0, 0, 0), "rx ry rz"),
    "head": ("upperneck", (0.0, 1.0, 0.0), 1.6, (0, 0, 0), "rx ry rz"),
}
_SIDE = {
    "%hipjoint": ("root", (0.65, -0.71, 0.25), 2.5, (0, 0, 0), ""),
    "%femur": ("%hipjoint", (0.34202, -0.939693, 0.0), 7.6, (0, 0, 20), "rx ry rz"),
    "%tibia": ("%femur", (0.34202, -0.939693, 0.0), 7.3, (0, 0, 20), "rx"),
    "%foot": ("%tibia", (0.09, -0.24, 0.965798), 2.2, (-90, 0, 20), "rx rz"),
    "%toes": ("%foot", (0.0, 0.0, 1.0), 1.1, (-90, 0, 20), "rx"),
    "%clavicle": ("thorax", (0.9, 0.4, 0.0), 3.6, (0, 0, 0), "ry rz"),
    "%humerus": ("%clavicle", (1.0, 0.0, 0.0), 5.0, (180, 30, 90), "rx ry rz"),
    "%radius": ("%humerus", (1.0, 0.0, 0.0), 3.4, (180, 30, 90), "rx"),
    "%wrist": ("%radius", (1.0, 0.0, 0.0), 1.7, (180, 30, 90), "ry"),
    "%hand": ("%wrist", (1.0, 0.0, 0.0), 0.7, (180, 30, 90), "rx rz"),
    "%fingers": ("%hand", (1.0, 0.0, 0.0), 0.5, (180, 30, 90), "rx"),
    "%thumb": ("%wrist", (0.7, 0.0, 0.7), 0.6, (90, 0, 90), "rx rz"),
}


def _all_bones() -> dict[str, tuple[str, Any, float, Any, str]]:
    bones: dict[str, tuple[str, Any, float, Any, str]] = dict(_BONES)
    for side, sign in (("l", 1.0), ("r", -1.0)):
        for name, (parent, (x, y, z), length, (a, b, c), dof) in _SIDE.items():
            bones[name.replace("%", side)] = (
                parent.replace("%", side),
                (sign * x, y, z),
                length,
                (a, sign * b, sign * c),
                dof,
            )
    return bones


@attrs.frozen(eq=False, kw_only=True)
class Acclaim:
    """What stands in an ASF and an AMC."""

    values: dict[str, Array]  #: bone -> (T, its dof): degrees, and TX TY TZ before them for the root

    @property
    def bones(self) -> dict[str, tuple[str, Any, float, Any, str]]:
        """name: (parent, direction, length, axis in degrees, dof)."""
        return _all_bones()

    @property
    def rotations(self) -> dict[str, Array]:
        """Bone -> (T, 3, 3), by scipy: turns about the bone's own axes, which stay where they are."""
        found = {"root": Rotation.from_euler("xyz", self.values["root"][:, 3:], degrees=True).as_matrix()}
        for name, (_, _, _, axis, dof) in self.bones.items():
            own = Rotation.from_euler("xyz", axis, degrees=True)
            order = dof.replace("r", "").replace(" ", "")
            if order:
                moved = Rotation.from_euler(order, self.values[name], degrees=True)
                found[name] = (own * moved * own.inv()).as_matrix()
        return found

    def asf(self, *, unit: str = "deg") -> str:
        """The skeleton."""
        lines = ["# made up", ":version 1.10", ":name VICON", ":units", "  mass 1.0", "  length 0.45"]
        lines += [f"  angle {unit}", ":documentation", "   of nobody", ":root", "   order TX TY TZ RX RY RZ"]
        lines += ["   axis XYZ", "   position 0 0 0", "   orientation 0 0 0", ":bonedata"]
        for number, (name, (_, direction, length, axis, dof)) in enumerate(self.bones.items(), start=1):
            told = axis if unit == "deg" else np.radians(axis)
            lines += ["  begin", f"     id {number}", f"     name {name}", f"     direction {_words(direction)}"]
            lines += [f"     length {length}", f"     axis {_words(told)}  XYZ"]
            if dof:
                lines += [f"    dof {dof}", "    limits (-160.0 20.0)", *["           (-70.0 70.0)"] * dof.count(" ")]
            lines.append("  end")
        lines += [":hierarchy", "  begin"]
        for parent in dict.fromkeys(bone[0] for bone in self.bones.values()):
            children = [name for name, bone in self.bones.items() if bone[0] == parent]
            lines.append(f"    {parent} {' '.join(children)}")
        return "\n".join([*lines, "  end"]) + "\n"

    def amc(self, *header: str, is_degrees: bool = True) -> str:
        """The motion."""
        lines = ["#!OML:ASF X:\\made\\up.ASF", ":FULLY-SPECIFIED", ":DEGREES" if is_degrees else ":RADIANS", *header]
        for frame in range(len(self.values["root"])):
            lines.append(str(frame + 1))
            for name, told in self.values.items():
                row = told[frame] if is_degrees else np.radians(told[frame])
                if name == "root" and not is_degrees:
                    row = np.concatenate([told[frame, :3], row[3:]])
                lines.append(f"{name} {_words(row)}")
        return "\n".join(lines) + "\n"


def acclaim(num_frames: int = 70, *, seed: int = 0) -> Acclaim:
    """CMU's skeleton in smooth motion."""
    rng = np.random.default_rng(seed)

    def moved(count: int) -> Array:
        phase = rng.uniform(0, 2 * np.pi, count) + np.linspace(0, 2, num_frames)[:, None]
        return 20.0 * np.sin(phase) + rng.uniform(-15, 15, count)

    root = np.concatenate([_START + np.cumsum(rng.normal(0, 0.05, (num_frames, 3)), axis=0), moved(3)], axis=1)
    root[:, 4] += rng.uniform(-60, 60)
    values = {"root": root}
    values |= {name: moved(dof.count("r")) for name, (_, _, _, _, dof) in _all_bones().items() if dof}
    return Acclaim(values=values)


def as_bvh(capture: Acclaim) -> Bvh:
    """The same motion as MotionBuilder-style BVH, as a conversion makes it: a T-pose before it."""
    names = {"root": "Hips", "lowerback": "LowerBack", "upperback": "Spine", "thorax": "Spine1"}
    names |= {"lowerneck": "Neck", "upperneck": "Neck1", "head": "Head"}
    sides = {"%hipjoint": "%%HipJoint", "%femur": "%UpLeg", "%tibia": "%Leg", "%foot": "%Foot", "%toes": "%ToeBase"}
    sides |= {"%clavicle": "%Shoulder", "%humerus": "%Arm", "%radius": "%ForeArm", "%wrist": "%Hand"}
    sides |= {"%hand": "%FingerBase", "%fingers": "%HandIndex1", "%thumb": "%%Thumb"}
    for side, word in (("l", "Left"), ("r", "Right")):
        for ours, theirs in sides.items():
            names[ours.replace("%", side)] = theirs.replace("%%", side.upper()).replace("%", word)
    bones = capture.bones
    joints = ["root", *bones]
    parents = [-1] + [joints.index(bone[0]) for bone in bones.values()]
    vectors = {name: np.array(direction) * length for name, (_, direction, length, _, _) in bones.items()}
    offsets = [vectors.get(joints[parent], np.zeros(3)) if parent >= 0 else np.zeros(3) for parent in parents]
    still = np.tile(np.eye(3), (len(capture.values["root"]), 1, 1))
    turned = [Rotation.from_matrix(capture.rotations.get(name, still)).as_euler("ZYX", degrees=True) for name in joints]
    angles = np.concatenate([np.zeros((1, len(joints), 3)), np.stack(turned, axis=1)])
    order = _depth_first(parents)
    return Bvh(
        joints=[names[joints[joint]] for joint in order],
        parents=[order.index(parents[joint]) if joint else -1 for joint in order],
        offsets=np.array(offsets)[order],
        ends={names[name]: vectors[name] for number, name in enumerate(joints) if number not in parents},
        orders=["ZYX"] * len(joints),
        angles=angles[:, order],
        root=np.concatenate([capture.values["root"][:1, :3], capture.values["root"][:, :3]]),
    )


def write_acclaim(folder: Path, trial: str, capture: Acclaim) -> Path:
    """TRIAL.amc and its subject's ASF."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{trial.partition('_')[0]}.asf").write_text(capture.asf(), encoding="ascii")
    path = folder / f"{trial}.amc"
    path.write_text(capture.amc(), encoding="ascii")
    return path
