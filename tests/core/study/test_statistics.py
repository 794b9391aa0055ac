"""Paired differences: the bootstrap, the sign flips and the correction, against cases that are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from actiongpt_core.errors import ShapeError
from actiongpt_core.study.statistics import holm, paired_gain

NORMAL_95 = 1.959964


def test_the_value_is_the_weighted_mean_of_the_differences() -> None:
    gain = paired_gain([1.0, 2.0, 4.0], [1.0, 1.0, 2.0], ["a", "b", "c"])
    assert gain.value == pytest.approx((1 + 2 + 8) / 4)
    assert gain.num_texts == 3


def test_the_interval_of_many_independent_texts_is_that_of_the_normal_distribution() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0.3, 1.0, 400)
    gain = paired_gain(values.tolist(), [1.0] * 400, [str(place) for place in range(400)])
    half = NORMAL_95 * values.std() / 20
    # A percentile of 20,000 draws is known to about 2 % of the interval; the mean of 400 is normal to about as much.
    assert gain.low_95 == pytest.approx(values.mean() - half, abs=0.06 * half)
    assert gain.high_95 == pytest.approx(values.mean() + half, abs=0.06 * half)


def test_two_texts_give_the_four_draws_that_there_are() -> None:
    gain = paired_gain([0.0, 1.0], [1.0, 1.0], ["a", "b"])
    assert (gain.low_95, gain.value, gain.high_95) == (0.0, 0.5, 1.0), "(a, a), (a, b), (b, a), (b, b)"


def test_clips_of_one_text_are_drawn_together() -> None:
    alone = paired_gain([0.1, -0.2, 0.4], [1.0] * 3, ["a", "b", "c"])
    often = paired_gain([0.1, -0.2, 0.4] * 50, [1.0] * 150, ["a", "b", "c"] * 50)
    for name in ("value", "low_95", "high_95", "p", "num_texts"):
        assert getattr(often, name) == pytest.approx(getattr(alone, name)), name


def test_what_both_have_in_common_does_not_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    common, better = rng.normal(0, 100, 30), rng.normal(1, 0.1, 30)
    texts = [str(place) for place in range(30)]
    gain = paired_gain(((common + better) - common).tolist(), [1.0] * 30, texts)
    assert 0.8 < gain.low_95 < gain.value < gain.high_95 < 1.2


def test_exchanging_the_two_cells_turns_the_result_around() -> None:
    values = [0.3, -0.1, 0.7, 0.2, 0.05]
    one = paired_gain(values, [1.0] * 5, list("abcde"))
    other = paired_gain([-value for value in values], [1.0] * 5, list("abcde"))
    assert other.value == -one.value
    assert (-other.high_95, -other.low_95) == pytest.approx((one.low_95, one.high_95))
    assert other.p == one.p


def test_sign_flips_are_counted_one_by_one_where_there_are_few() -> None:
    values = [0.3, -0.1, 0.7, 0.2, 0.05]
    sums = [abs(np.dot(signs, values)) for signs in itertools.product((1, -1), repeat=5)]
    expected = np.mean([total >= abs(sum(values)) - 1e-12 for total in sums])
    assert paired_gain(values, [1.0] * 5, list("abcde")).p == expected


def test_equal_cells_differ_by_nothing_and_surely() -> None:
    gain = paired_gain([0.0] * 6, [1.0] * 6, list("abcdef"))
    assert (gain.value, gain.low_95, gain.high_95, gain.p) == (0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("count", [8, 30])
def test_when_nothing_differs_five_of_a_hundred_p_values_are_below_five_percent(count: int) -> None:
    rng = np.random.default_rng(1)
    texts = [str(place) for place in range(count)]
    found = [paired_gain(rng.normal(size=count).tolist(), [1.0] * count, texts, draws=999).p for _ in range(600)]
    # 600 trials: a standard deviation of 0.9 %.
    assert 0.02 < np.mean(np.array(found) <= 0.05) < 0.08


@pytest.mark.parametrize(
    ("values", "weights", "texts"),
    [([], [], []), ([1.0], [1.0, 2.0], ["a"]), ([1.0], [0.0], ["a"]), ([1.0], [float("nan")], ["a"])],
)
def test_what_does_not_fit_together_is_refused(values: list[float], weights: list[float], texts: list[str]) -> None:
    with pytest.raises(ShapeError):
        paired_gain(values, weights, texts)


def test_holm_is_as_in_a_case_worked_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.4: times 4, 3, 2, 1, and never below the one before.
    assert holm([0.03, 0.4, 0.01, 0.02]) == pytest.approx([0.06, 0.4, 0.04, 0.06])


def test_holm_stays_a_probability() -> None:
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
