"""Procedural actions of arms, head and torso: each function writes one action (left version) into a rig's channels."""

import math

import numpy as np

from actiongpt_core.data.procedural_helpers import arm, arms, cycles, hold, repeat, touch, walk_to
from actiongpt_core.data.procedural_poses import ArmAngles, FloatArray, Rig, ease, reach_angles

# Arms ----------------------------------------------------------------------------------------------------


def _overhead(rig: Rig) -> ArmAngles:
    plane = rig.uniform(0, 25) if rig.chance(0.4) else rig.uniform(55, 95)
    raised = rig.uniform(150, 178)
    return raised, plane, raised + rig.uniform(-6, min(20.0, 184.0 - raised)), plane + rig.uniform(-8, 8)


def raise_arm(rig: Rig) -> None:
    """Left arm overhead."""
    hold(rig, arm("l", _overhead(rig)) | {"roll": -rig.uniform(0, 6)}, rig.fit(rig.uniform(0.7, 1.4)))


def raise_arm_side(rig: Rig) -> None:
    """Left arm level, out to the side."""
    raised, plane = rig.uniform(82, 100), rig.uniform(-3, 12)
    goal = arm("l", (raised, plane, raised + rig.uniform(-5, 8), plane + rig.uniform(0, 12)))
    hold(rig, goal, rig.fit(rig.uniform(0.6, 1.3)))


def raise_arms(rig: Rig) -> None:
    """Both arms overhead."""
    hold(rig, arms(_overhead(rig)) | {"h_pitch": rig.uniform(-15, 5)}, rig.fit(rig.uniform(0.7, 1.5)))


def reach_up(rig: Rig) -> None:
    """Both arms stretched up, often on tiptoe."""
    raised, plane = rig.uniform(166, 178), rig.uniform(40, 90)
    goals = arms((raised, plane, raised + 2.0, plane)) | {"h_pitch": rig.uniform(-30, -10), "l_shrug": 12.0}
    goals |= {"r_shrug": 12.0, "pitch": rig.uniform(-8, 0)}
    if rig.chance(0.6):
        goals |= {"l_pitch": 34.0, "r_pitch": 34.0, "p_up": 0.05, "p_fwd": 0.04}
    hold(rig, goals, rig.fit(rig.uniform(0.8, 1.5)))


def stretch_sides(rig: Rig) -> None:
    """Both arms level, out to the sides."""
    raised, plane = rig.uniform(84, 96), rig.uniform(-4, 8)
    hold(rig, arms((raised, plane, raised + rig.uniform(-3, 5), plane)), rig.fit(rig.uniform(0.7, 1.4)))


def _wave(rig: Rig, sides: str) -> None:
    rise = rig.fit(rig.uniform(0.5, 0.9), 0.35)
    raised, plane, lean = rig.uniform(62, 112), rig.uniform(5, 40), rig.uniform(-5, 12)
    goals: dict[str, float] = {}
    for side in sides:
        goals |= arm(side, (raised, plane, 178.0 - lean, 4.0))
    arrive = hold(rig, goals, rise, give_back=0.2)
    frequency, size = rig.uniform(1.2, 2.5), rig.uniform(16, 32)
    phase = 2.0 * np.pi * frequency * np.maximum(0.0, rig.t - arrive + 0.15)
    weight = ease((rig.t - arrive + 0.2) / 0.3) * np.clip((rig.ch[f"{sides[0]}_fore"] - 90.0) / 60.0, 0.0, 1.0)
    flip = -1.0 if rig.chance(0.3) else 1.0
    for side, sign in zip(sides, (1.0, flip), strict=False):
        rig.ch[f"{side}_fore"] += sign * size * weight * np.sin(phase)
        rig.ch[f"{side}_arm"] += sign * 0.12 * size * weight * np.sin(phase + 0.4)
        rig.ch[f"{side}_wrist"] += 0.3 * size * weight * np.sin(phase - 0.6)


def wave(rig: Rig) -> None:
    """Left hand beside the head, forearm swinging sideways."""
    _wave(rig, "l")


