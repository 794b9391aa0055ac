"""Properties of the procedural motions, measured on joint positions from plain forward kinematics."""

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from actiongpt_core.data.procedural import ACTIONS, ProceduralClip, mirror_motion, sample
from actiongpt_core.data.procedural_poses import FOREARM, HIP, MIRROR, PARENTS, SHANK, THIGH, TOE, UPPER_ARM
from actiongpt_core.errors import ConfigError
from actiongpt_core.text.sides import mirror_text

Array = NDArray[np.float64]
L_FOOT, R_FOOT, NECK, L_SHOULDER, R_SHOULDER, L_WRIST, R_WRIST = 10, 11, 12, 16, 17, 20, 21
SPINE = {3: (0, 0.109, -0.027), 6: (0, 0.135, 0.001), 9: (0, 0.053, 0.025), NECK: (0, 0.214, -0.043)}
SPINE |= {15: (0, 0.065, 0.051)}
LEFT = {1: HIP, 4: THIGH, 7: SHANK, 10: TOE, 18: UPPER_ARM, 20: FOREARM}
LEFT |= {13: np.array([0.08, 0.12, -0.036]), 16: np.array([0.094, 0.032, -0.009])}
SEEDS = range(4)


def offsets() -> Array:
    out = np.zeros((22, 3))
    for joint, middle in SPINE.items():
        out[joint] = middle
    for joint, offset in LEFT.items():
        out[joint] = offset
        out[MIRROR[joint]] = offset * (-1, 1, 1)
    return out


def matrices(vectors: Array) -> Array:
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vectors / np.maximum(angle[..., 0], 1e-12), -1, 0)
    zero = np.zeros_like(x)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)
    return np.asarray(np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew)


def positions(clip: ProceduralClip) -> Array:
    """World positions [T, 22, 3]."""
    local, rest = matrices(clip.poses.astype(np.float64)), offsets()
    turned, placed = [local[:, 0]], [clip.trans.astype(np.float64)]
    for joint in range(1, 22):
        parent = PARENTS[joint]
        turned.append(turned[parent] @ local[:, joint])
        placed.append(placed[parent] + turned[parent] @ rest[joint])
    return np.stack(placed, axis=1)


def heading(clip: ProceduralClip) -> Array:
    """Turn of the pelvis seen from above, degrees [T], counter-clockwise positive, 0 at facing -y."""
    forward = matrices(clip.poses[:, 0].astype(np.float64))[..., 2]
    return np.degrees(np.unwrap(np.arctan2(forward[:, 0], -forward[:, 1])))


def performances(name: str, seconds: float | None = None) -> list[ProceduralClip]:
    return [sample(name, np.random.default_rng(seed), seconds) for seed in SEEDS]


def planted(places: Array) -> NDArray[np.bool_]:
    return np.asarray(places[:, [L_FOOT, R_FOOT], 2] < 0.025)


def test_table() -> None:
    assert len(ACTIONS) >= 60
    texts = [wording for action in ACTIONS.values() for wording in action.wordings]
    assert len(set(texts)) == len(texts)
    for name, action in ACTIONS.items():
        assert action.name == name
        assert name in action.wordings
        assert len(set(action.wordings)) >= 5
        assert all(re.fullmatch(r"[a-z]+([ ,-]+[a-z]+)*", wording) for wording in action.wordings)


@pytest.mark.parametrize("name", [name for name in ACTIONS if re.search("left|right", name)])
def test_every_wording_of_a_sided_action_names_its_side(name: str) -> None:
    side, other = ("left", "right") if "left" in name else ("right", "left")
    for wording in ACTIONS[name].wordings:
        assert side in wording
        assert other not in wording
    assert mirror_text(name) in ACTIONS


@pytest.mark.parametrize("name", [name for name in ACTIONS if not re.search("left|right", name)])
def test_no_wording_of_an_unsided_action_names_a_side(name: str) -> None:
    assert not any(re.search(r"\b(left|right)\b", wording) for wording in ACTIONS[name].wordings)


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("Left arm, RIGHT leg", "Right arm, LEFT leg"),
        ("rightwards then leftward", "leftwards then rightward"),
        ("a left-handed throw", "a right-handed throw"),
        ("bright leftovers, turn clockwise", "bright leftovers, turn clockwise"),
    ],
)
def test_mirror_text(text: str, mirrored: str) -> None:
    assert mirror_text(text) == mirrored
    assert mirror_text(mirrored) == text


@pytest.mark.parametrize("name", [name for name in ACTIONS if "left" in name])
def test_right_is_the_mirror_image_of_left(name: str) -> None:
    left = sample(name, np.random.default_rng(5))
    right = sample(mirror_text(name), np.random.default_rng(5))
    poses, trans = mirror_motion(left.poses.astype(np.float64), left.trans.astype(np.float64))
    np.testing.assert_array_equal(poses.astype(np.float32), right.poses)
    np.testing.assert_array_equal(trans.astype(np.float32), right.trans)


@pytest.mark.parametrize("name", ACTIONS)
def test_clips_are_sound(name: str) -> None:
    for clip in performances(name):
        frames = len(clip.poses)
        assert 75 <= frames <= 165
        assert clip.poses.shape == (frames, 22, 3)
        assert clip.trans.shape == (frames, 3)
        assert clip.poses.dtype == clip.trans.dtype == np.float32
        assert np.isfinite(clip.poses).all()
        assert np.linalg.norm(clip.poses, axis=-1).max() <= np.pi + 1e-5
        np.testing.assert_allclose(clip.trans[0, :2], 0.0, atol=1e-6)
        assert abs(heading(clip)[0]) < 1.0
        places = positions(clip)
        assert places[:, [L_FOOT, R_FOOT], 2].min() > -0.03
        assert places[..., 2].min() > -0.03
        assert np.linalg.norm(np.diff(places, axis=0), axis=-1).max() * clip.fps < 14.0


