"""Which of some labels a motion is: its latent compared with the labels' own text vectors.

No descriptions and no prompt take part, as in the original: a label is encoded as it stands.

Source: Tevet et al., "MotionCLIP", ECCV 2022, section 4.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import torch
from torch import Tensor
from torch.nn.functional import normalize

from actiongpt_core.errors import ConfigError
from actiongpt_core.types.motion import Motion
from actiongpt_motionclip.categories import ClassSet, classes
from actiongpt_motionclip.dataset import Item
from actiongpt_motionclip.latents import latents_of_motions
from actiongpt_motionclip.model import MotionClip

_SHARPNESS = 100.0  # cosines are multiplied by it before the softmax, as CLIP does


@attrs.frozen
class Classification:
    """The labels that fit a motion best, best first."""

    labels: tuple[str, ...]
    cosines: tuple[float, ...]
    probabilities: tuple[float, ...]  #: among all labels that were asked for


@attrs.frozen
class Accuracy:
    """How often a right class is among the k best."""

    total: int
    hits: Mapping[int, int]  #: k -> number of motions

    def of(self, k: int) -> float:
        """The share of hits, 0 to 1."""
        return self.hits[k] / self.total

    def lines(self) -> list[str]:
        """As the original prints it."""
        return [f"Top-{k} Acc. : {self.of(k):.2%}  ({hits}/{self.total})" for k, hits in self.hits.items()]


@torch.no_grad()
def label_vectors(model: MotionClip, labels: Sequence[str]) -> Tensor:
    """The latents of labels as they stand, (N, D).

    Raises:
        ConfigError: There is no label, or the text encoder gives no pooled vectors.
    """
    if not labels:
        raise ConfigError("Classification needs one or more labels.")
    pooled = model.text_encoder.encode(labels).pooled
    if pooled is None:
        raise ConfigError(f"The text encoder {model.text_encoder.name!r} gives no pooled vectors to compare with.")
    return model.text_latent(pooled.to(model.normalizer.mean))


def cosines(latents: Tensor, vectors: Tensor) -> Tensor:
    """Cosine of every latent (B, D) with every label's vector (N, D): (B, N)."""
    return normalize(latents, dim=-1) @ normalize(vectors, dim=-1).T


def probabilities(scores: Tensor) -> Tensor:
    """Softmax over labels of cosines (B, N), sharpened a hundredfold: (B, N)."""
    return torch.softmax(_SHARPNESS * scores, dim=-1)


def classify(
    model: MotionClip, motions: Sequence[Motion | Item], labels: Sequence[str], top: int = 5
) -> list[Classification]:
    """The best labels of each motion.

    Args:
        model: The model.
        motions: Motions of the SMPL body, or items of a data base.
        labels: Two or more different labels, such as "walk", "sit".
        top: How many labels to name.

    Raises:
        ConfigError: There are fewer than two labels, one is there twice, `top` is below 1, a motion is too long, or an
            item is not made as the model reads it.
        ShapeError: A motion has another skeleton.
    """
    if isinstance(labels, str) or len(labels) < 2:
        raise ConfigError(f"Classification needs two labels or more to choose from, got {labels!r}.")
    if top < 1:
        raise ConfigError(f"top, the number of labels to name, must be at least 1, got {top}.")
    if len(set(labels)) != len(labels):
        raise ConfigError("A label stands twice in the list; probabilities would be shared between the two.")
    vectors = label_vectors(model, labels)
    if not motions:
        return []
    scores = cosines(latents_of_motions(model, motions), vectors)
    best = _best(scores, top)
    chances = probabilities(scores)
    return [
        Classification(
            labels=tuple(labels[index] for index in indices.tolist()),
            cosines=tuple(row[indices].tolist()),
            probabilities=tuple(chance[indices].tolist()),
        )
        for indices, row, chance in zip(best, scores, chances, strict=True)
    ]


def accuracy(
    model: MotionClip, items: Sequence[Item | None], class_set: ClassSet = "60", ks: Sequence[int] = (5, 1)
) -> Accuracy:
    """How well items of a data base are recognised: a hit if any of an item's own classes is among the k best.

    Args:
        model: The model.
        items: Made with `labels="category"`; None, an item without a class, does not count.
        class_set: The classes that are told apart.
        ks: The numbers of best classes.

    Raises:
        ConfigError: No item has a class.
    """
    kept = [item for item in items if item is not None and item.categories]
    if not kept:
        raise ConfigError("No item of the data base has one of the classes; were they made with labels='category'?")
    names = classes(class_set)
    scores = cosines(latents_of_motions(model, kept), label_vectors(model, names))
    best = [[names[index] for index in row] for row in _best(scores, max(ks)).tolist()]
    pairs = list(zip(kept, best, strict=True))
    return Accuracy(len(kept), {k: sum(bool(set(item.categories) & set(row[:k])) for item, row in pairs) for k in ks})


def _best(scores: Tensor, top: int) -> Tensor:
    """Indices of the highest scores, best first, (B, min(top, N))."""
    return scores.topk(min(top, scores.shape[-1]), dim=-1).indices