def wave_both(rig: Rig) -> None:
    """Both hands beside the head, forearms swinging sideways."""
    _wave(rig, "lr")


def punch(rig: Rig) -> None:
    """Left fist straight forwards and back, repeated."""
    guard = arms(touch(rig, (0.10, 0.17, 0.24), (0.5, -1.0, 0.0)))
    ready = rig.fit(0.45, 0.25)
    if rig.chance(0.3):
        guard = {name: value for name, value in guard.items() if name.startswith("l_")}
    rig.to(rig.start, rig.start + ready, guard | {"p_up": -rig.uniform(0.01, 0.06)})
    go, back = rig.fit(rig.uniform(0.22, 0.32), 0.2), rig.fit(rig.uniform(0.35, 0.5), 0.3)
    twist, lean = rig.uniform(12, 32), rig.uniform(3, 10)

    def once(time: float) -> None:
        plane, raised = rig.uniform(84, 104), rig.uniform(82, 98)
        goals = arm("l", (raised, plane, raised + 2.0, plane)) | {"twist": -twist, "pitch": lean, "p_fwd": 0.04}
        hit = time + ready + go
        rig.pulse((hit - go, hit, hit + 0.06, hit + 0.06 + back), goals | {"h_yaw": 0.6 * twist})

    repeat(rig, ready + go + back + 0.06, once, (0.1 - ready, 0.9 - ready))


def clap(rig: Rig) -> None:
    """Hands together in front of the chest, repeated."""
    up, ahead = rig.uniform(-0.02, 0.14), rig.uniform(0.24, 0.34)
    apart = touch(rig, (rig.uniform(0.16, 0.26), up, ahead), (1.0, -1.2, -0.2))
    together = reach_angles((0.025, up, ahead + 0.02), (1.0, -1.2, -0.2))
    rise = rig.fit(rig.uniform(0.4, 0.7), 0.3)
    arrive = hold(rig, arms(apart), rise, give_back=0.0)
    phase, weight = cycles(rig, 1.0 / rig.uniform(1.3, 2.6), arrive - 0.1, 0.2)
    blend = weight * (0.5 - 0.5 * np.cos(phase)) ** 0.8
    for name, goal in arms(together).items():
        rig.ch[name] += blend * (goal - rig.goal[name])


def arm_circles(rig: Rig) -> None:
    """Both straight arms circling at the sides."""
    period, direction = rig.uniform(0.7, 1.5) / rig.speed, -1.0 if rig.chance(0.4) else 1.0
    if rig.chance(0.5):
        rise = rig.fit(0.7, 0.3)
        hold(rig, arms((90.0, 2.0, 92.0, 2.0)), rise, give_back=0.0)
        phase, weight = cycles(rig, period, rig.start + rise * 0.8, 0.4)
        size = rig.uniform(14, 32)
        for side in "lr":
            for part in ("arm", "fore"):
                rig.ch[f"{side}_{part}"] += size * weight * np.sin(phase)
            for part in ("plane", "fplane"):
                rig.ch[f"{side}_{part}"] += direction * size * weight * np.cos(phase)
        return
    rig.to(rig.start, rig.start + 0.3, arms((8.0, 86.0, 10.0, 87.0)))
    count = max(1, math.floor((rig.end - rig.start - 0.2) / (1.4 * period)))
    turns = direction * 360.0 * count * _ramp(rig, rig.start + 0.2, 1.4 * period * count)
    for side in "lr":
        for part in ("arm", "fore"):
            rig.ch[f"{side}_{part}"] += turns


def _ramp(rig: Rig, start: float, length: float) -> FloatArray:
    """0 to 1 over `length` seconds at even speed with soft ends, [T]."""
    s = np.clip((rig.t - start) / length, 0.0, 1.0)
    soft = min(0.4, 0.35 / length)
    rising = np.minimum(s, soft) ** 2 / (2.0 * soft)
    falling = np.maximum(0.0, s - (1.0 - soft)) ** 2 / (2.0 * soft)
    return np.asarray((rising + np.maximum(0.0, s - soft) - falling) / (1.0 - soft))


