"""The order of a run's items, and the numbers that belong to a sample."""

from __future__ import annotations

import numpy as np
import pytest

from actiongpt_core.training.epochs import Epochs, noise_numbers, sample_numbers, telling_numbers

LENGTHS = list(np.random.default_rng(0).integers(15, 300, 203))


@pytest.mark.parametrize("by_length", [False, True])
def test_an_epoch_goes_once_through_all_items(by_length: bool) -> None:
    epochs = Epochs(LENGTHS, seed=0, by_length=by_length)
    steps = epochs.steps(8)
    for epoch in (0, 1):
        drawn = [item for step in range(steps) for item in epochs.batch(epoch * steps + step, 8)]
        assert sorted(drawn) == list(range(len(LENGTHS)))


@pytest.mark.parametrize("by_length", [False, True])
def test_a_batch_can_be_had_without_those_before_it(by_length: bool) -> None:
    one, other = (Epochs(LENGTHS, seed=3, by_length=by_length) for _ in range(2))
    in_order = [one.batch(step, 8) for step in range(60)]
    assert [other.batch(step, 8) for step in reversed(range(60))] == in_order[::-1]


def test_each_epoch_and_each_seed_has_an_order_of_its_own() -> None:
    epochs = Epochs(LENGTHS, seed=0)
    steps = epochs.steps(8)
    assert epochs.batch(0, 8) != epochs.batch(steps, 8)
    assert epochs.batch(0, 8) != Epochs(LENGTHS, seed=1).batch(0, 8)


def test_without_shuffling_items_come_in_their_order() -> None:
    epochs = Epochs([20] * 10, seed=0, shuffle=False)
    assert [epochs.batch(step, 4) for step in range(3)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_what_does_not_fill_a_batch_can_be_left_out() -> None:
    epochs = Epochs(LENGTHS, seed=0, last_batch="drop")
    assert epochs.steps(8) == len(LENGTHS) // 8
    assert all(len(epochs.batch(step, 8)) == 8 for step in range(60))


def test_a_set_that_is_smaller_than_a_batch_is_not_left_out() -> None:
    epochs = Epochs([20] * 3, seed=0, last_batch="drop")
    assert [sorted(epochs.batch(step, 8)) for step in range(2)] == [[0, 1, 2]] * 2


def test_batches_by_length_hold_less_padding_and_come_in_a_drawn_order() -> None:
    def padding(epochs: Epochs) -> float:
        batches = [[LENGTHS[item] for item in epochs.batch(step, 8)] for step in range(epochs.steps(8))]
        return sum(max(lengths) * len(lengths) - sum(lengths) for lengths in batches) / sum(LENGTHS)

    by_length = Epochs(LENGTHS, seed=0, by_length=True)
    assert padding(by_length) < 0.2 * padding(Epochs(LENGTHS, seed=0))
    longest = [max(LENGTHS[item] for item in by_length.batch(step, 8)) for step in range(25)]
    assert longest != sorted(longest)


def test_numbers_of_samples_tellings_and_noise_have_nothing_to_do_with_each_other() -> None:
    streams = [sample_numbers(0, 5), sample_numbers(0, 6), telling_numbers(0, 5, 0), telling_numbers(0, 5, 1)]
    streams += [noise_numbers(0, 5, 0), noise_numbers(0, 5, 1), noise_numbers(1, 5, 0)]
    drawn = {stream.random() for stream in streams}
    assert len(drawn) == len(streams)
    assert sample_numbers(0, 5).random() in drawn
