"""Descriptions to aggregated features; what was encoded before comes from memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from actiongpt_core.interfaces import Aggregator, TextEncoder
from actiongpt_core.text.aggregators import first
from actiongpt_core.types.text import Descriptions, TextFeatures

_MAX_GROUPS = 512

#: What the features of an action depend on: its K texts, and its phrase where the aggregator reads it.
_Group = tuple[tuple[str, ...], str | None]


class EncodedTexts:
    """Features of actions.

    What is remembered is the whole k-group: the exact mean includes states at padded positions, and those depend on
    the longest text of the group, not on one text alone.

    Args:
        aggregator: Makes one text of K.
    """

    def __init__(self, aggregator: Aggregator) -> None:
        self._aggregator: Any = aggregator
        self._needs_phrase = bool(getattr(aggregator, "needs_phrase", False))
        self._known: OrderedDict[_Group, TextFeatures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def features(self, described: Sequence[Sequence[Descriptions]], encoder: TextEncoder) -> list[list[TextFeatures]]:
        """Aggregated features of every action of every sequence; what is new is encoded together.

        Raises:
            PromptError: A text is longer than the text model can read.
        """
        groups = dict.fromkeys(self._group(item) for actions in described for item in actions)
        new = [group for group in groups if group not in self._known]
        found = {group: self._known[group] for group in groups if group in self._known}
        found |= dict(zip(new, self._aggregate(new, encoder), strict=True))
        for group, features in found.items():
            self._known[group] = features
            self._known.move_to_end(group)
        while len(self._known) > _MAX_GROUPS:
            self._known.popitem(last=False)
        return [[found[self._group(item)] for item in actions] for actions in described]

    def _group(self, described: Descriptions) -> _Group:
        return described.texts, described.phrase if self._needs_phrase else None

    def _aggregate(self, groups: Sequence[_Group], encoder: TextEncoder) -> list[TextFeatures]:
        texts = encode_groups([texts for texts, _ in groups], encoder)
        if not self._needs_phrase:
            return [self._aggregator(features) for features in texts]
        phrases = encode_groups([(str(phrase),) for _, phrase in groups], encoder)
        return [
            self._aggregator(features, phrase=first(phrase)) for features, phrase in zip(texts, phrases, strict=True)
        ]


def encode_groups(groups: Sequence[tuple[str, ...]], encoder: TextEncoder) -> list[TextFeatures]:
    """The texts of each group, encoded together; many groups in one pass where the encoder can."""
    if not groups:
        return []
    together: Callable[..., list[TextFeatures]] | None = getattr(encoder, "encode_batch", None)
    return together(groups) if together else [encoder.encode(group) for group in groups]