def swing_arms(rig: Rig) -> None:
    """Both arms swinging back and forth."""
    rig.to(rig.start, rig.start + 0.4, arms((10.0, 82.0, 20.0, 85.0)))
    phase, weight = cycles(rig, rig.uniform(0.8, 1.6) / rig.speed, rig.start + 0.1, 0.5)
    size, flip = rig.uniform(30, 60), -1.0 if rig.chance(0.5) else 1.0
    for side, sign in (("l", 1.0), ("r", flip)):
        wave_form = sign * weight * np.sin(phase)
        rig.ch[f"{side}_arm"] += size * wave_form + 0.15 * size * weight
        rig.ch[f"{side}_fore"] += size * 1.1 * wave_form + 0.25 * size * weight
    if flip > 0.0:
        rig.ch["p_up"] -= 0.03 * weight * (0.5 + 0.5 * np.cos(2.0 * phase))
    else:
        rig.ch["twist"] -= 0.18 * size * weight * np.sin(phase)


def hands_on_hips(rig: Rig) -> None:
    """Both hands on the sides of the pelvis, elbows out."""
    goal = touch(rig, (0.165, -0.235, 0.05), (1.0, 0.0, -0.35))
    hold(rig, arms(goal), rig.fit(rig.uniform(0.6, 1.1)), give_back=0.2)


def cross_arms(rig: Rig) -> None:
    """Forearms folded in front of the chest."""
    first, second = ("l", "r") if rig.chance(0.5) else ("r", "l")
    goals = arm(first, touch(rig, (-0.10, 0.03, 0.19), (1.0, -0.9, 0.25)))
    goals |= arm(second, touch(rig, (-0.08, -0.02, 0.14), (1.0, -0.9, 0.15)))
    hold(rig, goals, rig.fit(rig.uniform(0.7, 1.2)), give_back=0.2)


def point(rig: Rig) -> None:
    """Left arm straight forwards at shoulder height."""
    raised, plane = rig.uniform(82, 97), rig.uniform(84, 98)
    goals = arm("l", (raised, plane, raised + rig.uniform(-2, 4), plane)) | {"twist": -rig.uniform(0, 8)}
    hold(rig, goals, rig.fit(rig.uniform(0.45, 0.9)))


def reach_forward(rig: Rig) -> None:
    """Left hand forwards, body leaning after it."""
    raised, lean = rig.uniform(65, 88), rig.uniform(8, 22)
    goals = arm("l", (raised + lean, rig.uniform(84, 98), raised + lean + 2, rig.uniform(86, 98)))
    goals |= {"pitch": lean, "p_pitch": 0.4 * lean, "p_fwd": rig.uniform(0.0, 0.04), "twist": -rig.uniform(5, 18)}
    goals |= {"h_pitch": -0.5 * lean}
    hold(rig, goals, rig.fit(rig.uniform(0.7, 1.2)), give_back=0.6, least=0.4)


def throw(rig: Rig) -> None:
    """Left-handed overarm throw."""
    wind, go, back = (rig.fit(x, 0.3) for x in (rig.uniform(0.5, 0.8), rig.uniform(0.25, 0.35), rig.uniform(0.5, 0.8)))
    twist, stride = rig.uniform(18, 35), rig.uniform(0.15, 0.35) if rig.chance(0.6) else 0.0
    rest = {name: rig.last(name) for name in [*arm("l", (0, 0, 0, 0)), "twist", "pitch", "h_yaw"]}

    def once(time: float) -> None:
        cocked = arm("l", (rig.uniform(88, 108), -22.0, rig.uniform(140, 165), -70.0))
        rig.to(time, time + wind, cocked | {"twist": twist, "pitch": -6.0, "h_yaw": -0.8 * twist})
        release = arm("l", (102.0, 70.0, 106.0, 84.0)) | {"twist": -0.4 * twist, "pitch": 8.0, "h_yaw": 0.3 * twist}
        rig.to(time + wind, time + wind + go, release)
        follow = arm("l", (50.0, 112.0, 48.0, 125.0)) | {"twist": -twist, "pitch": 18.0}
        rig.to(time + wind + 0.8 * go, time + wind + 1.7 * go, follow)
        rig.to(time + wind + 1.7 * go, time + wind + 1.7 * go + back, rest)
        if stride:
            walk_to(rig, "r", (time + 0.5 * wind, time + wind), (0.0, stride), 0.07)
            walk_to(rig, "r", (time + wind + 1.8 * go, time + wind + 1.8 * go + 0.45), (0.0, -stride), 0.05)

    repeat(rig, wind + 1.7 * go + back, once, (0.2, 0.8), most=1 if rig.chance(0.5) else 3)


