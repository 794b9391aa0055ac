from __future__ import annotations

import pytest
import torch

from actiongpt_core.errors import ShapeError
from actiongpt_core.interfaces import Aggregator
from actiongpt_core.text.aggregators import first, masked_mean, mean
from actiongpt_core.types.text import TextFeatures


@pytest.fixture
def group() -> TextFeatures:
    """Two texts of 3 and 1 tokens, padded to 4: the last position belongs to nobody."""
    tokens = torch.tensor([[[1.0], [2.0], [3.0], [4.0]], [[5.0], [6.0], [7.0], [8.0]]])
    mask = torch.tensor([[True, True, True, False], [True, False, False, False]])
    return TextFeatures(tokens=tokens, mask=mask, pooled=torch.tensor([[2.0], [5.0]]))


def test_mean_counts_the_states_at_padded_positions(group: TextFeatures) -> None:
    result = mean(group)
    assert result.tokens.flatten().tolist() == [3.0, 4.0, 5.0, 6.0]
    assert result.mask.tolist() == [True, True, True, False]
    assert result.pooled is not None
    assert result.pooled.tolist() == [3.5]


def test_masked_mean_leaves_padding_out_and_is_zero_where_no_text_has_a_token(group: TextFeatures) -> None:
    result = masked_mean(group)
    assert result.tokens.flatten().tolist() == [3.0, 2.0, 3.0, 0.0]
    assert result.mask.tolist() == [True, True, True, False]


def test_masked_mean_is_not_reached_by_what_stands_at_padded_positions(group: TextFeatures) -> None:
    spoilt = torch.where(group.mask[..., None], group.tokens, torch.inf)
    result = masked_mean(TextFeatures(tokens=spoilt, mask=group.mask))
    assert torch.equal(result.tokens, masked_mean(group).tokens)


def test_first_is_the_first_text_without_the_padding_of_the_group(group: TextFeatures) -> None:
    result = first(group)
    assert result.tokens.flatten().tolist() == [1.0, 2.0, 3.0]
    assert result.mask.tolist() == [True] * 3
    assert result.pooled is not None
    assert result.pooled.tolist() == [2.0]


@pytest.mark.parametrize("aggregate", [mean, masked_mean, first])
def test_aggregate_of_k_equal_texts_is_that_text(aggregate: Aggregator) -> None:
    tokens = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    group = TextFeatures(tokens=tokens.expand(4, 3, 5), mask=torch.ones(4, 3, dtype=torch.bool))
    result = aggregate(group)
    torch.testing.assert_close(result.tokens, tokens)
    assert result.pooled is None


@pytest.mark.parametrize("aggregate", [mean, masked_mean, first])
def test_aggregator_refuses_one_text(aggregate: Aggregator) -> None:
    with pytest.raises(ShapeError, match=r"K descriptions"):
        aggregate(TextFeatures(tokens=torch.zeros(3, 5), mask=torch.ones(3, dtype=torch.bool)))
