"""Procedural actions of legs and whole body: each function writes one action (left version) into a rig's channels."""

import math

import numpy as np

from actiongpt_core.data.procedural_helpers import arm, arms, hold, leap, repeat, touch, walk_to
from actiongpt_core.data.procedural_poses import STANDING, Rig

# Legs on the spot ----------------------------------------------------------------------------------------


def _free(rig: Rig, side: str, times: tuple[float, float], fade: float) -> None:
    """Take the weight off a foot between two times."""
    rig.ch[f"{side}_free"] += rig.window(times[0], times[1], fade)


def kick(rig: Rig) -> None:
    """Left foot swung forwards, repeated with pauses."""
    wind, go, back = (rig.fit(x, 0.25) for x in (rig.uniform(0.35, 0.5), rig.uniform(0.28, 0.4), rig.uniform(0.5, 0.7)))
    up, ahead = rig.uniform(0.3, 0.72), rig.uniform(0.5, 0.62)

    def once(time: float) -> None:
        hit = time + wind + go
        _free(rig, "l", (time - 0.15, hit + back + 0.1), 0.35)
        rig.to(time, time + wind, {"l_fwd": -0.18, "l_up": 0.13, "l_pitch": 35.0, "pitch": 6.0, "twist": 8.0})
        rig.to(
            time + wind,
            hit,
            {"l_fwd": ahead, "l_up": up, "l_pitch": -25.0, "pitch": -4.0, "p_pitch": -10.0, "twist": -12.0}
            | {"l_arm": 22.0, "l_plane": -60.0, "r_arm": 40.0, "r_plane": 75.0, "r_fore": 60.0},
        )
        rig.to(hit, hit + back, dict.fromkeys(("l_pitch", "p_pitch", "twist"), 0.0) | rest)
        rig.to(hit + 0.05, hit + back, {"l_fwd": 0.0})
        rig.to(hit + 0.08, hit + back + 0.08, {"l_up": 0.0})

    names = ("l_arm", "l_plane", "r_arm", "r_plane", "r_fore", "pitch")
    rest = {name: rig.last(name) for name in names}
    repeat(rig, wind + go + back + 0.1, once, (0.3, 1.0))


def lift_knee(rig: Rig) -> None:
    """Left knee up to hip height, held or repeated."""
    up, go = rig.uniform(0.28, 0.46), rig.fit(rig.uniform(0.5, 0.9), 0.35)
    goals = {"l_up": up, "l_fwd": rig.uniform(0.2, 0.34), "l_pitch": rig.uniform(0, 25), "p_pitch": -4.0}
    if rig.chance(0.4):
        goals |= arms(touch(rig, (0.165, -0.235, 0.05), (1.0, 0.0, -0.35)))
    if rig.chance(0.5):
        stay = rig.uniform(0.1, 0.5)

        def once(time: float) -> None:
            _free(rig, "l", (time - 0.2, time + 2 * go + stay + 0.2), 0.35)
            rig.pulse((time, time + go, time + go + stay, time + 2 * go + stay), goals)

        repeat(rig, 2 * go + stay, once, (0.2, 0.8))
        return
    _free(rig, "l", (rig.start - 0.2, rig.end + 2.0), 0.45)
    hold(rig, goals, go, give_back=0.0)


def balance(rig: Rig) -> None:
    """Standing on the left leg, right foot off the floor, arms out."""
    go = rig.fit(rig.uniform(0.7, 1.2))
    goals = {"r_up": rig.uniform(0.12, 0.42), "r_fwd": rig.uniform(-0.1, 0.3), "r_pitch": rig.uniform(5, 30)}
    goals |= {"r_out": -rig.uniform(0, 0.08), "p_left": 0.03}
    if goals["r_fwd"] < 0.0:
        goals["r_pitch"] = 45.0
    if rig.chance(0.8):
        raised = rig.uniform(55, 95)
        goals |= arms((raised, 10.0, raised + 5, 15.0))
    _free(rig, "r", (rig.start - 0.3, rig.end + 2.0), 0.6)
    hold(rig, goals, go, give_back=0.0)
    sway = np.sin(2.0 * np.pi * rig.uniform(0.5, 1.0) * rig.t) * rig.window(rig.start, rig.end + 2.0, go)
    rig.ch["roll"] += rig.uniform(1, 4) * sway
    rig.ch["l_arm"] += 4.0 * sway
    rig.ch["r_arm"] -= 4.0 * sway


