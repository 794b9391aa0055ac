import itertools
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from actiongpt_core.evaluation import gestures as g
from actiongpt_core.evaluation.measures import OTHER_SIDE, Side
from actiongpt_core.types.motion import Motion

COUNTS = {"waving_right": g.waves, "punching_right": g.punches, "kicking_right": g.kicks}


def test_a_sine_turns_at_its_extremes() -> None:
    time = torch.arange(120) / 30
    turns = g.turning_points(torch.sin(2 * math.pi * time), 0.5)
    assert turns == pytest.approx([7.5, 22.5, 37.5, 52.5, 67.5, 82.5, 97.5, 112.5], abs=1)


def test_wobbles_below_the_size_are_no_turns() -> None:
    time = torch.arange(120) / 30
    assert g.turning_points(time + 0.04 * torch.sin(12 * time), 0.1) == []


@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=40), st.floats(0.1, 3))
def test_turns_alternate_and_lie_further_apart_than_the_size(values: list[float], size: float) -> None:
    signal = torch.tensor(values)
    at = [float(signal[turn]) for turn in g.turning_points(signal, size)]
    steps = [after - before for before, after in itertools.pairwise(at)]
    assert all(abs(step) >= size for step in steps)
    assert all(first * second < 0 for first, second in itertools.pairwise(steps))


@pytest.mark.parametrize(("name", "least"), [("waving_right", 10), ("punching_right", 2), ("kicking_right", 2)])
def test_a_gesture_is_counted_on_its_side_and_on_the_other_one_in_the_mirror(
    name: str, least: int, request: pytest.FixtureRequest, mirrored: Callable[[Motion], Motion]
) -> None:
    motion, count = request.getfixturevalue(name), COUNTS[name]
    assert count(motion, "right") >= least
    assert count(motion, "left") == 0
    assert count(mirrored(motion), "left") == count(motion, "right")


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("other", ["standing", "walking", "raising_left", "sitting", "squatting", "jumping"])
def test_other_movements_are_no_gesture(name: str, other: str, request: pytest.FixtureRequest) -> None:
    motion: Motion = request.getfixturevalue(other)
    side: Side
    for side in OTHER_SIDE:
        assert COUNTS[name](motion, side) <= (other == "raising_left")  # its wrist turns round once, going up sideways


def test_a_slow_stretch_of_the_arm_is_no_punch(build: Callable[..., Motion], seconds: Tensor) -> None:
    zero = torch.zeros_like(seconds)
    elbow = torch.stack([zero, 1.1 - 1.1 * torch.sin(0.25 * 2 * math.pi * seconds), zero], -1)
    shoulder = torch.stack([zero, torch.full_like(zero, math.pi / 2), zero], -1)
    assert g.punches(build(right_shoulder=shoulder, right_elbow=elbow), "right") == 0


def test_hands_that_meet_twice_a_second_clap_so_often(clapping: Motion, standing: Motion) -> None:
    assert g.claps(clapping) in (7, 8)
    assert g.claps(standing) == 0


def test_hands_that_swing_apart_do_not_clap(build: Callable[..., Motion], seconds: Tensor) -> None:
    zero = torch.zeros_like(seconds)
    angle = torch.stack([zero, 1.2 - 0.2 * torch.cos(4 * math.pi * seconds), zero], -1)
    assert g.claps(build(left_shoulder=-angle, right_shoulder=angle)) == 0