def salute(rig: Rig) -> None:
    """Left hand to the brow."""
    goal = touch(rig, (0.085, 0.31, 0.13), (1.0, -0.25, 0.25))
    hold(rig, arm("l", goal) | {"pitch": 0.0}, rig.fit(rig.uniform(0.4, 0.8)), give_back=0.5, least=0.6)


def shrug(rig: Rig) -> None:
    """Shoulders up and down, often with open forearms."""
    go, stay = rig.fit(rig.uniform(0.3, 0.5), 0.3), rig.uniform(0.1, 0.6)
    goals = {"l_shrug": rig.uniform(18, 30), "h_roll": rig.uniform(-10, 10), "h_pitch": rig.uniform(-6, 4)}
    goals["r_shrug"] = goals["l_shrug"]
    if rig.chance(0.6):
        goals |= arms((rig.uniform(14, 26), 10.0, rig.uniform(60, 85), rig.uniform(25, 50)))

    def once(time: float) -> None:
        rig.pulse((time, time + go, time + go + stay, time + 2 * go + stay), goals)

    repeat(rig, 2 * go + stay, once, (0.1, 0.8), most=int(rig.rng.integers(1, 4)))


def push(rig: Rig) -> None:
    """Both hands from the chest forwards."""
    ready, go, back = (rig.fit(x, 0.25) for x in (0.5, rig.uniform(0.4, 0.7), rig.uniform(0.5, 0.8)))
    near = arms(touch(rig, (0.14, 0.08, 0.20), (0.8, -1.0, -0.2))) | {"l_wrist": 55.0, "r_wrist": 55.0}
    far = arms((rig.uniform(82, 94), 86.0, rig.uniform(84, 95), 92.0)) | {"l_wrist": 70.0, "r_wrist": 70.0}
    far |= {"pitch": rig.uniform(4, 16), "p_fwd": rig.uniform(0.0, 0.05)}
    before = rig.to(rig.start, rig.start + ready, near | {"pitch": 2.0, "p_fwd": 0.0})
    first, stay = rig.start + ready, rig.uniform(0.1, 0.8)
    more = rig.chance(0.5)
    rig.to(first, first + go, far)
    time = first + go + stay
    while more and time + back + go < rig.end:
        rig.to(time, time + back, near | {"pitch": 2.0, "p_fwd": 0.0})
        rig.to(time + back, time + back + go, far)
        time += back + go + stay
    if not more and rig.end - time > 1.0 and rig.chance(0.6):
        rig.to(time, time + 0.9, before)


# Head and torso ------------------------------------------------------------------------------------------


def nod(rig: Rig) -> None:
    """Head up and down."""
    phase, weight = cycles(rig, 1.0 / rig.uniform(0.9, 1.8), rig.start, 0.25)
    rig.ch["h_pitch"] += rig.uniform(12, 24) * weight * (np.sin(phase) + 0.3)


def shake_head(rig: Rig) -> None:
    """Head from side to side."""
    phase, weight = cycles(rig, 1.0 / rig.uniform(0.8, 1.7), rig.start, 0.25)
    rig.ch["h_yaw"] += (1.0 if rig.chance(0.5) else -1.0) * rig.uniform(22, 42) * weight * np.sin(phase)


