"""Building blocks of the procedural action scripts: poses that are held, repetitions, steps and jumps."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from actiongpt_core.data.procedural_poses import GRAVITY, ArmAngles, FloatArray, Rig, ease, reach_angles

Script = Callable[[Rig], None]


def arm(side: str, angles: ArmAngles) -> dict[str, float]:
    """Channel goals that put one arm into a pose."""
    return {f"{side}_{name}": value for name, value in zip(("arm", "plane", "fore", "fplane"), angles, strict=True)}


def arms(angles: ArmAngles) -> dict[str, float]:
    """Channel goals that put both arms into the same (mirrored) pose."""
    return arm("l", angles) | arm("r", angles)


def touch(rig: Rig, target: tuple[float, float, float], elbow: tuple[float, float, float]) -> ArmAngles:
    """Arm pose with the wrist near target, (outward, up, forward) from spine3 in metres; see `reach_angles`."""
    jitter = rig.rng.normal(0.0, 0.012, 3)
    return reach_angles(np.array(target) + jitter, elbow)


def hold(rig: Rig, goals: Mapping[str, float], rise: float, give_back: float = 0.4, least: float = 1.0) -> float:
    """Move to goals after the delay and stay; with some probability return before the end. Returns arrival time."""
    arrive = rig.start + rise
    before = rig.to(rig.start, arrive, goals)
    back = rise * rig.uniform(0.8, 1.3)
    leave = rig.end - back - rig.uniform(0.1, 0.6)
    if leave - arrive >= least and rig.chance(give_back):
        rig.to(leave, leave + back, before)
    return arrive


def cycles(rig: Rig, period: float, start: float, fade: float = 0.3) -> tuple[FloatArray, FloatArray]:
    """Phase (radians, 0 at start) and weight of a repeated motion that lasts until the end, each [T]."""
    stop = rig.end + 1.0
    if rig.end - start > 4.0 * period and rig.chance(0.25):
        stop = rig.end - rig.uniform(0.2, 0.6)
    phase = 2.0 * np.pi * np.maximum(0.0, rig.t - start) / period
    return phase, rig.window(start, stop, fade)


def repeat(rig: Rig, length: float, once: Callable[[float], None], pause: tuple[float, float], most: int = 99) -> None:
    """Call once(start time) again and again, `length` plus a random pause apart, as long as it fits (at least once)."""
    time, done = rig.start, 0
    while done == 0 or (time + length <= rig.end and done < most):
        once(time)
        time += length + rig.uniform(*pause)
        done += 1


def leap(
    rig: Rig, start: float, crouch: float, flight: float, feet: str = "lr", tuck: float = 0.0
) -> tuple[float, float]:
    """One jump: crouch, push off, ballistic flight, land, stand up. Returns take-off and landing times, seconds."""
    rise, swing = 0.045, GRAVITY * flight / 2.0
    dip = max(0.12, 1.4 * math.sqrt(crouch) / 2.0 / rig.speed)
    push = min(0.45, max(0.1, 2.0 * (crouch + rise) / swing * 0.8))
    takeoff = start + dip + push
    landing, low = takeoff + flight, 0.8 * crouch
    absorb = min(0.35, max(0.1, 2.0 * (low + rise) / swing * 0.8))
    low_time, stop = landing + absorb, landing + absorb + dip * 1.3
    time = rig.t
    air = np.clip(time - takeoff, 0.0, flight)
    height = swing * air - 0.5 * GRAVITY * air * air
    up = rig.ch["p_up"]
    up -= crouch * ease((time - start) / dip) * (time < start + dip)
    up += _hermite(time, start + dip, takeoff, (-crouch, 0.0), (rise, swing))
    up += ((time >= takeoff) & (time < landing)) * (rise + height)
    up += _hermite(time, landing, low_time, (rise, -swing), (-low, 0.0))
    up -= low * (1.0 - ease((time - low_time) / (stop - low_time))) * (time >= low_time)
    for side in "lr":
        rig.ch[f"{side}_up"] += height + tuck * np.sin(np.pi * air / flight) ** 2
    heel = ease((time - takeoff + 0.6 * push) / (0.6 * push)) * ease((landing + 0.1 - time) / 0.12)
    for side in feet:
        rig.ch[f"{side}_pitch"] += 38.0 * heel
    return takeoff, landing


def _hermite(
    time: FloatArray, start: float, stop: float, first: tuple[float, float], second: tuple[float, float]
) -> FloatArray:
    """Cubic [T] between two (value, velocity) ends within [start, stop), zero outside."""
    span = stop - start
    s = (time - start) / span
    h = s * s * (3.0 - 2.0 * s)
    cubic = first[0] * (1.0 - h) + second[0] * h
    cubic += span * (first[1] * s * (1.0 - s) ** 2 + second[1] * s * s * (s - 1.0))
    return np.where((s >= 0.0) & (s < 1.0), cubic, 0.0)


def walk_to(rig: Rig, side: str, times: tuple[float, float], shift: tuple[float, float], lift: float = 0.06) -> None:
    """One step of a foot by (left, forward) metres relative to the initial heading."""
    goal = (rig.last(f"{side}_x") + shift[0], rig.last(f"{side}_y") - shift[1], rig.last(f"{side}_yaw"))
    rig.step(side, times, goal, lift * rig.uniform(0.8, 1.4))
