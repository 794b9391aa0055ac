"""Rig of the procedural motion generator: scalar channels over time, turned into joint rotations.

A motion is written as changes of named scalar channels (degrees and metres). The lower body follows from footprints
and the pelvis by two-bone inverse kinematics, so planted feet do not slide; arms are given by the directions of the
upper arm and the forearm in the torso frame. Body frame: x left, y up, z forward. World: z up, metres, floor z = 0.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ArmAngles = tuple[float, float, float, float]
"""Raise and plane of upper arm and forearm, degrees. Raise: 0 down, 90 level, 180 up; plane: 0 side, 90 front."""

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
MIRROR = (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20)

HIP = np.array([0.069, -0.091, -0.006])  # left side; the right side negates x
THIGH = np.array([0.036, -0.379, -0.007])
SHANK = np.array([-0.015, -0.398, -0.043])
TOE = np.array([0.026, -0.052, 0.121])
UPPER_ARM = np.array([0.257, -0.013, -0.024])
FOREARM = np.array([0.252, 0.008, -0.003])
SHOULDER = np.array([0.174, 0.152, -0.045])  # from spine3

STANDING = 0.936  # pelvis height
TOE_HEIGHT = 0.02
TOE_AHEAD = 0.06  # of the pelvis, standing
GRAVITY = 9.81

_BODY = (
    "p_fwd",
    "p_left",
    "p_up",
    "p_yaw",
    "p_pitch",
    "p_roll",
    "pitch",
    "roll",
    "twist",
    "h_pitch",
    "h_roll",
    "h_yaw",
)
_LIMB = ("arm", "plane", "fore", "fplane", "shrug", "wrist", "x", "y", "yaw", "fwd", "out", "up", "pitch", "free")
CHANNELS = _BODY + tuple(f"{side}_{name}" for side in "lr" for name in _LIMB)
_IDLE = {
    "p_fwd": 0.008, "p_left": 0.008, "p_pitch": 1.0, "pitch": 1.5, "roll": 1.2, "twist": 1.5,
    "h_pitch": 2.0, "h_roll": 1.5, "h_yaw": 3.0,
    "l_arm": 2.0, "r_arm": 2.0, "l_plane": 4.0, "r_plane": 4.0, "l_fore": 2.5, "r_fore": 2.5,
    "l_fplane": 4.0, "r_fplane": 4.0, "l_wrist": 4.0, "r_wrist": 4.0,
}  # fmt: skip


def ease(phase: FloatArray) -> FloatArray:
    """Minimum-jerk step: 0 before phase 0, 1 after phase 1."""
    s = np.clip(phase, 0.0, 1.0)
    return s * s * s * (10.0 - 15.0 * s + 6.0 * s * s)


def rot(axis: int, degrees: FloatArray) -> FloatArray:
    """Rotation about a coordinate axis. degrees [T] -> matrices [T, 3, 3]."""
    angle = np.radians(degrees)
    c, s = np.cos(angle), np.sin(angle)
    out = np.zeros((*angle.shape, 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out[..., axis, axis] = 1.0
    out[..., i, i] = c
    out[..., j, j] = c
    out[..., i, j] = -s
    out[..., j, i] = s
    return out


def unit(vectors: FloatArray) -> FloatArray:
    """Vectors [..., 3] scaled to length 1."""
    length = np.sqrt(np.sum(vectors * vectors, axis=-1, keepdims=True))
    return np.asarray(vectors / np.maximum(length, 1e-9))


def cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Cross product of [..., 3] vectors (broadcast), faster than the general one."""
    a0, a1, a2 = a[..., 0], a[..., 1], a[..., 2]
    b0, b1, b2 = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)