def hop(rig: Rig) -> None:
    """Hops on the left leg, right foot held up."""
    ready = rig.fit(0.5, 0.25)
    _free(rig, "r", (rig.start - 0.25, rig.end + 2.0), 0.45)
    rig.to(rig.start, rig.start + ready, {"r_up": 0.2, "r_fwd": -0.16, "r_pitch": 50.0, "r_out": -0.03, "p_left": 0.02})
    crouch, flight = rig.uniform(0.05, 0.11), rig.uniform(0.16, 0.27)
    raised = rig.uniform(20, 55)
    rig.to(rig.start, rig.start + ready, arms((raised, 30.0, raised + 30, 60.0)))
    drift = rig.uniform(-0.02, 0.1) if rig.chance(0.5) else 0.0
    time = rig.start + 0.8 * ready
    while time == rig.start + 0.8 * ready or time + flight + 0.4 < rig.end:
        takeoff, landing = leap(rig, time, crouch, flight, feet="l")
        rig.to(takeoff + 0.02, landing - 0.02, {f"{side}_y": rig.last(f"{side}_y") - drift for side in "lr"})
        _arm_beat(rig, takeoff, landing)
        time = landing + (takeoff - time) * 0.75


def _arm_beat(rig: Rig, takeoff: float, landing: float) -> None:
    beat = np.exp(-(((rig.t - 0.5 * (takeoff + landing)) / 0.18) ** 2))
    for name in ("l_arm", "r_arm", "l_fore", "r_fore"):
        rig.ch[name] += 8.0 * beat


def jump_in_place(rig: Rig) -> None:
    """Two-footed jumps on the spot."""
    crouch, flight = rig.uniform(0.14, 0.28), rig.uniform(0.28, 0.48)
    reach, tuck = rig.uniform(20, 140), rig.uniform(0.0, 0.12)

    def once(time: float) -> None:
        _jump(rig, time, (crouch, flight, tuck), reach)

    repeat(rig, 1.15 + flight, once, (0.0, 0.35))


def _jump(rig: Rig, time: float, size: tuple[float, float, float], reach: float) -> tuple[float, float]:
    """A two-footed jump with arm swing; size: crouch and metres, flight in seconds, tuck in metres."""
    crouch, flight, tuck = size
    takeoff, landing = leap(rig, time, crouch, flight, tuck=tuck)
    lean = 120.0 * crouch
    before = rig.to(time, takeoff - 0.2, arms((-32.0, 84.0, -24.0, 84.0)) | {"pitch": lean, "p_fwd": -0.3 * crouch})
    rig.to(takeoff - 0.26, takeoff + 0.2, arms((reach, 80.0, reach + 15.0, 88.0)) | {"pitch": 0.0, "p_fwd": 0.0})
    rig.to(
        landing - 0.12, landing + 0.35, arms((25.0, 75.0, 45.0, 85.0)) | {"pitch": 0.7 * lean, "p_fwd": -0.2 * crouch}
    )
    rig.to(landing + 0.25, landing + 0.75, before)
    return takeoff, landing


def jump_forward(rig: Rig) -> None:
    """Two-footed jump forwards."""
    crouch, flight, far = rig.uniform(0.16, 0.28), rig.uniform(0.3, 0.46), rig.uniform(0.4, 1.0)
    reach = rig.uniform(40, 120)

    def once(time: float) -> None:
        takeoff, landing = _jump(rig, time, (crouch, flight, 0.08), reach)
        rig.pulse((takeoff - 0.25, takeoff, landing - 0.12, landing + 0.1), {"p_fwd": 0.05 + 0.1 * far})
        glide = far * np.clip((rig.t - takeoff - 0.035) / (flight - 0.07), 0.0, 1.0)
        for side in "lr":
            rig.ch[f"{side}_y"] -= glide
            rig.goal[f"{side}_y"] -= far

    repeat(rig, 1.3 + flight, once, (0.1, 0.5), most=1 if rig.chance(0.6) else 2)


