"""Actions side by side."""

from __future__ import annotations

import attrs
import torch

from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.text.aggregators import mean
from actiongpt_core.training.batches import collate_actions
from actiongpt_core.training.samples import ActionSample

TEXTS = ("bow", "raise the left arm", "turn left")
ACTIONS = [
    ActionSample(features=torch.randn(length, 5), texts=(text,)) for length, text in zip((9, 4, 7), TEXTS, strict=True)
]


def test_a_batch_is_padded_with_zeros_up_to_its_longest_action() -> None:
    told = [mean(FakeTextEncoder(8).encode(action.texts)) for action in ACTIONS]
    batch = collate_actions(ACTIONS, told, [3, 4, 5])
    assert batch.indices == (3, 4, 5)
    assert batch.features.shape == (3, 9, 5)
    assert batch.lengths.tolist() == [9, 4, 7]
    for rows, action in zip(batch.features, ACTIONS, strict=True):
        assert torch.equal(rows[: len(action.features)], action.features)
        assert not rows[len(action.features) :].any()
    assert batch.mask.sum(1).tolist() == [1, 4, 2]
    assert batch.pooled is not None
    assert batch.pooled.shape == (3, 8)


def test_a_batch_has_pooled_vectors_only_if_all_its_texts_have_one() -> None:
    told = [mean(FakeTextEncoder(8).encode(action.texts)) for action in ACTIONS]
    told[1] = attrs.evolve(told[1], pooled=None)
    assert collate_actions(ACTIONS, told, [0, 1, 2]).pooled is None