def apply(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    """Rotate vectors [..., 3] by matrices [..., 3, 3]."""
    return np.asarray((matrices @ vectors[..., None])[..., 0])


def transpose(matrices: FloatArray) -> FloatArray:
    """Inverse of rotation matrices [..., 3, 3]."""
    return np.swapaxes(matrices, -1, -2)


def frame(along: FloatArray, hinge: FloatArray) -> FloatArray:
    """Matrices [..., 3, 3]: columns are `along` normalised, `hinge` made orthogonal to it, their cross product."""
    first = unit(along)
    second = unit(hinge - first * np.sum(first * hinge, axis=-1, keepdims=True))
    return np.stack([first, second, cross(first, second)], axis=-1)


def between(start: FloatArray, end: FloatArray) -> FloatArray:
    """Smallest rotations [T, 3, 3] that take unit vector start [3] to unit vectors end [T, 3]."""
    axis = cross(start, end)
    cosine = np.sum(start * end, axis=-1)
    skew = np.zeros((*cosine.shape, 3, 3))
    skew[..., 0, 1], skew[..., 0, 2], skew[..., 1, 2] = -axis[..., 2], axis[..., 1], -axis[..., 0]
    skew -= transpose(skew)
    return np.asarray(np.eye(3) + skew + skew @ skew / np.maximum(1.0 + cosine, 1e-4)[..., None, None])


def to_axis_angle(matrices: FloatArray) -> FloatArray:
    """Axis-angle [..., 3] in radians, angle at most pi, of rotation matrices [..., 3, 3]; stable at half turns."""
    m = matrices
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    four = np.empty((*trace.shape, 4, 4))  # 4 q q^T, quaternion q = (w, x, y, z)
    four[..., 0, 0] = 1.0 + trace
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        four[..., i + 1, i + 1] = 1.0 - trace + 2.0 * m[..., i, i]
        four[..., 0, i + 1] = four[..., i + 1, 0] = m[..., k, j] - m[..., j, k]
        four[..., i + 1, j + 1] = four[..., j + 1, i + 1] = m[..., i, j] + m[..., j, i]
    largest = np.argmax(np.diagonal(four, axis1=-2, axis2=-1), axis=-1)
    quat = np.take_along_axis(four, largest[..., None, None], axis=-2)[..., 0, :]
    quat = quat / np.linalg.norm(quat, axis=-1, keepdims=True)
    quat = np.where(quat[..., :1] < 0.0, -quat, quat)
    length = np.linalg.norm(quat[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(length, quat[..., :1])
    return np.asarray(quat[..., 1:] * np.where(length > 1e-9, angle / np.maximum(length, 1e-9), 2.0))


def reach_angles(target: Iterable[float], elbow: Iterable[float]) -> ArmAngles:
    """Arm angles that put the wrist at `target` with the elbow towards `elbow`.

    Both are (outward, up, forward) in the torso frame at spine3, metres; outward is away from the midline.
    """
    upper, lower = float(np.linalg.norm(UPPER_ARM)), float(np.linalg.norm(FOREARM))
    line = np.array(list(target)) - SHOULDER
    distance = float(np.clip(np.linalg.norm(line), 0.06, upper + lower - 1e-3))
    line = unit(line)
    hint = np.array(list(elbow))
    hint = unit(hint - line * float(hint @ line))
    cosine = (upper**2 + distance**2 - lower**2) / (2.0 * upper * distance)
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    first = line * cosine + hint * sine
    second = unit(line * distance - first * upper)
    angles: list[float] = []
    for x, y, z in (first, second):
        around = (math.degrees(math.atan2(z, x)) + 90.0) % 360.0 - 90.0  # no jump for directions across the body
        angles += [math.degrees(math.acos(max(-1.0, min(1.0, -y)))), around]
    return angles[0], angles[1], angles[2], angles[3]


class Rig:
    """Channels of one motion over time, with the random style of its performer.

    Attributes: t [T] seconds; ch: channel name -> [T] (degrees, metres); start: delay before the action, seconds;
    speed: factor on durations (larger is faster). spread: 1 for the full variety of performances, 0 for none.
    """

    def __init__(self, rng: np.random.Generator, seconds: float, fps: float, spread: float = 1.0) -> None:
        frames = max(2, round(seconds * fps))
        self.rng = rng
        self.spread = spread
        self.fps = fps
        self.t: FloatArray = np.arange(frames) / fps
        self.end = frames / fps
        self.start = self.uniform(0.0, min(0.6, 0.12 * seconds))
        self.speed = self.uniform(0.8, 1.35)
        self.ch: dict[str, FloatArray] = {name: np.zeros(frames) for name in CHANNELS}
        self.idle = self.uniform(0.4, 1.2)
        self.toe_out = self.uniform(-3.0, 14.0)
        self._stand()
        self.goal = {name: float(values[0]) for name, values in self.ch.items()}

    def _stand(self) -> None:
        half = self.uniform(0.095, 0.15)
        raised, plane, bend = self.uniform(7, 17), self.uniform(10, 55), self.uniform(6, 28)
        for side, sign in (("l", 1.0), ("r", -1.0)):
            self.ch[f"{side}_x"] += sign * half
            self.ch[f"{side}_y"] += self.uniform(-0.02, 0.02)
            hang = (raised, plane, raised + bend * 0.5, plane + bend * 1.5)
            for name, value in zip(("arm", "plane", "fore", "fplane"), hang, strict=True):
                self.ch[f"{side}_{name}"] += value + self.uniform(-3, 3)
        self.ch["pitch"] += self.uniform(-2, 6)
        self.ch["h_pitch"] += self.uniform(-4, 8)

    # Scripting ---------------------------------------------------------------------------------------------------

    def uniform(self, low: float, high: float) -> float:
        """Uniform random number; with less spread closer to the middle."""
        return 0.5 * (low + high) + self.spread * (float(self.rng.random()) - 0.5) * (high - low)

    def chance(self, probability: float) -> bool:
        """True with the given probability; with less spread more often what is likelier."""
        likelier = 1.0 if probability >= 0.5 else 0.0
        return bool(self.rng.random() < self.spread * probability + (1.0 - self.spread) * likelier)

    def side(self) -> str:
        """'l' or 'r' at random."""
        return "l" if self.chance(0.5) else "r"

    def fit(self, seconds: float, share: float = 0.7) -> float:
        """A duration divided by the speed, at most `share` of the time after the start delay."""
        return min(seconds / self.speed, share * (self.end - self.start))

    def last(self, name: str) -> float:
        """Value that a channel was last sent to."""
        return self.goal[name]

    def to(self, start: float, stop: float, goals: Mapping[str, float]) -> dict[str, float]:
        """Move channels smoothly to goals between two times (seconds); returns the values before."""
        before = {name: self.last(name) for name in goals}
        step = ease((self.t - start) / max(stop - start, 1e-3))
        for name, goal in goals.items():
            self.ch[name] += (goal - before[name]) * step
            self.goal[name] = goal
        return before

    def pulse(self, times: tuple[float, float, float, float], goals: Mapping[str, float]) -> None:
        """Move channels to goals between the first two times and back between the last two."""
        before = self.to(times[0], times[1], goals)
        self.to(times[2], times[3], before)

    def window(self, start: float, stop: float, fade: float) -> FloatArray:
        """Smooth weight [T]: 0, rising to 1 from `start`, back to 0 at `stop`, with ramps of `fade` seconds."""
        rise = ease((self.t - start) / max(fade, 1e-3))
        return np.asarray(rise * ease((stop - self.t) / max(fade, 1e-3)))

    def step(self, side: str, times: tuple[float, float], to: tuple[float, float, float], lift: float) -> None:
        """Lift a foot and set it down at world (x, y, turn in degrees) between two times (seconds)."""
        start, stop = times
        length = stop - start
        self.to(
            start + 0.12 * length,
            stop - 0.12 * length,
            {f"{side}_x": to[0], f"{side}_y": to[1], f"{side}_yaw": to[2]},
        )
        s = np.clip((self.t - start) / length, 0.0, 1.0)
        arc = 4.0 * s * (1.0 - s)
        self.ch[f"{side}_up"] += lift * arc
        self.ch[f"{side}_pitch"] += 18.0 * np.sin(np.pi * s) * (1.0 - s) * min(1.0, lift / 0.08)
        self.ch[f"{side}_free"] += np.minimum(1.0, 2.0 * arc)

    # Solving -----------------------------------------------------------------------------------------------------

    def _smooth(self, values: FloatArray, sigma: float) -> FloatArray:
        """Gaussian smoothing of [T] over `sigma` seconds, ends held."""
        radius = max(1, int(3.0 * sigma * self.fps))
        kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / (sigma * self.fps)) ** 2)
        padded = np.concatenate([np.full(radius, values[0]), values, np.full(radius, values[-1])])
        return np.convolve(padded, kernel / kernel.sum(), mode="valid")

    def _add_idle(self) -> None:
        size = len(_IDLE)
        frequency = self.rng.uniform(0.08, 0.5, (size, 3, 1))
        phase = self.rng.uniform(0.0, 2.0 * np.pi, (size, 3, 1))
        noise = np.sin(2.0 * np.pi * frequency * self.t + phase).mean(axis=1)
        for name, wave in zip(_IDLE, noise, strict=True):
            self.ch[name] += self.idle * _IDLE[name] * wave

    def solve(self) -> tuple[FloatArray, FloatArray]:
        """Turn the channels into axis-angle poses [T, 22, 3] and pelvis positions [T, 3]; adds the idle sway."""
        self._add_idle()
        ch, frames = self.ch, self.t.size
        local = np.broadcast_to(np.eye(3), (frames, 22, 3, 3)).copy()
        yaw = self._smooth(0.5 * (ch["l_yaw"] + ch["r_yaw"]), 0.13) + ch["p_yaw"]
        yaw -= yaw[0]
        heading = rot(2, yaw)
        local[:, 0] = heading @ rot(0, 90.0 + ch["p_pitch"]) @ rot(2, -ch["p_roll"])
        position = self._pelvis_position(heading)
        feet = {side: self._foot(side, heading) for side in "lr"}
        position[:, 2] -= self._overreach(position, local[:, 0], feet)
        for side in "lr":
            self._leg(side, yaw, position, local, feet[side])
        self._torso(local)
        for side in "lr":
            self._arm(side, local)
        position[:, :2] -= position[0, :2].copy()
        return to_axis_angle(local), position

    def _pelvis_position(self, heading: FloatArray) -> FloatArray:
        ch = self.ch
        left = 1.0 - 0.98 * np.clip(ch["l_free"], 0.0, 1.0)
        right = 1.0 - 0.98 * np.clip(ch["r_free"], 0.0, 1.0)
        share = 0.5 + 0.7 * (left / (left + right) - 0.5)
        offset = np.stack([ch["p_left"], TOE_AHEAD - ch["p_fwd"], np.zeros_like(share)], axis=-1)
        position = apply(heading, offset)
        for axis, name in enumerate("xy"):
            position[:, axis] += self._smooth(share * ch[f"l_{name}"] + (1.0 - share) * ch[f"r_{name}"], 0.1)
        position[:, 2] = STANDING + ch["p_up"]
        return position

    def _foot(self, side: str, heading: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Ankle position [T, 3] and foot rotation [T, 3, 3] in the world."""
        ch = self.ch
        sign = 1.0 if side == "l" else -1.0
        turn = ch[f"{side}_yaw"] + sign * self.toe_out
        rotation = rot(2, turn) @ rot(0, 90.0 + ch[f"{side}_pitch"])
        clear = ease(ch[f"{side}_up"] / 0.09)  # only a lifted foot moves along the floor
        out, ahead = sign * clear * ch[f"{side}_out"], clear * ch[f"{side}_fwd"]
        toe = apply(heading, np.stack([out, -ahead, ch[f"{side}_up"]], axis=-1))
        toe += np.stack([ch[f"{side}_x"], ch[f"{side}_y"], np.full(self.t.size, TOE_HEIGHT)], axis=-1)
        return toe - apply(rotation, _sided(TOE, sign)), rotation

    def _overreach(
        self, position: FloatArray, pelvis: FloatArray, feet: Mapping[str, tuple[FloatArray, FloatArray]]
    ) -> FloatArray:
        """How far [T] the pelvis must be lowered for the legs to reach the planted feet, metres."""
        reach = 0.998 * float(np.linalg.norm(THIGH) + np.linalg.norm(SHANK))
        drops = [np.zeros(self.t.size)]
        for side, sign in (("l", 1.0), ("r", -1.0)):
            gap = position + apply(pelvis, _sided(HIP, sign)) - feet[side][0]
            height = np.sqrt(np.maximum(reach**2 - gap[:, 0] ** 2 - gap[:, 1] ** 2, 0.01))
            planted = np.clip(1.0 - self.ch[f"{side}_up"] / 0.12, 0.0, 1.0)
            drops.append(planted * (gap[:, 2] - height))
        return np.asarray(np.max(drops, axis=0))

    def _leg(
        self,
        side: str,
        yaw: FloatArray,
        position: FloatArray,
        local: FloatArray,
        foot: tuple[FloatArray, FloatArray],
    ) -> None:
        """Write hip, knee, ankle and toe rotations of one leg into local [T, 22, 3, 3]."""
        sign, first = (1.0, 1) if side == "l" else (-1.0, 2)
        thigh, shank = _sided(THIGH, sign), _sided(SHANK, sign)
        upper, lower = float(np.linalg.norm(thigh)), float(np.linalg.norm(shank))
        pelvis = local[:, 0]
        line = foot[0] - position - apply(pelvis, _sided(HIP, sign))
        distance = np.clip(np.linalg.norm(line, axis=-1, keepdims=True), 0.15, 0.9995 * (upper + lower))
        line = unit(line)
        turn = np.radians(0.5 * (yaw + self.ch[f"{side}_yaw"] + sign * self.toe_out))
        hinge = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)], axis=-1)
        hinge = unit(hinge - line * np.sum(line * hinge, axis=-1, keepdims=True))
        forward = cross(line, hinge)
        cosine = (upper**2 + distance**2 - lower**2) / (2.0 * upper * distance)
        knee = upper * (line * cosine + forward * np.sqrt(np.maximum(0.0, 1.0 - cosine**2)))
        rest_hinge = np.array([1.0, 0.0, 0.0])
        hip_world = frame(knee, hinge) @ transpose(frame(thigh, rest_hinge))
        knee_world = frame(line * distance - knee, hinge) @ transpose(frame(shank, rest_hinge))
        local[:, first] = transpose(pelvis) @ hip_world
        local[:, first + 3] = transpose(hip_world) @ knee_world
        local[:, first + 6] = transpose(knee_world) @ foot[1]
        planted = np.clip(1.0 - self.ch[f"{side}_up"] / 0.05, 0.0, 1.0)
        local[:, first + 9] = rot(0, -planted * np.clip(self.ch[f"{side}_pitch"], 0.0, 50.0))

    def _torso(self, local: FloatArray) -> None:
        ch = self.ch
        for joint, part in ((3, 0.36), (6, 0.36), (9, 0.28)):
            local[:, joint] = _bend(part * ch["twist"], part * ch["pitch"], part * ch["roll"])
        for joint, part in ((12, 0.45), (15, 0.55)):
            local[:, joint] = _bend(part * ch["h_yaw"], part * ch["h_pitch"], part * ch["h_roll"])

    def _arm(self, side: str, local: FloatArray) -> None:
        """Write collar, shoulder, elbow and wrist rotations of one arm into local [T, 22, 3, 3]."""
        ch = self.ch
        sign, collar = (1.0, 13) if side == "l" else (-1.0, 14)
        upper = _direction(ch[f"{side}_arm"], ch[f"{side}_plane"], sign)
        lower = _direction(ch[f"{side}_fore"], ch[f"{side}_fplane"], sign)
        lift = ch[f"{side}_shrug"] + 14.0 * ease((upper[:, 1] + 0.2) / 1.2)
        local[:, collar] = rot(2, sign * lift)
        rest = unit(_sided(UPPER_ARM, sign))
        flat = np.array([0.0, -sign, 0.0])  # rest axis about which the elbow bends forwards
        usual = apply(between(rest, upper), flat)
        bend = cross(upper, lower)
        bend -= np.minimum(0.0, np.sum(bend * usual, axis=-1, keepdims=True)) * usual  # never turn the arm over
        bend += 0.2 * usual
        shoulder = frame(upper, bend) @ transpose(frame(rest, flat))
        local[:, collar + 3] = transpose(local[:, collar]) @ shoulder
        local[:, collar + 5] = between(unit(_sided(FOREARM, sign)), apply(transpose(shoulder), lower))
        local[:, collar + 7] = rot(2, sign * ch[f"{side}_wrist"])


def _sided(offset: FloatArray, sign: float) -> FloatArray:
    return np.asarray(offset * np.array([sign, 1.0, 1.0]))


def _bend(yaw: FloatArray, pitch: FloatArray, roll: FloatArray) -> FloatArray:
    """Rotations [T, 3, 3] from turn to the left, lean forwards and lean to the left, degrees [T]."""
    return rot(1, yaw) @ rot(0, pitch) @ rot(2, -roll)


def _direction(raised: FloatArray, plane: FloatArray, sign: float) -> FloatArray:
    """Unit directions [T, 3] in the torso frame from raise and plane angles, degrees [T]."""
    up, around = np.radians(raised), np.radians(plane)
    return np.stack([sign * np.sin(up) * np.cos(around), -np.cos(up), np.sin(up) * np.sin(around)], axis=-1)
