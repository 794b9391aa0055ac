"""CLIP as a text encoder, and its image tower."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from actiongpt_core.errors import ConfigError, PromptError, ShapeError
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.types.text import TextFeatures
from actiongpt_motionclip.clip import Clip, load_clip
from actiongpt_motionclip.clip_tokens import tokenise, truncate
from actiongpt_motionclip.clip_weights import DEFAULT_CLIP

#: Texts or images that go through a tower at once.
_BATCH = 64


class ClipTextEncoder:
    """CLIP's text tower as a text encoder; a `TextEncoder`.

    Attributes:
        name: The source, as given.
        space: Name of the space of the pooled vectors.
        dim: C, channels of a token state.
        clip: The towers; the image tower is among them only if they were given.

    Args:
        source: See `read_clip`; or a CLIP at hand.
        truncate: Leave out what is beyond the tower's context (77 tokens), as Action-GPT does; a warning says so once.
            False: a longer text is an error, as in upstream MotionCLIP.

    Raises:
        ConfigError: The source has another form, or open_clip knows no such model.
        MissingAssetError: The weights are not there; the message says which, and where to get them.
        CheckpointError: The file is damaged, unsafe, or holds something else.
    """

    def __init__(self, source: str | Path | Clip = DEFAULT_CLIP, *, truncate: bool = True) -> None:
        self.clip = source if isinstance(source, Clip) else load_clip(source, images=False)
        self.name, self.space = self.clip.name, self.clip.space
        self.dim = int(self.clip.model.ln_final.weight.shape[0])
        self._max_tokens = int(self.clip.model.positional_embedding.shape[0])
        self._truncate = truncate
        self._has_warned = False

    @property
    def device(self) -> torch.device:
        """Where the tower computes and the features lie."""
        return self.clip.device

    def to(self, device: torch.device | str) -> ClipTextEncoder:
        """Move the towers; returns itself."""
        self.clip.model.to(device)
        return self

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, start and end included, without padding; at most as many as the tower reads.

        Warns:
            UserWarning: A text is cut, the first time.

        Raises:
            PromptError: There is no text, or, with `truncate=False`, one is longer than the tower can read.
        """
        if not texts or isinstance(texts, str):
            raise PromptError(f"A text encoder needs a list of one or more texts, got {texts!r}.")
        ids = [tokenise(text) for text in texts]
        for text, tokens in zip(texts, ids, strict=True):
            if len(tokens) > self._max_tokens:
                self._report_long(text, len(tokens))
        return [truncate(tokens, self._max_tokens) for tokens in ids]

    def _report_long(self, text: str, count: int) -> None:
        message = f"A text has {count} tokens, and CLIP reads at most {self._max_tokens}: {text[:60]!r}..."
        if not self._truncate:
            raise PromptError(f"{message} Shorten it.")
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(f"{message} What is beyond them is left out, here and in all later texts.", stacklevel=3)

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """Encode the K descriptions of one action together, padded to the longest of them.

        Returns:
            tokens (K, L, C), states after the last norm, those at padded positions included; mask (K, L);
            pooled (K, D), CLIP's text vectors, not normalised. All float32.

        Raises:
            PromptError: As `tokenize`.
        """
        return self.encode_batch([texts])[0]

    def encode_batch(self, groups: Sequence[Sequence[str]]) -> list[TextFeatures]:
        """Encode many groups of texts, each distinct text once.

        Args:
            groups: For each action its K descriptions.

        Returns:
            For each group what `encode` returns for it alone.

        Raises:
            PromptError: As `tokenize`.
        """
        ids = {text: tokens for group in groups for text, tokens in zip(group, self.tokenize(group), strict=True)}
        sizes = [max(len(ids[text]) for text in group) for group in groups]
        # A text is padded to the longest group that it stands in, so that every group can be cut out of one pass.
        padded: dict[str, int] = {}
        for group, size in zip(groups, sizes, strict=True):
            padded.update({text: max(size, padded.get(text, 0)) for text in group})
        order = sorted(padded, key=lambda text: padded[text])
        found: dict[str, tuple[Tensor, Tensor]] = {}
        for start in range(0, len(order), _BATCH):
            chunk = order[start : start + _BATCH]
            rows = [torch.tensor(ids[text]) for text in chunk]
            size = padded[chunk[-1]]
            states, pooled = self.clip.encode_ids(
                torch.stack([nn.functional.pad(row, (0, size - len(row))) for row in rows])
            )
            found.update(zip(chunk, zip(states, pooled, strict=True), strict=True))
        return [
            TextFeatures(
                tokens=torch.stack([found[text][0][:size] for text in group]),
                mask=lengths_to_mask([len(ids[text]) for text in group], size).to(self.device),
                pooled=torch.stack([found[text][1] for text in group]),
            )
            for group, size in zip(groups, sizes, strict=True)
        ]


