"""A yardstick: the training clip whose text is nearest answers, instead of a model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from actiongpt_core.evaluation.items import Item, longest_frames
from actiongpt_core.interfaces import DataSet, TextEncoder
from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_core.text.vectors import unit_vectors
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.segments import Segment


def nearest_text_motions(
    data: DataSet,
    items: Sequence[Item],
    *,
    split: str = "train",
    max_seconds: float,
    encoder: TextEncoder | None = None,
) -> list[Motion]:
    """For each clip the stored clip whose text is nearest, from its start.

    Nothing that this library generates is a stored clip. Of several clips with the nearest text one is drawn, from
    those that are long enough where there are any.

    Args:
        data: The set.
        items: Clips of one action.
        split: Of the clips that answer; there must be one.
        max_seconds: Longest clip.
        encoder: Says how near texts are; None for the embedded text model.

    Raises:
        ConfigError: There is no such split, or the encoder gives no pooled vectors.
        MissingAssetError: The text model is not there.
    """
    longest = longest_frames(data, max_seconds)
    stored: dict[str, list[Segment]] = defaultdict(list)
    for segment in data.segments(split):
        if not segment.suspect:
            stored[segment.texts[0]].append(segment)
    nearest = _nearest_texts([item.texts[0] for item in items], sorted(stored), encoder or TransformersTextEncoder())
    rng = np.random.default_rng(0)
    motions = []
    for item, text in zip(items, nearest, strict=True):
        long_enough = [it for it in stored[text] if min(it.num_frames, longest) >= item.num_frames] or stored[text]
        chosen = long_enough[int(rng.integers(len(long_enough)))]
        motions.append(data.motion(chosen.recording, chosen.start, min(chosen.end, chosen.start + longest)))
    return motions


def _nearest_texts(wanted: Sequence[str], stored: Sequence[str], encoder: TextEncoder) -> list[str]:
    asked = list(dict.fromkeys(wanted))
    cosines = unit_vectors(encoder, asked) @ unit_vectors(encoder, stored).T
    found = dict(zip(asked, (stored[int(row.argmax())] for row in cosines), strict=True))
    return [found[text] for text in wanted]