def jumping_jacks(rig: Rig) -> None:
    """Feet apart and arms overhead with a hop, and back, repeated."""
    half = 0.5 / rig.uniform(0.8, 1.25)
    wide, top = rig.uniform(0.16, 0.28), rig.uniform(155, 178)
    home = {name: rig.last(name) for name in ["l_x", "r_x", *arms((0, 0, 0, 0))]}
    spread = {"l_x": home["l_x"] + wide, "r_x": home["r_x"] - wide}
    time, out = rig.start, True
    while time + half < rig.end or time == rig.start:
        start, stop = time + 0.18 * half, time + 0.8 * half
        goals = (arms((top, 4.0, top + 8.0, 4.0)) | spread) if out else home
        feet = {name: goals[name] for name in ("l_x", "r_x")}
        rig.to(start + 0.14 * (stop - start), stop - 0.14 * (stop - start), feet)
        rig.to(time, time + half, {name: goals[name] for name in arms((0, 0, 0, 0))})
        s = np.clip((rig.t - start) / (stop - start), 0.0, 1.0)
        arc = 4.0 * s * (1.0 - s)
        for side in "lr":
            rig.ch[f"{side}_up"] += 0.07 * arc
            rig.ch[f"{side}_pitch"] += 20.0 * np.sin(np.pi * s)
        rig.ch["p_up"] += 0.09 * arc
        dip = np.sin(np.pi * np.clip((rig.t - stop + 0.02) / (0.38 * half), 0.0, 1.0)) ** 2
        rig.ch["p_up"] -= 0.03 * dip
        time += half
        out = not out


def march(rig: Rig) -> None:
    """Knees up in turn on the spot, opposite arms swinging."""
    up, swing = rig.uniform(0.16, 0.42), rig.uniform(10, 40)
    beat = (rig.uniform(0.42, 0.62) + 0.4 * (up - 0.16)) / min(rig.speed, 1.1)
    time, side = rig.start, rig.side()
    while time + beat < rig.end or time == rig.start:
        s = np.clip((rig.t - time) / beat, 0.0, 1.0)
        arc = np.sin(np.pi * s) ** 1.7
        rig.ch[f"{side}_up"] += up * arc
        rig.ch[f"{side}_fwd"] += 0.62 * up * np.sin(np.pi * s) ** 2
        rig.ch[f"{side}_pitch"] += 25.0 * np.sin(np.pi * s) * (1.0 - s)
        rig.ch[f"{side}_free"] += np.minimum(1.0, 1.8 * arc)
        other = "r" if side == "l" else "l"
        smooth = np.sin(np.pi * np.clip((rig.t - time + 0.25 * beat) / (1.5 * beat), 0.0, 1.0)) ** 2
        for name, size in ((f"{other}_arm", swing), (f"{other}_fore", 1.7 * swing), (f"{side}_arm", -0.8 * swing)):
            rig.ch[name] += size * smooth
        for part in ("plane", "fplane"):
            rig.ch[f"{other}_{part}"] += (82.0 - rig.last(f"{other}_{part}")) * smooth
        rig.ch["twist"] += (3.0 if side == "r" else -3.0) * smooth
        side = other
        time += beat


# Stepping, turning, sitting ------------------------------------------------------------------------------


