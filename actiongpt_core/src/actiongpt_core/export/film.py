"""Motions side by side as pictures in time, with captions. Shared by GIF and MP4."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import attrs

from actiongpt_core.export.captions import action_at, fitted, label_of
from actiongpt_core.export.render import BACKGROUND, INK, TRAIL, Scene, at_one_scale, blend, build_scene
from actiongpt_core.types.motion import Motion

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw as Draw

_COLUMNS = 4
_STRIP = 30  # pixels below each body, for its caption


@attrs.frozen(eq=False, kw_only=True)
class Film:
    """Pictures of motions that start together; who is done first stands still to the end."""

    motions: tuple[Motion, ...]
    scenes: tuple[Scene, ...]
    cell: tuple[int, int]  #: width and height of one motion's picture, pixels
    num_frames: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        columns = min(len(self.motions), _COLUMNS)
        return columns * self.cell[0], math.ceil(len(self.motions) / columns) * self.cell[1]

    def pictures(self) -> Iterator[Picture]:
        """The pictures in time."""
        # numpy lets go of the interpreter while it computes. By the handful: a long film does not fit into memory.
        workers = min(os.cpu_count() or 1, 4)
        with ThreadPoolExecutor(workers) as pool:
            for start in range(0, self.num_frames, 4 * workers):
                yield from pool.map(self.picture, range(start, min(start + 4 * workers, self.num_frames)))

    def picture(self, number: int) -> Picture:
        """One of the film's pictures."""
        from PIL import Image, ImageDraw

        picture = Image.new("RGB", self.size, BACKGROUND)
        draw = ImageDraw.Draw(picture)
        for place, (motion, scene) in enumerate(zip(self.motions, self.scenes, strict=True)):
            shown = min(number, len(scene.indices) - 1)
            left, top = place % _COLUMNS * self.cell[0], place // _COLUMNS * self.cell[1]
            picture.paste(scene.draw(shown), (left, top))
            _caption(draw, motion, scene.indices[shown], (left, top + self.cell[1]), self.cell[0])
        _bar(draw, number / max(self.num_frames - 1, 1), self.size)
        return picture


def film(motions: Sequence[Motion], fps: float, cell: tuple[int, int]) -> Film:
    """Prepare the pictures of motions side by side, at their own speed and at one scale.

    Args:
        motions: One or more.
        fps: Pictures a second.
        cell: Width and height of one motion's picture, pixels.
    """
    scenes = []
    for motion in motions:
        step = motion.fps / fps
        count = int((motion.num_frames - 1) / step + 1e-6) + 1
        scenes.append(build_scene(motion, [min(round(i * step), motion.num_frames - 1) for i in range(count)], cell))
    return Film(
        motions=tuple(motions),
        scenes=tuple(at_one_scale(scenes)),
        cell=cell,
        num_frames=max(len(scene.indices) for scene in scenes),
    )


def _caption(draw: Draw, motion: Motion, index: int, corner: tuple[int, int], width: int) -> None:
    """Time and action, above the lower left corner."""
    from PIL import ImageFont

    font = ImageFont.load_default(14 if width < 400 else 18)
    x, y = corner[0] + 10, corner[1] - _STRIP + (3 if width < 400 else 0)
    time = f"{index / motion.fps:.1f} s"
    draw.text((x, y), time, fill=INK, font=font)
    room = width - 20 - round(font.getlength("00.0 s   "))
    label = label_of(motion, action_at(motion, index))
    draw.text((x + width - 20 - room, y), fitted(label, font, room), fill=INK, font=font)


def _bar(draw: Draw, done: float, size: tuple[int, int]) -> None:
    """A bar that fills along the lower edge."""
    width, height = size
    draw.rectangle([0, height - 4, width, height], fill=blend(INK, BACKGROUND, 0.15))
    draw.rectangle([0, height - 4, round(done * width), height], fill=TRAIL)
