"""An animated picture of the body, at real speed, with a camera that follows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from actiongpt_core.export.film import film
from actiongpt_core.types.motion import Motion

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_SIZE = (320, 380)  # pixels
_FRAME_MILLISECONDS = 70  # GIF counts hundredths of a second; this is 14.3 pictures a second
_LAST_MILLISECONDS = 700  # a rest before the loop starts again


def save_gif(motions: Sequence[Motion], path: Path) -> None:
    """Write an endless animated GIF at the motions' own speed, 14 pictures a second; seen as in the contact sheet."""
    from PIL import Image

    pictures = list(film(motions, 1000.0 / _FRAME_MILLISECONDS, _SIZE).pictures())
    # One palette for all frames: colours do not flicker, and it is found once.
    palette = _palette(pictures[:: max(len(pictures) // 6, 1)])
    first, *others = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    durations = [_FRAME_MILLISECONDS] * len(others) + [_LAST_MILLISECONDS]
    first.save(path, format="GIF", save_all=True, append_images=others, duration=durations, loop=0, disposal=1)


def _palette(samples: list[Picture]) -> Picture:
    from PIL import Image

    width, height = samples[0].size
    wide = Image.new("RGB", (width * len(samples), height))
    for i, sample in enumerate(samples):
        wide.paste(sample, (i * width, 0))
    return wide.quantize(colors=255)
