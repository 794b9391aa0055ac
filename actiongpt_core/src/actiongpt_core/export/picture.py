"""A contact sheet: the body at moments of the motion, left to right, one row an action."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING

from actiongpt_core.export.render import BACKGROUND, INK, LEFT, RIGHT, TRAIL, Colour, blend, build_scene
from actiongpt_core.types.motion import Motion

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw as Draw

_COLUMNS = 8
_CELL = (200, 270)  # pixels
_GAP = 4
_HEADER = 40
_LABEL = 24  # above each row
_SECONDS_A_ROW = 4.0  # a single long action is broken into rows of about this length
_MAX_ROWS = 4


def save_png(motion: Motion, path: Path) -> None:
    """Write a contact sheet: time runs to the right, each action of a sequence has its row.

    Left limbs are orange and right limbs are blue, seen from the body's front left as it stands at the start. The
    camera follows the body over a floor of half-metre tiles; the red line is the path of the pelvis so far.
    """
    from PIL import Image, ImageDraw

    rows = _rows(motion)
    scene = build_scene(motion, [index for row in rows for index in row], _CELL)
    width = _COLUMNS * (_CELL[0] + _GAP) + _GAP
    sheet = Image.new("RGB", (width, _HEADER + len(rows) * (_LABEL + _CELL[1] + _GAP)), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    _header(draw, motion, width)
    number = 0
    for i, row in enumerate(rows):
        top = _HEADER + i * (_LABEL + _CELL[1] + _GAP)
        _text(draw, (_GAP + 6, top + 2), _row_label(motion, i, row), 15)
        for column, index in enumerate(row):
            left = _GAP + column * (_CELL[0] + _GAP)
            sheet.paste(scene.draw(number), (left, top + _LABEL))
            _text(draw, (left + 8, top + _LABEL + _CELL[1] - 22), f"{index / motion.fps:.1f} s", 14)
            number += 1
    sheet.save(path, format="PNG", compress_level=6)


def action_at(motion: Motion, index: int) -> int:
    """Which action of a sequence a frame belongs to, counted from 0."""
    return max(sum(start <= index for start in motion.starts) - 1, 0)


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


def _row_label(motion: Motion, row: int, indices: list[int]) -> str:
    times = f"{indices[0] / motion.fps:.1f} to {(indices[-1] + 1) / motion.fps:.1f} s"
    return f"action {row + 1}: {times}" if len(motion.starts) > 1 else times


def _header(draw: Draw, motion: Motion, width: int) -> None:
    count = len(motion.starts)
    actions = f", {count} actions" if count > 1 else ""
    _text(draw, (_GAP + 6, 11), f"{motion.seconds:.1f} s at {motion.fps:g} frames a second{actions}", 16)
    x = width - 310
    entries: tuple[tuple[str, Colour], ...] = (("left limbs", LEFT), ("right limbs", RIGHT), ("path", TRAIL))
    for name, colour in entries:
        draw.rounded_rectangle([x, 15, x + 16, 25], radius=4, fill=colour)
        _text(draw, (x + 22, 11), name, 15)
        x += 112


def _text(draw: Draw, position: tuple[float, float], text: str, size: int, colour: Colour = INK) -> None:
    from PIL import ImageFont

    draw.text(position, text, fill=blend(colour, BACKGROUND, 0.9), font=ImageFont.load_default(size))
