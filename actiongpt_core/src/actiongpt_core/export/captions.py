"""What a picture says about the action that it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actiongpt_core.types.motion import Motion

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont


def action_at(motion: Motion, index: int) -> int:
    """Which action of a sequence a frame belongs to, counted from 0."""
    return max(sum(start <= index for start in motion.starts) - 1, 0)


def label_of(motion: Motion, action: int) -> str:
    """The action's phrase, or its number where the phrase is not known; empty for one action without a phrase."""
    if motion.descriptions:
        return motion.descriptions[action].phrase
    return f"action {action + 1} of {len(motion.starts)}" if len(motion.starts) > 1 else ""


def phrases(motion: Motion) -> str:
    """What the motion was made from in one line; empty where that is not known."""
    return ", then ".join(descriptions.phrase for descriptions in motion.descriptions)


def fitted(text: str, font: FreeTypeFont | ImageFont, width: float) -> str:
    """A text on one line, cut where it would be wider than so many pixels."""
    line = " ".join(text.split())
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(line + " ...") > width:
        line = line[:-1]
    return line.rstrip() + " ..."
