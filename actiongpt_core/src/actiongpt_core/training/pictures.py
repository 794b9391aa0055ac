"""Pictures of what a model makes of a few texts, drawn while it is trained."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch

from actiongpt_core.types.text import TextFeatures

_MOST = 4  #: pictures each time
_SECONDS = 4.0


@attrs.frozen(eq=False)
class Pictured:
    """A text that is drawn."""

    phrase: str
    features: TextFeatures  #: aggregated


class Pictures:
    """Draws contact sheets, `OUT/pictures/step_002000_walk-forward.png`.

    Args:
        folder: Where they go.
        texts: What is drawn.
        seed: Of the noise; the same for every step, so that pictures of one text can be compared.
    """

    def __init__(self, folder: Path, texts: Sequence[Pictured], seed: int) -> None:
        self._folder, self._texts, self._seed = folder, list(texts), seed

    def draw(self, model: Any, step: int) -> list[Path]:
        """One picture a text; the model is left as it was."""
        self._folder.mkdir(parents=True, exist_ok=True)
        was_training = model.training
        model.eval()
        # A parameter's device: torch modules have none of their own.
        device = next(model.parameters()).device
        frames = max(min(round(_SECONDS * model.fps), getattr(model, "max_frames", 10**9)), model.min_frames)
        files = []
        with torch.no_grad():
            for item in self._texts:
                generator = torch.Generator().manual_seed(self._seed)
                motion = model.generate([_on(item.features, device)], [frames], generator=generator)
                files.append(motion.save(self._folder / f"step_{step:06d}_{_file_name(item.phrase)}.png"))
        model.train(was_training)
        return files


def choose(groups: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The first few groups of texts that begin with different ones."""
    by_phrase = {texts[0].casefold(): texts for texts in groups}
    return list(itertools.islice(by_phrase.values(), _MOST))


def _on(features: TextFeatures, device: torch.device) -> TextFeatures:
    pooled = None if features.pooled is None else features.pooled.to(device)
    return TextFeatures(tokens=features.tokens.to(device), mask=features.mask.to(device), pooled=pooled)


def _file_name(phrase: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", phrase.casefold()).strip("-")[:40] or "text"
