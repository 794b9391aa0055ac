"""The index: unit vectors of texts, and the clips that they tell of. It is what a checkpoint holds."""

from __future__ import annotations

import attrs
import torch
from actiongpt_core import ConfigError, TextFeatures
from torch import Tensor, nn

EMBEDDED_ENCODER = "package:all-minilm-l6-v2"


@attrs.frozen(kw_only=True)
class RetrievalConfig:
    """Settings of an index; they stand in its config.json.

    Each has a default because `config_from_dict` reads types off the defaults. With one of the defaults an index does
    not fit its weights, and is refused.

    Attributes:
        texts: Each once.
        num_clips: Clips of all texts.
        num_frames: Frames of all clips.
        text_dim: C of the text vectors.
        fps: Frames a second of the clips.
        text_encoder: The text model whose vectors are compared.
        num_nearest: Among how many of the nearest clips chance picks.
    """

    texts: tuple[str, ...] = ()
    num_clips: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    num_frames: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    text_dim: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    fps: float = attrs.field(default=30.0, validator=attrs.validators.gt(0))
    text_encoder: str = EMBEDDED_ENCODER
    num_nearest: int = attrs.field(default=4, validator=attrs.validators.ge(1))


class Index(nn.Module):
    """Texts and clips as tensors.

    Attributes:
        vectors: Unit vectors of the texts, (texts, C).
        text_of: The number of each clip's text, (clips,).
        bounds: Where each clip begins, and last where the last one ends, (clips + 1,).
        poses: Axis-angle of all frames, (T, 22, 3), radians.
        translation: Position of the pelvis, (T, 3), metres.
    """

    vectors: Tensor
    text_of: Tensor
    bounds: Tensor
    poses: Tensor
    translation: Tensor

    def __init__(self, config: RetrievalConfig) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(len(config.texts), config.text_dim))
        self.register_buffer("text_of", torch.zeros(config.num_clips, dtype=torch.int64))
        self.register_buffer("bounds", torch.zeros(config.num_clips + 1, dtype=torch.int64))
        self.register_buffer("poses", torch.zeros(config.num_frames, 22, 3))
        self.register_buffer("translation", torch.zeros(config.num_frames, 3))

    def ranked(self, vector: Tensor, length: int) -> Tensor:
        """All clips, (clips,): the nearest text first; of one text the clip whose length is nearest to `length`."""
        off = (self.bounds.diff() - length).abs()
        by_length = torch.argsort(off, stable=True)
        cosines = (self.vectors @ vector)[self.text_of]
        ranked: Tensor = by_length[torch.argsort(cosines[by_length], descending=True, stable=True)]
        return ranked


def text_vector(text: TextFeatures) -> Tensor:
    """The unit vector of an aggregated text, (C,): the mean of its real tokens.

    Raises:
        ConfigError: The text has no direction: it is not finite, zero, or without a token.
    """
    vector: Tensor = text.tokens[text.mask].float().mean(dim=0).cpu()
    norm = vector.norm()
    if not torch.isfinite(norm) or norm == 0:
        raise ConfigError(
            "The features of a text must be finite, not all zero, and have a real token; its vector has no direction. "
            "Look at the text encoder and the aggregator."
        )
    unit: Tensor = vector / norm
    return unit