class ClipImageEncoder:
    """CLIP's image tower.

    Attributes:
        name: The source, as given.
        space: Name of the space of the vectors; texts of the same space may be compared with them.
        dim: D, of a vector.
        size: S, side of a prepared image in pixels.

    Args:
        source: See `read_clip`; or a CLIP at hand.

    Raises:
        ConfigError: As `ClipTextEncoder`; or the CLIP at hand has no image tower.
        MissingAssetError: As `ClipTextEncoder`.
        CheckpointError: As `ClipTextEncoder`.
    """

    def __init__(self, source: str | Path | Clip = DEFAULT_CLIP) -> None:
        self.clip = source if isinstance(source, Clip) else load_clip(source)
        if not hasattr(self.clip.model, "visual"):
            raise ConfigError(f"{self.clip.name} was loaded for texts alone; load it with load_clip(SOURCE).")
        self.name, self.space, self.dim = self.clip.name, self.clip.space, self.clip.dim
        size = self.clip.model.visual.image_size
        self.size = int(size if isinstance(size, int) else size[0])
        self._prepare: Any = None

    def to(self, device: torch.device | str) -> ClipImageEncoder:
        """Move the towers; returns itself."""
        self.clip.model.to(device)
        return self

    def prepare(self, images: NDArray[np.uint8] | Tensor) -> Tensor:
        """What the tower reads of images.

        The short side is resized to S (bicubic), the middle S x S is cut out, numbers are put on CLIP's scale.

        Args:
            images: (N, height, width, 3) RGB or (N, height, width, 4) RGBA, 0 to 255, uint8. The fourth channel is
                left out after the resize, as in the original.

        Returns:
            (N, 3, S, S), float32.

        Raises:
            ShapeError: They have another shape or type.
        """
        array = images.cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
        if array.ndim != 4 or array.shape[-1] not in (3, 4) or array.dtype != np.uint8 or not array.size:
            raise ShapeError(f"Images must be uint8 (N, height, width, 3 or 4), got {array.dtype} {array.shape}.")
        from PIL import Image

        transform = self._transform()
        return torch.stack([transform(Image.fromarray(image)) for image in array])

    def _transform(self) -> Any:
        if self._prepare is None:
            import open_clip

            scale = {
                name: tuple(self.clip.preprocess[name]) for name in ("mean", "std") if name in self.clip.preprocess
            }
            self._prepare = open_clip.image_transform(self.size, is_train=False, **scale)
        return self._prepare

    def encode(self, images: NDArray[np.uint8] | Tensor) -> Tensor:
        """Images -> vectors (N, D), not normalised, float32.

        Args:
            images: See `prepare`.

        Raises:
            ShapeError: They have another shape or type.
        """
        return self.encode_pixels(self.prepare(images))

    def encode_pixels(self, pixels: Tensor) -> Tensor:
        """Prepared images (N, 3, S, S) -> vectors (N, D), not normalised, float32.

        Raises:
            ShapeError: They have another shape.
        """
        if pixels.ndim != 4 or pixels.shape[1:] != (3, self.size, self.size):
            raise ShapeError(f"Prepared images must be (N, 3, {self.size}, {self.size}), got {tuple(pixels.shape)}.")
        return torch.cat([self.clip.encode_pixels(part) for part in pixels.float().split(_BATCH)])
