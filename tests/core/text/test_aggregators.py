from __future__ import annotations

import math
from functools import partial

import attrs
import pytest
import torch

from actiongpt_core.errors import ConfigError, ShapeError
from actiongpt_core.interfaces import Aggregator
from actiongpt_core.registry import get_registry
from actiongpt_core.testing.aggregator import AggregatorSuite
from actiongpt_core.text.aggregators import Weighted, concat, first, masked_mean, mean, weighted
from actiongpt_core.types.text import TextFeatures


class TestConcat(AggregatorSuite):
    is_symmetric = False
    ignores_padding = True

    def build_aggregator(self) -> Aggregator:
        return concat


class TestWeighted(AggregatorSuite):
    def build_aggregator(self) -> Aggregator:
        return weighted


@pytest.fixture
def group() -> TextFeatures:
    """Two texts of 3 and 1 tokens, padded to 4: the last position belongs to nobody."""
    tokens = torch.tensor([[[1.0], [2.0], [3.0], [4.0]], [[5.0], [6.0], [7.0], [8.0]]])
    mask = torch.tensor([[True, True, True, False], [True, False, False, False]])
    return TextFeatures(tokens=tokens, mask=mask, pooled=torch.tensor([[2.0], [5.0]]))


@pytest.fixture
def corner() -> TextFeatures:
    """Two texts at a right angle to each other; the second one is padded."""
    tokens = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]])
    mask = torch.tensor([[True, True], [True, False]])
    return TextFeatures(tokens=tokens, mask=mask, pooled=torch.eye(2))


def _phrase(*state: float) -> TextFeatures:
    tokens = torch.tensor([state])
    return TextFeatures(tokens=tokens, mask=torch.ones(1, dtype=torch.bool), pooled=tokens[0])


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


def test_concat_is_every_real_token_one_text_after_the_other(group: TextFeatures) -> None:
    result = concat(group)
    assert result.tokens.flatten().tolist() == [1.0, 2.0, 3.0, 5.0]
    assert result.mask.tolist() == [True] * 4
    assert result.pooled is not None
    assert result.pooled.tolist() == [3.5]


@pytest.mark.parametrize("pooled", [True, False])
def test_weighted_weighs_by_the_softmax_of_the_cosine_to_the_phrase(corner: TextFeatures, pooled: bool) -> None:
    corner = corner if pooled else attrs.evolve(corner, pooled=None)
    near, far = math.exp(0.6 / 0.5), math.exp(0.8 / 0.5)  # cosines of (3, 4) with the axes are 0.6 and 0.8
    share = near / (near + far)
    result = Weighted(0.5)(corner, phrase=_phrase(3.0, 4.0))
    expected = torch.tensor([[share, 1 - share], [1.0, 0.0]])
    torch.testing.assert_close(result.tokens, expected)
    assert result.mask.tolist() == [True, True]
    if result.pooled is not None:
        torch.testing.assert_close(result.pooled, expected[0])
    assert (result.pooled is not None) == pooled


def test_weighted_does_not_see_padding_when_it_weighs(corner: TextFeatures) -> None:
    bare = attrs.evolve(corner, pooled=None)
    spoilt = attrs.evolve(bare, tokens=torch.where(bare.mask[..., None], bare.tokens, 1e9))
    phrase = _phrase(1.0, 2.0)
    assert torch.equal(weighted.weights(bare, phrase), weighted.weights(spoilt, phrase))


def test_weighted_is_the_mean_where_all_texts_are_equally_near(corner: TextFeatures) -> None:
    result, plain = weighted(corner, phrase=_phrase(2.0, 2.0)), mean(corner)
    torch.testing.assert_close(result.tokens, plain.tokens)
    torch.testing.assert_close(result.pooled, plain.pooled)


def test_weighted_leans_to_the_nearer_text_and_the_more_the_lower_the_temperature(corner: TextFeatures) -> None:
    shares = [float(Weighted(heat).weights(corner, _phrase(2.0, 1.0))[0]) for heat in (math.inf, 1.0, 0.1, 0.01)]
    assert shares[0] == 0.5
    assert shares == sorted(shares)
    assert shares[-1] > 0.999


def test_weighted_without_a_phrase_says_who_gives_one(corner: TextFeatures) -> None:
    with pytest.raises(ConfigError, match="phrase="):
        weighted(corner)


@pytest.mark.parametrize("tokens", [torch.ones(1, 2, 2), torch.ones(2, 3)], ids=["several texts", "another width"])
def test_weighted_refuses_a_phrase_that_does_not_fit(corner: TextFeatures, tokens: torch.Tensor) -> None:
    phrase = TextFeatures(tokens=tokens, mask=torch.ones(tokens.shape[:-1], dtype=torch.bool))
    with pytest.raises(ShapeError, match=r"\(L, 2\)"):
        weighted(corner, phrase=phrase)


@pytest.mark.parametrize("temperature", [0, -1.0, math.nan, True, "hot"])
def test_a_temperature_that_cannot_weigh_is_refused(temperature: float) -> None:
    with pytest.raises(ConfigError, match="temperature"):
        Weighted(temperature)


@pytest.mark.parametrize("aggregate", [mean, masked_mean, first, partial(weighted, phrase=_phrase(*range(5)))])
def test_aggregate_of_k_equal_texts_is_that_text(aggregate: Aggregator) -> None:
    tokens = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    group = TextFeatures(tokens=tokens.expand(4, 3, 5), mask=torch.ones(4, 3, dtype=torch.bool))
    result = aggregate(group)
    torch.testing.assert_close(result.tokens, tokens)
    assert result.pooled is None


@pytest.mark.parametrize("aggregate", [mean, masked_mean, first, concat, partial(weighted, phrase=_phrase(*range(5)))])
def test_aggregator_refuses_one_text(aggregate: Aggregator) -> None:
    with pytest.raises(ShapeError, match=r"K descriptions"):
        aggregate(TextFeatures(tokens=torch.zeros(3, 5), mask=torch.ones(3, dtype=torch.bool)))


@pytest.mark.parametrize(("name", "aggregate"), [("concat", concat), ("weighted", weighted)])
def test_the_aggregator_is_found_by_its_name(name: str, aggregate: Aggregator) -> None:
    assert get_registry().aggregator(name).load() is aggregate