def look(rig: Rig) -> None:
    """Head turned to the left."""
    goals = {"h_yaw": rig.uniform(42, 68), "twist": rig.uniform(2, 14), "h_pitch": rig.uniform(-6, 8)}
    hold(rig, goals, rig.fit(rig.uniform(0.5, 1.0)))


def stand_still(rig: Rig) -> None:
    """Nothing but idle sway."""
    rig.idle *= 0.8


def bow(rig: Rig) -> None:
    """Torso forwards from the hips and back up."""
    depth = rig.uniform(30, 85)
    hips, back, head = 0.5 * depth, 0.5 * depth, rig.uniform(0, 20)
    goals = {"p_pitch": hips, "pitch": back, "h_pitch": head, "p_fwd": -0.0022 * depth}
    if rig.chance(0.6):
        hang = depth * rig.uniform(0.1, 0.35)
        goals |= arms((hang + 8, 75.0, hang + 14, 85.0))
    go, stay = rig.fit(rig.uniform(0.8, 1.3), 0.35), rig.uniform(0.2, 0.9)
    rig.pulse((rig.start, rig.start + go, rig.start + go + stay, rig.start + 2.1 * go + stay), goals)


def touch_toes(rig: Rig) -> None:
    """Hands down to the toes with nearly straight legs."""
    hips, back = rig.uniform(48, 62), rig.uniform(66, 80)
    raised = hips + back - rig.uniform(4, 14)
    goals = arms((raised, 92.0, raised + 2, 95.0))
    goals |= {"p_pitch": hips, "pitch": back, "h_pitch": rig.uniform(0, 15), "p_fwd": -0.15, "p_up": -0.05}
    go, stay = rig.fit(rig.uniform(1.0, 1.5), 0.4), rig.uniform(0.3, 1.0)
    times = (rig.start, rig.start + go, rig.start + go + stay, rig.start + 2 * go + stay)
    rig.pulse(times, goals)
    again = times[3] + rig.uniform(0.1, 0.5)
    if again + 2 * go < rig.end and rig.chance(0.5):
        rig.pulse((again, again + go, again + go + 0.3, again + 2 * go + 0.3), goals)


def bend_side(rig: Rig) -> None:
    """Torso over to the left."""
    goals = {"roll": rig.uniform(26, 42), "h_roll": rig.uniform(5, 18), "p_roll": rig.uniform(3, 9), "p_left": -0.05}
    style = rig.rng.integers(3)
    if style == 0:
        goals |= arm("r", (rig.uniform(155, 178), 10.0, rig.uniform(185, 205), 10.0))
    elif style == 1:
        goals |= arms(touch(rig, (0.165, -0.235, 0.05), (1.0, 0.0, -0.35)))
    else:
        goals |= arm("l", (3.0, 20.0, 6.0, 60.0))
    hold(rig, goals, rig.fit(rig.uniform(0.8, 1.3)), give_back=0.6, least=0.4)


def twist(rig: Rig) -> None:
    """Upper body turning left and right over still feet."""
    ready = rig.fit(0.5, 0.3)
    pose = rig.rng.integers(3)
    if pose == 0:
        rig.to(rig.start, rig.start + ready, arms((80.0, 30.0, 88.0, 120.0)))
    elif pose == 1:
        rig.to(rig.start, rig.start + ready, arms(touch(rig, (0.165, -0.235, 0.05), (1.0, 0.0, -0.35))))
    phase, weight = cycles(rig, rig.uniform(1.2, 2.2) / rig.speed, rig.start + 0.2, 0.5)
    wave_form = (1.0 if rig.chance(0.5) else -1.0) * weight * np.sin(phase)
    rig.ch["twist"] += rig.uniform(30, 48) * wave_form
    rig.ch["p_yaw"] += rig.uniform(5, 14) * wave_form
    rig.ch["h_yaw"] += rig.uniform(0, 15) * wave_form