def _turn(rig: Rig, degrees: float) -> None:
    pairs = max(1, round(abs(degrees) / rig.uniform(38, 60)))
    beat = min(rig.uniform(0.38, 0.6) / rig.speed, 0.85 * (rig.end - rig.start) / (2 * pairs))
    home = {side: (rig.last(f"{side}_x"), rig.last(f"{side}_y")) for side in "lr"}
    order = "lr" if degrees > 0.0 else "rl"
    for index in range(2 * pairs):
        side = order[index % 2]
        part = degrees * min(1.0, (index // 2 + (1.0 if index % 2 else 0.85)) / pairs)
        if index == 2 * pairs - 2:
            part = degrees
        angle = math.radians(part)
        x, y = home[side]
        y += 0.06
        goal = (x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle) - 0.06, part)
        start = rig.start + index * beat
        rig.step(side, (start, start + 1.05 * beat), goal, rig.uniform(0.03, 0.07))
    total = 2 * pairs * beat
    lead = math.copysign(rig.uniform(8, 26), degrees)
    early = min(0.3, 0.3 * total)
    rig.pulse(
        (rig.start - 0.1, rig.start + early, rig.start + 0.6 * total, rig.start + total),
        {"h_yaw": lead, "twist": 0.4 * lead},
    )


def turn(rig: Rig) -> None:
    """About a quarter turn to the left."""
    _turn(rig, rig.uniform(72, 108))


def turn_around(rig: Rig) -> None:
    """About a half turn, either way."""
    _turn(rig, rig.uniform(165, 192) * (1.0 if rig.chance(0.5) else -1.0))


def _step_pairs(rig: Rig, first: str, shift: tuple[float, float], most: int) -> None:
    """A foot steps by (left, forward) metres and the other follows; repeated while it fits."""
    beat = rig.fit(rig.uniform(0.5, 0.75), 0.35)
    other = "r" if first == "l" else "l"
    swing = 25.0 * shift[1]

    def once(time: float) -> None:
        for side, start in ((first, time), (other, time + beat)):
            opposite = "r" if side == "l" else "l"
            walk_to(rig, side, (start, start + beat), shift)
            times = (start, start + 0.6 * beat, start + beat, start + 1.5 * beat)
            goals = {f"{opposite}_{part}": rig.last(f"{opposite}_{part}") + abs(swing) for part in ("arm", "fore")}
            rig.pulse(times, goals | {f"{opposite}_plane": 80.0, f"{opposite}_fplane": 85.0})
        rig.pulse((time, time + 0.5 * beat, time + 1.5 * beat, time + 2 * beat), {"p_up": -0.02})

    repeat(rig, 2 * beat + 0.1, once, (0.0, 0.5), most)


def side_step(rig: Rig) -> None:
    """Step to the left, other foot follows."""
    _step_pairs(rig, "l", (rig.uniform(0.25, 0.48), 0.0), int(rig.rng.integers(1, 4)))


def step_forward(rig: Rig) -> None:
    """One step forwards, other foot follows."""
    _step_pairs(rig, rig.side(), (0.0, rig.uniform(0.3, 0.6)), 1)


def step_back(rig: Rig) -> None:
    """One step back, other foot follows."""
    _step_pairs(rig, rig.side(), (0.0, -rig.uniform(0.28, 0.5)), 1)


def lunge(rig: Rig) -> None:
    """Long step forwards with the left leg, knees bending; held or returned."""
    far, depth = rig.uniform(0.6, 0.85), rig.uniform(0.2, 0.36)
    go = rig.fit(rig.uniform(1.1, 1.5), 0.45)
    start = rig.start
    goals = {"p_up": -depth, "r_pitch": rig.uniform(40, 55), "pitch": rig.uniform(0, 10)}
    if rig.chance(0.35):
        goals |= arms(touch(rig, (0.165, -0.235, 0.05), (1.0, 0.0, -0.35)))
    walk_to(rig, "l", (start, start + 0.75 * go), (0.0, far), 0.1)
    before = rig.to(start + 0.15 * go, start + go, goals)
    leave = max(start + go + 0.3, rig.end - rig.uniform(1.3, 1.8))
    if leave + 0.9 < rig.end and rig.chance(0.55):
        rig.to(leave, leave + 0.7, before)
        walk_to(rig, "l", (leave + 0.2, leave + 0.85), (0.0, -far), 0.08)


def squat(rig: Rig) -> None:
    """Hips down and back, knees forwards; held, returned or repeated."""
    depth = rig.uniform(0.3, 0.46)
    goals = {"p_up": -depth, "p_fwd": -0.38 * depth, "p_pitch": 40 * depth, "pitch": 50 * depth, "h_pitch": -25 * depth}
    if rig.chance(0.65):
        goals |= arms((75.0 + 70 * depth, 85.0, 78.0 + 70 * depth, 88.0))
    go = rig.fit(rig.uniform(0.7, 1.1), 0.4)
    if rig.chance(0.5):
        hold(rig, goals, go, give_back=0.4)
        return
    stay = rig.uniform(0.05, 0.5)

    def once(time: float) -> None:
        rig.pulse((time, time + go, time + go + stay, time + 2 * go + stay), goals)

    repeat(rig, 2 * go + stay, once, (0.0, 0.5))


def _seat(rig: Rig) -> dict[str, float]:
    """Channel goals of sitting on a chair."""
    goals = {"p_up": rig.uniform(0.47, 0.53) - STANDING, "p_fwd": -rig.uniform(0.38, 0.44)}
    goals |= {"p_pitch": -rig.uniform(2, 10), "pitch": rig.uniform(2, 14)}
    raised = rig.uniform(15, 30)
    goals |= arms((raised, 75.0, rig.uniform(55, 75), 95.0))
    return goals


def sit(rig: Rig) -> None:
    """Down onto a chair and seated until the end."""
    go = rig.fit(rig.uniform(1.1, 1.7))
    lean = rig.uniform(15, 32)
    rig.to(rig.start, rig.start + go, _seat(rig))
    _lean(rig, rig.start + 0.05 * go, go, lean)


def stand_up(rig: Rig) -> None:
    """Seated at first, then up."""
    go = rig.fit(rig.uniform(1.0, 1.6))
    seat = _seat(rig)
    before = {name: rig.last(name) for name in seat}
    rig.to(-2.0, -1.0, seat)
    rig.to(rig.start, rig.start + go, before)
    _lean(rig, rig.start - 0.2 * go, go, rig.uniform(20, 36))


def _lean(rig: Rig, start: float, length: float, degrees: float) -> None:
    arc = np.sin(np.pi * np.clip((rig.t - start) / length, 0.0, 1.0)) ** 2
    for name, part in (("p_pitch", 0.6), ("pitch", 0.7), ("h_pitch", -0.5), ("l_arm", 0.9), ("r_arm", 0.9)):
        rig.ch[name] += part * degrees * arc


def kneel(rig: Rig) -> None:
    """Down onto one knee, or both."""
    side = rig.side()
    other = "r" if side == "l" else "l"
    go = rig.fit(rig.uniform(1.4, 2.0), 0.55)
    start, low = rig.start, 0.53 - STANDING
    walk_to(rig, side, (start, start + 0.75 * go), (0.0, -rig.uniform(0.66, 0.72)), 0.06)
    goals = {f"{side}_pitch": 68.0, "p_up": low, "pitch": rig.uniform(0, 12), "p_fwd": 0.1}
    _lean(rig, start, 1.2 * go, 18.0)
    rig.to(start + 0.1 * go, start + go, goals)
    follow = rig.fit(1.2, 0.4)
    if rig.chance(0.4) and start + go + follow < rig.end:
        walk_to(
            rig, other, (start + go, start + go + follow), (0.0, rig.last(f"{other}_y") - rig.last(f"{side}_y")), 0.08
        )
        rig.to(start + go, start + go + follow, {f"{other}_pitch": 68.0, "p_fwd": 0.44})
        rig.ch["p_up"] += 0.16 * np.sin(np.pi * np.clip((rig.t - start - go) / follow, 0.0, 1.0)) ** 2
        return
    if rig.chance(0.5):
        rig.to(start + 0.5 * go, start + go, arm(other, touch(rig, (0.16, -0.17, 0.33), (1.0, -0.5, -0.5))))
