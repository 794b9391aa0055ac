"""Windows of a data base as the network sees them: frames, labels, rows of numbers, batches.

A sequence is cut into windows of 100 frames; an item is some frames of a window. Every item of the original starts at a
random frame, and is drawn anew each time that it is asked for; here the source of randomness is an argument.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

import attrs
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError, did_you_mean
from actiongpt_core.interfaces import LLMProvider
from actiongpt_core.nn.masks import lengths_to_mask, pad
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.describe import describe
from actiongpt_core.types.text import Action
from actiongpt_motionclip.categories import ClassSet, categories_of
from actiongpt_motionclip.database import WINDOW_FRAMES, Recording
from actiongpt_motionclip.frames import ItemSettings, choose_frames, motion_rows


@attrs.frozen(eq=False)
class Window:
    """100 frames of a recording."""

    recording: Recording
    index: int  #: which window of the recording

    @property
    def start(self) -> int:
        """First frame, in the recording."""
        return self.index * WINDOW_FRAMES

    def label(self, frames: Iterable[int]) -> str:
        """The raw labels of some frames of the window, sorted by code point; "" counts as a label."""
        return " and ".join(sorted({self.recording.raw_labels[self.start + frame] for frame in frames}))


@attrs.frozen(eq=False, kw_only=True)
class Item:
    """Some frames of a window, R rows of N numbers in T frames."""

    x: Tensor  #: (R, N, T), float32
    text: str  #: the label
    categories: tuple[str, ...]  #: the BABEL-60 classes of its frames; empty unless labels="category"
    frames: tuple[int, ...]  #: the frames taken, counted in the window
    image_features: Tensor | None = None  #: (C,)
    image: Tensor | None = None  #: bytes (height, width, 3 or 4)
    image_path: str | None = None


@attrs.frozen(eq=False, kw_only=True)
class Batch:
    """Items side by side, filled up with zeros."""

    x: Tensor  #: (B, R, N, T)
    lengths: Tensor  #: (B,), int64
    mask: Tensor  #: (B, T), True for real frames
    texts: tuple[tuple[str, ...], ...]  #: K descriptions of each item
    items: tuple[Item, ...]
    image_features: Tensor | None = None  #: (B, C), if all items have them

    @property
    def y(self) -> Tensor:
        """The class token's index, (B,): there is one token for all."""
        return torch.zeros(len(self.items), dtype=torch.long)


def windows(recordings: Iterable[Recording], *, drop_first: bool = False) -> list[Window]:
    """All windows of the sequences of one split, in order.

    Args:
        recordings: The sequences.
        drop_first: Leave the first sequence out, as the original's loader does by mistake.
    """
    kept = list(recordings)[1 if drop_first else 0 :]
    return [Window(recording, index) for recording in kept for index in range(recording.num_windows)]


def load_item(window: Window, settings: ItemSettings | None = None, rng: random.Random | None = None) -> Item | None:
    """An item of a window.

    Args:
        window: Where its frames are.
        settings: How it is made; None for those of the published model.
        rng: What start, step and category are drawn from, in the original's order; None takes the first of each.

    Returns:
        The item; None if it is to be called by a category and its frames have none.

    Raises:
        ConfigError: It is to be called by a category and the data base has none.
    """
    settings = settings or ItemSettings()
    recording, number = window.recording, window.index
    frames = choose_frames(WINDOW_FRAMES, settings, rng)
    taken = [window.start + frame for frame in frames]
    text = window.label(frames)
    categories: tuple[str, ...] = ()
    if settings.labels == "category":
        categories = _categories(recording, taken, settings.class_set)
        if not categories:
            return None
        text = rng.choice(categories) if rng else categories[0]
    features, images, paths = recording.image_features, recording.images, recording.image_paths
    return Item(
        x=motion_rows(torch.from_numpy(recording.thetas[taken]), torch.from_numpy(recording.joints[taken]), settings),
        text=text,
        categories=categories,
        frames=tuple(frames),
        image_features=None if features is None else torch.from_numpy(features[number]),
        image=None if images is None else torch.from_numpy(images[number]),
        image_path=None if paths is None else paths[number],
    )


def find_item(candidates: Iterable[Window], label: str, settings: ItemSettings | None = None) -> Item:
    """The first item whose raw labels are exactly this, each taken from the beginning of its window.

    # Differs from the original: it looks labels up in one random draw of the windows, and takes another draw.

    Raises:
        ConfigError: No item has the label; the message names the nearest one that there is.
    """
    settings = attrs.evolve(settings or ItemSettings(), labels="text")
    frames = choose_frames(WINDOW_FRAMES, settings)
    labels = set()
    for window in candidates:
        labels.add(window.label(frames))
        if label in labels:
            item = load_item(window, settings)
            assert item is not None
            return item
    raise ConfigError(
        f"No clip of the data base is labelled {label!r}; the labels of a clip's frames are sorted and joined with "
        f"' and '.{did_you_mean(label, labels)}"
    )


def _categories(recording: Recording, frames: Sequence[int], class_set: ClassSet) -> tuple[str, ...]:
    if recording.categories is None:
        raise ConfigError(f"The data base has no categories for {recording.name}; it has no key 'action_cat'.")
    return categories_of((recording.categories[frame] for frame in frames), class_set)


def collate(
    items: Sequence[Item | None], annotations: Mapping[str, Sequence[str]] | None = None, k: int = 4
) -> Batch | None:
    """Items as a batch; those that are None are left out.

    Args:
        items: From `load_item`.
        annotations: The descriptions of each label; see `describe_labels`. A label that is not there is repeated K
            times, as in the original's training.
        k: K, the number of descriptions of a label.

    Returns:
        The batch; None if no item is left.

    Raises:
        ConfigError: A label has another number of descriptions than K.
    """
    kept = tuple(item for item in items if item is not None)
    if not kept:
        return None
    lengths = torch.tensor([item.x.shape[-1] for item in kept])
    features = [item.image_features for item in kept if item.image_features is not None]
    return Batch(
        x=pad([item.x.permute(2, 0, 1) for item in kept]).permute(0, 2, 3, 1),
        lengths=lengths,
        mask=lengths_to_mask(lengths),
        texts=tuple(_texts(item.text, annotations or {}, k) for item in kept),
        items=kept,
        image_features=torch.stack(features) if len(features) == len(kept) else None,
    )


def _texts(label: str, annotations: Mapping[str, Sequence[str]], k: int) -> tuple[str, ...]:
    texts = tuple(annotations.get(label, (label,) * k))
    if len(texts) != k:
        # The original takes its texts in fours whatever there is, and so gives labels the texts of others.
        raise ConfigError(f"The annotations hold {len(texts)} descriptions of {label!r}; every label needs {k}.")
    return texts


def describe_labels(labels: Iterable[str], provider: LLMProvider, k: int = 4) -> dict[str, tuple[str, ...]]:
    """Descriptions of labels, to be handed to `collate`; labels without letters ("" is one) have none.

    Raises:
        ProviderError: The provider could not answer.
    """
    known = [label for label in dict.fromkeys(labels) if any(character.isalpha() for character in label)]
    found = describe([Action(label) for label in known], provider, k, DescriptionCache())
    return {item.phrase: item.texts for item in found}
