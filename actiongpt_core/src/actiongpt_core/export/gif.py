"""An animated picture of the body, at real speed, with a camera that follows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from actiongpt_core.export.picture import action_at
from actiongpt_core.export.render import BACKGROUND, INK, TRAIL, blend, build_scene
from actiongpt_core.types.motion import Motion

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_SIZE = (320, 380)  # pixels
_FRAME_MILLISECONDS = 70  # GIF counts hundredths of a second; this is 14.3 pictures a second
_LAST_MILLISECONDS = 700  # a rest before the loop starts again


def save_gif(motion: Motion, path: Path) -> None:
    """Write an endless animated GIF at the motion's own speed, 14 pictures a second; seen as in the contact sheet."""
    from PIL import Image

    step = motion.fps * _FRAME_MILLISECONDS / 1000.0
    indices = [round(i * step) for i in range(int((motion.num_frames - 1) / step) + 1)]
    scene = build_scene(motion, indices, _SIZE)
    pictures = [_captioned(scene.draw(number), motion, index) for number, index in enumerate(indices)]
    # One palette for all frames: colours do not flicker, and it is found once.
    palette = _palette(pictures[:: max(len(pictures) // 6, 1)])
    first, *others = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    durations = [_FRAME_MILLISECONDS] * len(others) + [_LAST_MILLISECONDS]
    first.save(path, format="GIF", save_all=True, append_images=others, duration=durations, loop=0, disposal=1)


def _palette(samples: list[Picture]) -> Picture:
    from PIL import Image

    wide = Image.new("RGB", (sum(sample.width for sample in samples), _SIZE[1]))
    for i, sample in enumerate(samples):
        wide.paste(sample, (i * _SIZE[0], 0))
    return wide.quantize(colors=255)


def _captioned(picture: Picture, motion: Motion, index: int) -> Picture:
    """Time, action and a bar that fills, along the lower edge."""
    from PIL import ImageDraw, ImageFont

    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(14)
    width, height = picture.size
    draw.text((10, height - 26), f"{index / motion.fps:.1f} s", fill=INK, font=font)
    count = len(motion.starts)
    if count > 1:
        draw.text((70, height - 26), f"action {action_at(motion, index) + 1} of {count}", fill=INK, font=font)
    done = index / max(motion.num_frames - 1, 1)
    draw.rectangle([0, height - 4, width, height], fill=blend(INK, BACKGROUND, 0.15))
    draw.rectangle([0, height - 4, round(done * width), height], fill=TRAIL)
    return picture
