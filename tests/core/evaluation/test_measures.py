import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError
from actiongpt_core.evaluation import measures as m
from actiongpt_core.types.motion import Motion

MEASURES: dict[str, Callable[[Motion], float]] = {
    "mean_speed": m.mean_speed,
    "forward_speed": m.forward_speed,
    "turned_angle": m.turned_angle,
    "lead_changes": m.lead_changes,
    "foot_skate": m.foot_skate,
    "flight_seconds": m.flight_seconds,
    "jitter": m.jitter,
    "pelvis_height": m.pelvis_height,
    "trunk_upright": lambda motion: float(m.trunk_upright(motion).min()),
    "pelvis_in_front_of_feet": lambda motion: float(m.pelvis_in_front_of_feet(motion).sum()),
}


@pytest.fixture(params=["walking", "raising_left", "sitting", "jumping"])
def motion(request: pytest.FixtureRequest) -> Motion:
    found: Motion = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_does_not_depend_on_where_the_scene_stands_and_faces(
    name: str, motion: Motion, turned: Callable[[Motion, float], Motion]
) -> None:
    assert MEASURES[name](turned(motion, 2.1)) == pytest.approx(MEASURES[name](motion), abs=2e-3)


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "turned_angle"])
def test_a_measure_of_both_sides_does_not_change_in_the_mirror(
    name: str, motion: Motion, mirrored: Callable[[Motion], Motion]
) -> None:
    assert MEASURES[name](mirrored(motion)) == pytest.approx(MEASURES[name](motion), abs=2e-3)


def test_a_body_that_stands_still_has_no_speed_skate_jitter_flight_or_turn(standing: Motion) -> None:
    for name in (
        "mean_speed",
        "forward_speed",
        "turned_angle",
        "lead_changes",
        "foot_skate",
        "flight_seconds",
        "jitter",
    ):
        assert MEASURES[name](standing) == 0, name


def test_speed_is_the_way_by_the_time_and_its_sign_says_forward(walking: Motion) -> None:
    assert m.forward_speed(walking) == pytest.approx(1.2, abs=1e-3)
    backward = Motion(rotations=walking.rotations, translation=walking.translation.flip(0), fps=30.0)
    assert m.forward_speed(backward) == pytest.approx(-1.2, abs=1e-3)
    assert m.mean_speed(backward) == pytest.approx(1.2, abs=1e-3)


def test_speed_counts_seconds_not_frames(walking: Motion) -> None:
    slow = Motion(rotations=walking.rotations, translation=walking.translation, fps=15.0)
    assert m.forward_speed(slow) == pytest.approx(0.6, abs=1e-3)


def test_legs_that_swing_change_the_lead_twice_a_period_and_gliding_feet_never(
    walking: Motion, standing: Motion
) -> None:
    assert m.lead_changes(walking) == 7  # 4 s at 0.9 swings a second: 7.2 half swings
    glide = Motion(rotations=standing.rotations, translation=walking.translation, fps=30.0)
    assert m.lead_changes(glide) == 0
    assert m.foot_skate(glide) == pytest.approx(1.2, abs=1e-3)


def test_foot_skate_of_feet_that_never_touch_the_floor_is_no_number(standing: Motion) -> None:
    floating = Motion(rotations=standing.rotations, translation=standing.translation + 1, fps=30.0)
    assert math.isnan(m.foot_skate(floating))


@pytest.mark.parametrize("degrees", [-370.0, -90.0, 30.0, 200.0, 700.0])
def test_a_turn_is_unwrapped_and_positive_to_the_left(
    build: Callable[..., Motion], ramp: Tensor, degrees: float
) -> None:
    assert math.degrees(m.turned_angle(build(turn=math.radians(degrees) * ramp))) == pytest.approx(degrees, abs=0.1)


def test_the_mirror_turns_to_the_other_side(
    build: Callable[..., Motion], ramp: Tensor, mirrored: Callable[[Motion], Motion]
) -> None:
    motion = build(turn=1.5 * ramp)
    assert m.turned_angle(mirrored(motion)) == pytest.approx(-m.turned_angle(motion), abs=1e-3)


def test_flight_is_the_time_in_the_air_of_a_jump(jumping: Motion) -> None:
    # The toes stand at 0.02 m; 0.6 s of ballistic flight are above 0.05 m for all but 0.01 s at each end.
    assert m.flight_seconds(jumping) == pytest.approx(0.58, abs=0.04)


def test_floating_is_no_flight(standing: Motion, jumping: Motion) -> None:
    floating = Motion(rotations=standing.rotations, translation=standing.translation + 0.2, fps=30.0)
    assert m.flight_seconds(floating) == 0
    never_lands = jumping[:40]
    assert m.flight_seconds(never_lands) == 0


def test_jitter_of_a_body_in_free_fall_is_gravity(build: Callable[..., Motion], seconds: Tensor) -> None:
    zero = torch.zeros_like(seconds)
    fall = build(path=torch.stack([zero, zero, -9.81 / 2 * (seconds - 2) ** 2], -1))
    assert m.jitter(fall) == pytest.approx(9.81, rel=1e-2)


def test_a_raised_arm_is_raised_on_its_side_alone(raising_left: Motion) -> None:
    assert m.raised_seconds(raising_left, "left") > 1.5
    assert m.raised_seconds(raising_left, "right") == 0
    height = m.wrist_over_shoulder(raising_left)
    assert float(height[-1, 0]) > 0.4
    assert float(height[-1, 1]) < -0.4


def test_both_arms_raised_is_no_arm_raised_alone(build: Callable[..., Motion], ramp: Tensor) -> None:
    zero = torch.zeros_like(ramp)
    left = torch.stack([zero, zero, -1.3 + 2.7 * ramp], -1)
    motion = build(left_shoulder=left, right_shoulder=-left)
    assert m.raised_seconds(motion, "left") == m.raised_seconds(motion, "right") == 0


def test_the_pelvis_of_who_sits_is_low_and_behind_the_feet(sitting: Motion, squatting: Motion) -> None:
    assert m.pelvis_height(sitting, "end") == pytest.approx(0.56, abs=0.02)
    # A level thigh, 0.379 m, less the 0.05 m that the ankles stand behind the hips in the rest pose.
    assert float(m.pelvis_in_front_of_feet(sitting)[-1]) == pytest.approx(-0.33, abs=0.02)
    assert abs(float(m.pelvis_in_front_of_feet(squatting)[-1])) < 0.1


def test_a_pelvis_height_at_no_known_moment_is_an_error(standing: Motion) -> None:
    with pytest.raises(ConfigError, match="'highest'"):
        m.pelvis_height(standing, "highest")  # type: ignore[arg-type]


def test_variety_is_zero_for_one_motion_twice_and_ignores_where_it_goes(walking: Motion, standing: Motion) -> None:
    assert m.variety([walking, walking]) == 0
    path = standing.translation + walking.translation * torch.tensor([1.0, 1.0, 0.0])
    glide = Motion(rotations=standing.rotations, translation=path, fps=30.0)
    assert m.variety([standing, glide]) == pytest.approx(0, abs=1e-6)
    assert m.variety([standing, walking]) > 0.02
    assert math.isnan(m.variety([walking]))


def test_the_longest_run_of_true_is_counted() -> None:
    assert m.longest_run(torch.tensor([True, False, True, True, True, False])) == 3
    assert m.longest_run(torch.tensor([False])) == 0
