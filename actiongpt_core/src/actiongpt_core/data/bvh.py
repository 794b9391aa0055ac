"""Reader of BVH: any joints, channels in any order.

Written here, since no library on PyPI (tried in 2026) fits: pybvh 0.9 is fast, but needs matplotlib, refuses joints
with one or six channels, and takes a file with NaN or without closing braces; bvhio 1.5 is ten times slower and never
returns from a file that is cut off.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NoReturn

import attrs
import numpy as np

from actiongpt_core.data.mocap import FloatArray, Mocap, read_text, turns
from actiongpt_core.errors import DataError

CHANNELS = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "XYZ")

#: Seconds that a frame may take.
_SHORTEST, _LONGEST = Decimal("0.0001"), Decimal("10")


def read_bvh_mocap(path: str | Path) -> Mocap:
    """The capture in a BVH file.

    Blank lines, lines that begin with '#' and Windows line ends are allowed. Position channels count at the root; at
    other joints they are read over, since bones do not change their lengths. The root's OFFSET is read over too:
    programs do not agree whether its positions count from there.

    Raises:
        MissingAssetError: There is no such file.
        DataError: It is not a whole BVH; the message names the line.
    """
    lines = _Lines(str(path), read_text(path).split("\n"))
    try:
        hierarchy = _Hierarchy(lines)
    except RecursionError:
        lines.fail("the joints are nested too deeply for a body")
    lines.expect("MOTION")
    lines.expect("Frames:")
    num_frames = lines.whole_number()
    lines.expect("Frame", "Time:")
    fps = _frame_rate(lines)
    values = _motion(lines, num_frames, sum(len(channels) for channels in hierarchy.channels))
    return hierarchy.mocap(values, fps)


@attrs.define
class _Lines:
    """The words of a file, one after the other, and the line that they stand on."""

    source: str
    lines: list[str]
    line: int = 0  # of the words in hand, counted from 1
    words: list[str] = attrs.field(factory=list)

    def fail(self, reason: str, line: int | None = None) -> NoReturn:
        raise DataError(f"{self.source}, line {line or self.line}: {reason}.")

    def peek(self) -> str:
        while not self.words:
            if self.line >= len(self.lines):
                self.fail("the file ends early; it is cut off, or no BVH")
            text = self.lines[self.line]
            self.line += 1
            self.words = [] if text.lstrip().startswith("#") else text.replace("{", " { ").replace("}", " } ").split()
        return self.words[0]

    def take(self) -> str:
        self.peek()
        return self.words.pop(0)

    def expect(self, *expected: str) -> None:
        for word in expected:
            found = self.take()
            if found != word:
                self.fail(f"{word!r} was expected, found {found!r}")

    def whole_number(self) -> int:
        word = self.take()
        if not word.isdecimal():
            self.fail(f"a whole number was expected, found {word!r}")
        return int(word)

    def vector(self) -> list[float]:
        """Three numbers."""
        words = [self.take() for _ in range(3)]
        try:
            return [float(word) for word in words]
        except ValueError:
            self.fail(f"three numbers were expected, found {' '.join(words)!r}")

    def rest(self) -> list[tuple[int, str]]:
        """The number and the text of each line that is left and holds something."""
        left = enumerate(self.lines[self.line :], start=self.line + 1)
        return [(number, text) for number, text in left if text and not text.isspace() and text.lstrip()[0] != "#"]


class _Hierarchy:
    """The joints in the order of the file, with their channels."""

    def __init__(self, lines: _Lines) -> None:
        self.source = lines.source
        self.joints: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[list[float]] = []
        self.ends: dict[str, FloatArray] = {}
        self.channels: list[list[str]] = []
        lines.expect("HIERARCHY", "ROOT")
        self._read_joint(lines, parent=-1)

    def _read_joint(self, lines: _Lines, parent: int) -> None:
        """Take one joint, from its name to its closing brace, with all that hangs on it."""
        name = _name(lines)
        lines.expect("{", "OFFSET")
        joint = len(self.joints)
        self.joints.append(name)
        self.parents.append(parent)
        self.offsets.append(lines.vector())
        self.channels.append(_channels(lines))
        while (word := lines.take()) != "}":
            if word == "JOINT":
                self._read_joint(lines, joint)
            elif word == "End":
                lines.expect("Site", "{", "OFFSET")
                self.ends[name] = np.array(lines.vector())
                lines.expect("}")
            else:
                lines.fail(f"'JOINT', 'End Site' or '}}' was expected, found {word!r}")

    def mocap(self, values: FloatArray, fps: float) -> Mocap:
        """The capture, from one row a frame."""
        rotations = np.empty((len(values), len(self.joints), 3, 3))
        root = np.zeros((len(values), 3))
        first = 0
        for joint, channels in enumerate(self.channels):
            turned = [place for place, channel in enumerate(channels) if channel.endswith("rotation")]
            angles = np.radians(values[:, [first + place for place in turned]])
            rotations[:, joint] = turns(["XYZ".index(channels[place][0]) for place in turned], angles)
            for place, channel in enumerate(channels):
                if joint == 0 and channel.endswith("position"):
                    root[:, "XYZ".index(channel[0])] = values[:, first + place]
            first += len(channels)
        return Mocap(
            source=self.source,
            joints=tuple(self.joints),
            parents=tuple(self.parents),
            offsets=np.array(self.offsets),
            ends=self.ends,
            rotations=rotations,
            root=root,
            fps=fps,
        )


def _name(lines: _Lines) -> str:
    words = []
    while lines.peek() != "{":
        words.append(lines.take())
    if not words:
        lines.fail("a joint without a name")
    return " ".join(words)


def _channels(lines: _Lines) -> list[str]:
    lines.expect("CHANNELS")
    channels = [lines.take() for _ in range(lines.whole_number())]
    for channel in channels:
        if channel not in CHANNELS or channels.count(channel) > 1:
            lines.fail(f"{' '.join(channels)!r} are no channels: each of {', '.join(CHANNELS)} at most once")
    return channels


def _frame_rate(lines: _Lines) -> float:
    """Frames a second. A time such as .0083333 means the whole rate that is written so, here 120."""
    word = lines.take()
    try:
        seconds = Decimal(word)
    except InvalidOperation:
        lines.fail(f"a frame time in seconds was expected, found {word!r}")
    if not (seconds.is_finite() and _SHORTEST < seconds < _LONGEST):
        lines.fail(f"a frame time between {_SHORTEST} and {_LONGEST} seconds was expected, found {word!r}")
    fps = float(1 / seconds)
    whole = round(fps)
    exponent = seconds.as_tuple().exponent
    assert isinstance(exponent, int)  # not so for NaN and infinity only
    is_near = whole > 0 and abs(fps / whole - 1) < 2e-3
    # One in the last digit: some programs round, and some cut off.
    return float(whole) if is_near and abs(1 / whole - float(seconds)) <= 10.0**exponent else round(fps, 6)


def _motion(lines: _Lines, num_frames: int, num_channels: int) -> FloatArray:
    """The rows of the motion block, (T, channels)."""
    declared = lines.line - 1  # the line before "Frame Time:"
    if lines.words:
        lines.fail(f"{' '.join(lines.words)!r} was not expected after the frame time")
    rows = lines.rest()
    if len(rows) != num_frames or not rows:
        lines.fail(f"{num_frames} frames are declared and {len(rows)} are there; is the file cut off?", declared)
    try:
        values = np.loadtxt([text for _, text in rows], dtype=np.float64, comments=None, ndmin=2)
        if values.shape[1] == num_channels and np.isfinite(values).all():
            return values
    except ValueError:
        pass  # the line is found below
    for number, text in rows:
        words = text.split()
        if len(words) != num_channels:
            lines.fail(f"{num_channels} numbers were expected, one for each channel, found {len(words)}", number)
        for word in words:
            if not _is_number(word):
                lines.fail(f"a number was expected, found {word!r}", number)
    raise DataError(f"{lines.source}: the motion block cannot be read.")


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False
