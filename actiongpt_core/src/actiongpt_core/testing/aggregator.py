"""The conformance suite of an aggregator: subclass it in a test module and say how the aggregator is built."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import pytest
import torch

from actiongpt_core.errors import ActionGPTError
from actiongpt_core.interfaces import Aggregator
from actiongpt_core.registry import get_registry
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.testing.suite import RegisteredSuite
from actiongpt_core.types.text import TextFeatures

_TEXTS = (
    "the body steps forward with the left leg",
    "both arms swing",
    "the head turns to the right and then back",
    "the knees bend",
)
_PHRASE = "walk and look around"
_SAME_TOLERANCE = 1e-5
_TOLERANCE = 1e-6  # another order of a float32 sum of four terms


class AggregatorSuite(RegisteredSuite):
    """What every aggregator promises.

    Subclass it, name the class `Test...`, and set `registered`, or write `build_aggregator`. One that has
    `needs_phrase` is given a phrase.

    Attributes:
        registered: Name under which the aggregator is registered; without `build_aggregator` it is built as users do.
        is_symmetric: False if the order of the K descriptions counts.
        ignores_padding: True if states at padded positions change nothing.
    """

    kind = "aggregator"
    is_symmetric: bool = True
    ignores_padding: bool = False

    def build_aggregator(self) -> Aggregator:
        """The aggregator under test; called for every test."""
        if self.registered is None:
            raise NotImplementedError("Set `registered`, or write build_aggregator, which returns the aggregator.")
        return get_registry().aggregator(self.registered).load()

    @pytest.fixture
    def phrase(self) -> TextFeatures:
        """The action's phrase."""
        encoded = FakeTextEncoder().encode([_PHRASE])
        assert encoded.pooled is not None
        return TextFeatures(tokens=encoded.tokens[0], mask=encoded.mask[0], pooled=encoded.pooled[0])

    @pytest.fixture
    def aggregator(self, phrase: TextFeatures) -> Aggregator:
        """The aggregator under test, with the phrase where it needs one."""
        built: Any = self.build_aggregator()
        return partial(built, phrase=phrase) if getattr(built, "needs_phrase", False) else built

    @pytest.fixture
    def features(self) -> TextFeatures:
        """Four descriptions of different lengths."""
        return FakeTextEncoder().encode(_TEXTS)

    def test_one_text_comes_out(self, aggregator: Aggregator, features: TextFeatures) -> None:
        """Tokens (K, L, C) become (L', C), with a mask (L',).

        Troubleshooting: Reduce over the first axis, not the second; keep C.
        """
        result = aggregator(features)
        assert result.tokens.ndim == 2
        assert result.tokens.shape[-1] == features.tokens.shape[-1]
        assert result.mask.shape == result.tokens.shape[:-1]

    def test_the_mask_is_boolean_and_not_empty(self, aggregator: Aggregator, features: TextFeatures) -> None:
        """The mask is True where a token is real.

        Troubleshooting: `mask.any(dim=0)` is the union of K masks; a product or a mean of masks is not boolean.
        """
        mask = aggregator(features).mask
        assert mask.dtype is torch.bool
        assert mask.any()

    def test_real_tokens_are_finite(self, aggregator: Aggregator, features: TextFeatures) -> None:
        """There is no NaN where the mask is True.

        Troubleshooting: A mean over no description divides by zero: clamp the count.
        """
        result = aggregator(features)
        assert result.tokens[result.mask].isfinite().all()

    def test_one_description_comes_out_as_it_went_in(self, aggregator: Aggregator, features: TextFeatures) -> None:
        """K = 1 changes nothing.

        Troubleshooting: A scale, a normalisation or a weight that does not sum to one.
        """
        assert features.pooled is not None
        one = TextFeatures(tokens=features.tokens[:1], mask=features.mask[:1], pooled=features.pooled[:1])
        result = aggregator(one)
        torch.testing.assert_close(result.tokens[result.mask], one.tokens[one.mask], rtol=0, atol=_TOLERANCE)
        assert result.pooled is not None
        torch.testing.assert_close(result.pooled, features.pooled[0], rtol=0, atol=_TOLERANCE)

    def test_the_pooled_vector_is_one_or_absent_as_in_the_input(
        self, aggregator: Aggregator, features: TextFeatures
    ) -> None:
        """`pooled` is aggregated too, and None stays None.

        Troubleshooting: Handle both: text encoders without a pooled vector exist, and backbones that need one
        do too.
        """
        pooled = aggregator(features).pooled
        assert pooled is not None
        assert pooled.shape == features.tokens.shape[-1:]
        assert aggregator(attrs.evolve(features, pooled=None)).pooled is None

    def test_the_order_of_the_descriptions_changes_nothing(
        self, aggregator: Aggregator, features: TextFeatures
    ) -> None:
        """A symmetric aggregator forgets the order.

        Troubleshooting: One for which the order counts sets `is_symmetric = False`.
        """
        if not self.is_symmetric:
            pytest.skip("The order counts for this aggregator.")
        assert features.pooled is not None
        order = torch.tensor([2, 0, 3, 1])
        moved = aggregator(
            TextFeatures(tokens=features.tokens[order], mask=features.mask[order], pooled=features.pooled[order])
        )
        result = aggregator(features)
        torch.testing.assert_close(moved.tokens[moved.mask], result.tokens[result.mask], rtol=0, atol=_TOLERANCE)
        assert torch.equal(moved.mask, result.mask)

    def test_states_at_padded_positions_change_nothing(self, aggregator: Aggregator, features: TextFeatures) -> None:
        """What stands where the mask is False is not used.

        Troubleshooting: Zero it by `torch.where`, not by a product; one that counts padding, as the paper's
        mean, leaves `ignores_padding = False`.
        """
        if not self.ignores_padding:
            pytest.skip("Padding counts for this aggregator.")
        noise = torch.randn(features.tokens.shape, generator=torch.Generator().manual_seed(0))
        tokens = torch.where(features.mask[..., None], features.tokens, noise)
        result, changed = aggregator(features), aggregator(attrs.evolve(features, tokens=tokens))
        assert torch.equal(changed.tokens[changed.mask], result.tokens[result.mask])

    def test_the_input_is_not_modified(
        self, aggregator: Aggregator, features: TextFeatures, phrase: TextFeatures
    ) -> None:
        """Features are the caller's.

        Troubleshooting: Look for in-place operations; the same features are aggregated again.
        """
        given = [
            part for text in (features, phrase) for part in (text.tokens, text.mask, text.pooled) if part is not None
        ]
        before = [part.clone() for part in given]
        aggregator(features)
        assert all(torch.equal(*pair) for pair in zip(given, before, strict=True))

    def test_an_aggregator_that_needs_the_phrase_says_so_where_there_is_none(self, features: TextFeatures) -> None:
        """Without the phrase there is an error that asks for it.

        Troubleshooting: With `needs_phrase = True` the function takes `phrase=None` and raises `ConfigError`
        for None.
        """
        aggregator = self.build_aggregator()
        if not getattr(aggregator, "needs_phrase", False):
            pytest.skip("This aggregator needs no phrase.")
        with pytest.raises(ActionGPTError, match="phrase"):
            aggregator(features)

    def test_gradient_flows_to_the_descriptions(self, aggregator: Aggregator, features: TextFeatures) -> None:
        """Training goes through the aggregator.

        Troubleshooting: `detach`, `.data`, `argmax` or NumPy cut the graph.
        """
        tokens = features.tokens.clone().requires_grad_()
        result = aggregator(attrs.evolve(features, tokens=tokens))
        result.tokens[result.mask].sum().backward()
        assert tokens.grad is not None
        assert tokens.grad.isfinite().all()
        assert tokens.grad.abs().sum() > 0

    def test_descriptions_that_are_all_the_same_come_out_as_one_of_them(
        self, aggregator: Aggregator, features: TextFeatures
    ) -> None:
        """K equal descriptions have nothing to average.

        Troubleshooting: Weights that do not sum to one, or a K that is taken from another axis.
        """
        assert features.pooled is not None
        same = [part[2:3].expand(4, *part.shape[1:]) for part in (features.tokens, features.mask, features.pooled)]
        result = aggregator(TextFeatures(tokens=same[0], mask=same[1], pooled=same[2]))
        known = features.tokens[2][features.mask[2]]
        found = result.tokens[result.mask]
        assert len(found) % len(known) == 0
        torch.testing.assert_close(found, known.repeat(len(found) // len(known), 1), rtol=0, atol=_SAME_TOLERANCE)

    def test_one_token_each_is_enough(self, aggregator: Aggregator, features: TextFeatures) -> None:
        """Descriptions of one word are descriptions.

        Troubleshooting: A standard deviation, a convolution or a slice over tokens.
        """
        short = attrs.evolve(features, tokens=features.tokens[:, :1], mask=features.mask[:, :1])
        result = aggregator(short)
        assert result.mask.any()
        assert result.tokens[result.mask].isfinite().all()

    def test_the_same_group_has_the_same_aggregate(self, aggregator: Aggregator, features: TextFeatures) -> None:
        """There is no chance in an aggregator.

        Troubleshooting: Dropout, or a draw without a seed.
        """
        first, second = aggregator(features), aggregator(features)
        assert torch.equal(first.tokens, second.tokens)

    def test_one_text_alone_is_refused(self, aggregator: Aggregator, phrase: TextFeatures) -> None:
        """Features without K are an error, not an aggregate over tokens.

        Troubleshooting: Raise `ShapeError` unless tokens have three axes: else L is taken for K.
        """
        with pytest.raises(ActionGPTError):
            aggregator(phrase)