@pytest.mark.parametrize("name", ACTIONS)
def test_planted_feet_do_not_slide(name: str) -> None:
    for clip in performances(name):
        places = positions(clip)
        down = planted(places)
        speed = np.linalg.norm(np.diff(places[:, [L_FOOT, R_FOOT], :2], axis=0), axis=-1) * clip.fps
        assert (speed * (down[1:] & down[:-1])).max() < 0.05


@pytest.mark.parametrize("name", ACTIONS)
def test_knees_bend_forwards(name: str) -> None:
    for clip in performances(name):
        assert clip.poses[:, [4, 5], 0].min() > -0.15


@pytest.mark.parametrize("seconds", [0.3, 1.0, 12.0])
@pytest.mark.parametrize("name", ACTIONS)
def test_any_length_works(name: str, seconds: float) -> None:
    clip = sample(name, np.random.default_rng(0), seconds, fps=20.0)
    assert len(clip.poses) == round(seconds * 20.0)
    assert np.isfinite(clip.poses).all()


@pytest.mark.parametrize(("side", "wrist", "other"), [("left", L_WRIST, R_WRIST), ("right", R_WRIST, L_WRIST)])
def test_raise_arm(side: str, wrist: int, other: int) -> None:
    for clip in performances(f"raise the {side} arm"):
        above = positions(clip)[..., 2]
        rise = above[:, wrist] - above[:, L_SHOULDER if side == "left" else R_SHOULDER]
        assert (rise > 0.35).mean() * len(rise) >= 30
        assert (above[:, other] < above[:, R_SHOULDER]).all()


def test_wave_goes_to_and_fro_beside_the_head() -> None:
    for clip in performances("wave with the left hand", 4.0):
        places = positions(clip)[60:90]
        assert (places[:, L_WRIST, 2] > places[:, L_SHOULDER, 2]).all()
        sideways = places[:, L_WRIST, 0] - places[:, L_SHOULDER, 0]
        assert np.ptp(sideways) > 0.08
        assert (np.diff(np.sign(np.diff(sideways))) != 0).sum() >= 2


@pytest.mark.parametrize(("name", "sign"), [("turn left", 1.0), ("turn right", -1.0)])
def test_turn(name: str, sign: float) -> None:
    for clip in performances(name):
        assert 70.0 < sign * heading(clip)[-1] < 110.0


def test_turn_around_goes_either_way() -> None:
    ends = [heading(sample("turn around", np.random.default_rng(seed)))[-1] for seed in range(8)]
    assert all(160.0 < abs(end) < 200.0 for end in ends)
    assert min(ends) < 0.0 < max(ends)


@pytest.mark.parametrize("name", ["jump in place", "jump forward"])
def test_jump_has_a_flight(name: str) -> None:
    for clip in performances(name):
        low = positions(clip)[:, [L_FOOT, R_FOOT], 2].min(axis=1)
        assert np.count_nonzero(low > 0.03) >= 0.2 * clip.fps
        assert max(low[0], low[-1]) < 0.03


def test_jump_forward_goes_forward() -> None:
    assert all(clip.trans[-1, 1] < -0.3 for clip in performances("jump forward"))


def test_hop_keeps_the_other_foot_up() -> None:
    for clip in performances("hop on the left leg", 4.0):
        feet = positions(clip)[45:, [L_FOOT, R_FOOT], 2]
        assert feet[:, 1].min() > 0.08
        assert feet[:, 0].min() < 0.025
        assert feet[:, 0].max() > 0.04


def test_heights_of_sitting_and_squatting() -> None:
    for clip in performances("sit down"):
        assert clip.trans[0, 2] > 0.85
        assert 0.4 < clip.trans[-1, 2] < 0.56
    for clip in performances("stand up"):
        assert 0.4 < clip.trans[0, 2] < 0.56
        assert clip.trans[-1, 2] > 0.85
    assert all(clip.trans[:, 2].min() < 0.7 for clip in performances("squat down"))


def test_directions_of_steps_and_leans() -> None:
    assert all(clip.trans[-1, 0] > 0.15 for clip in performances("side step to the left"))
    assert all(clip.trans[-1, 1] < -0.2 for clip in performances("step forward"))
    assert all(clip.trans[-1, 1] > 0.2 for clip in performances("step back"))
    for clip in performances("bend to the left"):
        assert (positions(clip)[:, NECK, 0] - clip.trans[:, 0]).max() > 0.1


def test_same_seed_same_clip_other_seed_other_clip() -> None:
    first, second, third = (sample("clap", np.random.default_rng(seed), 3.0) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.poses, second.poses)
    np.testing.assert_array_equal(first.trans, second.trans)
    assert np.abs(first.poses - third.poses).max() > 0.01


def test_wrong_arguments() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match="turn left"):
        sample("turn lft", rng)
    with pytest.raises(ConfigError, match="positive"):
        sample("clap", rng, 0.0)
    with pytest.raises(ConfigError, match="positive"):
        sample("clap", rng, float("nan"))


def test_with_little_spread_performances_are_alike() -> None:
    def variety(spread: float) -> float:
        made = [sample("wave with the left hand", np.random.default_rng(seed), 4.0, spread=spread) for seed in range(4)]
        return float(np.std([clip.poses for clip in made], axis=0).mean())

    assert variety(0.1) < 0.3 * variety(1.0)


@pytest.mark.parametrize("spread", [-0.1, 1.5])
def test_an_impossible_spread_is_an_error(spread: float) -> None:
    with pytest.raises(ConfigError, match="spread"):
        sample("bow", np.random.default_rng(0), spread=spread)
