"""A contact sheet: the body at moments of the motion, left to right, one row an action."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from actiongpt_core.export.captions import action_at, fitted, label_of, phrases
from actiongpt_core.export.render import (
    BACKGROUND,
    INK,
    LEFT,
    RIGHT,
    TRAIL,
    Colour,
    Scene,
    at_one_scale,
    blend,
    build_scene,
)
from actiongpt_core.types.motion import Motion

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw as Draw

_COLUMNS = 8
_CELL = (200, 270)  # pixels
_GAP = 4
_HEADER = 40
_LABEL = 24  # above each row
_ROW = _LABEL + _CELL[1] + _GAP
_SECONDS_A_ROW = 4.0  # a single long action is broken into rows of about this length
_MAX_ROWS = 4


def save_png(motions: Sequence[Motion], path: Path) -> None:
    """Write a contact sheet: time runs to the right, each action of a sequence has its row, and motions follow below.

    Left limbs are orange and right limbs are blue, seen from the body's front left as it stands at the start. The
    camera follows the body over a floor of half-metre tiles; the red line is the path of the pelvis so far.
    """
    from PIL import Image, ImageDraw

    plans = [_rows(motion) for motion in motions]
    scenes = at_one_scale(
        [
            build_scene(motion, [i for row in rows for i in row], _CELL)
            for motion, rows in zip(motions, plans, strict=True)
        ]
    )
    width = _COLUMNS * (_CELL[0] + _GAP) + _GAP
    heights = [_HEADER + len(rows) * _ROW for rows in plans]
    sheet = Image.new("RGB", (width, sum(heights)), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for number, (motion, scene, rows) in enumerate(zip(motions, scenes, plans, strict=True)):
        top = sum(heights[:number])
        _header(draw, motion, f"{number + 1}: " if len(motions) > 1 else "", (width, top))
        _cells(sheet, draw, motion, scene, rows, top + _HEADER)
    sheet.save(path, format="PNG", compress_level=6)


def _cells(sheet: Picture, draw: Draw, motion: Motion, scene: Scene, rows: list[list[int]], top: int) -> None:
    number = 0
    for i, row in enumerate(rows):
        y = top + i * _ROW
        _text(draw, (_GAP + 6, y + 2), _row_label(motion, row), 15)
        for column, index in enumerate(row):
            left = _GAP + column * (_CELL[0] + _GAP)
            sheet.paste(scene.draw(number), (left, y + _LABEL))
            _text(draw, (left + 8, y + _LABEL + _CELL[1] - 22), f"{index / motion.fps:.1f} s", 14)
            number += 1


def _rows(motion: Motion) -> list[list[int]]:
    """The frames to show, row by row: evenly spread, first and last included."""
    if len(motion.starts) > 1:
        bounds = [min(start, motion.num_frames) for start in motion.starts] + [motion.num_frames]
    else:
        count = min(max(math.ceil(motion.seconds / _SECONDS_A_ROW - 0.5), 1), _MAX_ROWS)
        bounds = [round(motion.num_frames * i / count) for i in range(count + 1)]
    return [_spread(first, stop - 1) for first, stop in itertools.pairwise(bounds) if stop > first]


def _spread(first: int, last: int) -> list[int]:
    count = min(_COLUMNS, last - first + 1)
    return [round(first + (last - first) * i / max(count - 1, 1)) for i in range(count)]


def _row_label(motion: Motion, indices: list[int]) -> str:
    times = f"{indices[0] / motion.fps:.1f} to {(indices[-1] + 1) / motion.fps:.1f} s"
    label = label_of(motion, action_at(motion, indices[0]))
    return _line(f"{label}: {times}" if label else times, 15, _COLUMNS * _CELL[0])


def _header(draw: Draw, motion: Motion, number: str, corner: tuple[int, int]) -> None:
    """The motion's phrases and length, and what the colours mean, from the left to the right edge."""
    count = len(motion.starts)
    actions = f", {count} actions" if count > 1 else ""
    facts = f"{motion.seconds:.1f} s at {motion.fps:g} frames a second{actions}"
    x, y = corner[0] - 310, corner[1] + 11
    said = f"{phrases(motion)}   ({facts})" if motion.descriptions else facts
    _text(draw, (_GAP + 6, y), _line(number + said, 16, x - 40), 16)
    entries: tuple[tuple[str, Colour], ...] = (("left limbs", LEFT), ("right limbs", RIGHT), ("path", TRAIL))
    for name, colour in entries:
        draw.rounded_rectangle([x, y + 4, x + 16, y + 14], radius=4, fill=colour)
        _text(draw, (x + 22, y), name, 15)
        x += 112


def _line(text: str, size: int, width: float) -> str:
    from PIL import ImageFont

    return fitted(text, ImageFont.load_default(size), width)


def _text(draw: Draw, position: tuple[float, float], text: str, size: int, colour: Colour = INK) -> None:
    from PIL import ImageFont

    draw.text(position, text, fill=blend(colour, BACKGROUND, 0.9), font=ImageFont.load_default(size))
