"""Reader of Acclaim's pair of files: ASF, the skeleton, and AMC, its motion. No library on PyPI reads them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

import attrs
import numpy as np

from actiongpt_core.data.mocap import FloatArray, Mocap, read_text, turns
from actiongpt_core.errors import DataError

CMU_FPS = 120.0  #: frames a second of most trials; AMC files of CMU do not tell it
#: A "#" inside a word is none: Windows writes NaN as -1.#IND.
_COMMENT = re.compile(r"(?:^|\s)#")
_AXES = {"rx": 0, "ry": 1, "rz": 2}
_PLACES = {"tx": 0, "ty": 1, "tz": 2}


def read_asf_amc(asf: str | Path, amc: str | Path, *, fps: float = CMU_FPS) -> Mocap:
    """The capture in a pair of files.

    A bone turns about its start, so it becomes the joint that stands there: the joint of "lfemur" is the left hip.
    Joints are parallel at rest, also those with axes of their own.

    Args:
        asf: The skeleton.
        amc: The motion.
        fps: Frames a second, for an AMC that does not tell its ":SAMPLES-PER-SECOND".

    Raises:
        MissingAssetError: A file is not there.
        DataError: A file is not what its format promises, or they do not fit; the message names the line.
    """
    skeleton = _Skeleton(_Lines(str(asf), read_text(asf).split("\n")))
    return _read_motion(skeleton, _Lines(str(amc), read_text(amc).split("\n")), fps)


@attrs.define
class _Bone:
    """A bone, or the root. Angles in radians."""

    axis: FloatArray  # (3, 3): from the bone's own axes to those of the skeleton
    dof: list[str]  # what a frame says of it, in this order
    vector: FloatArray  # from its start to its end, at rest


class _Lines:
    """The lines of a file that hold something, as words, each with its number."""

    def __init__(self, source: str, lines: list[str]) -> None:
        self.source = source
        cut = ((number, _COMMENT.split(text, 1)[0].split()) for number, text in enumerate(lines, start=1))
        self.rows = [(number, words) for number, words in cut if words]

    def fail(self, line: int, reason: str) -> NoReturn:
        raise DataError(f"{self.source}, line {line}: {reason}.")

    def numbers(self, line: int, words: list[str], count: int) -> list[float]:
        """That many finite numbers."""
        try:
            values = [float(word) for word in words]
        except ValueError:
            values = []
        if len(values) != count or not np.isfinite(values).all():
            self.fail(line, f"{count} number(s) were expected, found {' '.join(words)!r}")
        return values


class _Skeleton:
    """What an ASF says: bones by name, "root" among them, and what hangs on what."""

    def __init__(self, lines: _Lines) -> None:
        self.lines = lines
        self.is_degrees = True
        self.position = np.zeros(3)
        self.bones: dict[str, _Bone] = {}
        self.parents: dict[str, str] = {"root": ""}
        sections = _sections(lines)
        for name in (":root", ":bonedata", ":hierarchy"):
            if name not in sections:
                raise DataError(f"{lines.source} is no ASF: it has no section {name!r}.")
        for line, words in sections.get(":units", []):
            if words[0] == "angle":
                self.is_degrees = _is_degrees(lines, line, words[-1])
        self._read_root(sections[":root"])
        for block in _blocks(lines, sections[":bonedata"]):
            self._read_bone(block)
        for line, words in [row for block in _blocks(lines, sections[":hierarchy"]) for row in block]:
            self._hang(line, words)
        loose = sorted(set(self.bones) - set(self.parents))
        if loose:
            raise DataError(f"{lines.source}: these bones hang on nothing: {', '.join(loose)}.")

    def _radians(self, values: list[float]) -> FloatArray:
        return np.radians(values) if self.is_degrees else np.array(values)

    def _own_axes(self, line: int, angles: list[float], order: str) -> FloatArray:
        """Acclaim's "XYZ" turns about x first, so the turn about x stands rightmost."""
        if sorted(order.upper()) != ["X", "Y", "Z"]:
            self.lines.fail(line, f"an order of axes such as XYZ was expected, found {order!r}")
        axes = ["XYZ".index(axis) for axis in order.upper()]
        return turns(axes[::-1], self._radians(angles)[axes[::-1]])

    def _read_root(self, rows: list[tuple[int, list[str]]]) -> None:
        found = {words[0]: (line, words[1:]) for line, words in rows}
        for key in ("order", "position", "orientation"):
            if key not in found:
                raise DataError(f"{self.lines.source}: the section ':root' does not tell its {key!r}.")
        line, words = found["order"]
        dof = [word.lower() for word in words]
        if not dof or not set(dof) <= {*_AXES, *_PLACES} or len(set(dof)) != len(dof):
            self.lines.fail(line, f"TX TY TZ RX RY RZ in any order were expected, found {' '.join(words)!r}")
        line, words = found["position"]
        self.position = np.array(self.lines.numbers(line, words, 3))
        line, words = found["orientation"]
        if any(self.lines.numbers(line, words, 3)):
            self.lines.fail(line, "an orientation of 0 0 0 was expected; programs do not agree what another one means")
        self.bones["root"] = _Bone(np.eye(3), dof, np.zeros(3))

    def _read_bone(self, rows: list[tuple[int, list[str]]]) -> None:
        found = {words[0]: (line, words[1:]) for line, words in rows}
        first = rows[0][0]
        for key in ("name", "direction", "length", "axis"):
            if key not in found:
                self.lines.fail(first, f"this bone does not tell its {key!r}")
        name = " ".join(found["name"][1])
        if not name:
            self.lines.fail(found["name"][0], "this bone has no name")
        if name in self.bones:
            self.lines.fail(found["name"][0], f"there is a bone {name!r} already")
        direction = np.array(self.lines.numbers(*found["direction"], 3))
        length = self.lines.numbers(*found["length"], 1)[0]
        line, words = found["axis"]
        axis = self._own_axes(line, self.lines.numbers(line, words[:3], 3), "".join(words[3:]))
        line, words = found.get("dof", (first, []))
        dof = [word.lower() for word in words]
        if not set(dof) <= set(_AXES) or len(set(dof)) != len(dof):
            self.lines.fail(line, f"of rx, ry and rz each at most once was expected, found {' '.join(words)!r}")
        self.bones[name] = _Bone(axis, dof, direction * length)

    def _hang(self, line: int, words: list[str]) -> None:
        for name in words:
            if name not in self.bones:
                self.lines.fail(line, f"there is no bone {name!r}")
        if words[0] not in self.parents:
            self.lines.fail(line, f"{words[0]!r} must hang on a bone before others hang on it")
        for name in words[1:]:
            if name in self.parents:
                self.lines.fail(line, f"{name!r} hangs on {self.parents[name] or 'nothing'!r} already")
            self.parents[name] = words[0]


def _read_motion(skeleton: _Skeleton, lines: _Lines, fps: float) -> Mocap:
    rows, is_degrees = lines.rows, skeleton.is_degrees
    start = 0
    while start < len(rows) and rows[start][1][0].startswith(":"):
        line, words = rows[start]
        keyword = words[0].upper()
        if keyword in (":DEGREES", ":RADIANS"):
            is_degrees = keyword == ":DEGREES"
        elif keyword == ":SAMPLES-PER-SECOND":
            fps = lines.numbers(line, words[1:], 1)[0]
        elif keyword != ":FULLY-SPECIFIED":
            lines.fail(line, f"{words[0]!r} is not known; fully specified motion is read")
        start += 1
    if not fps > 0:
        raise DataError(f"{lines.source}: {fps} frames a second; a rate above 0 was expected.")
    values = _frames(skeleton, lines, rows[start:])
    joints = tuple(skeleton.parents)  # in the order in which they are hung, a parent before its children
    count = len(next(iter(values.values())))
    rotations = np.empty((count, len(joints), 3, 3))
    for joint, name in enumerate(joints):
        bone = skeleton.bones[name]
        places = [place for place, dof in enumerate(bone.dof) if dof in _AXES][::-1]  # the first one turns first
        angles = values[name][:, places] if places else np.zeros((count, 0))
        moved = turns([_AXES[bone.dof[place]] for place in places], np.radians(angles) if is_degrees else angles)
        rotations[:, joint] = bone.axis @ moved @ bone.axis.T
    root = np.tile(skeleton.position, (count, 1))
    for place, dof in enumerate(skeleton.bones["root"].dof):
        if dof in _PLACES:
            root[:, _PLACES[dof]] += values["root"][:, place]
    parents = [skeleton.parents[name] for name in joints]
    return Mocap(
        source=lines.source,
        joints=joints,
        parents=tuple(joints.index(parent) if parent else -1 for parent in parents),
        offsets=np.array([skeleton.bones[parent].vector if parent else np.zeros(3) for parent in parents]),
        ends={name: skeleton.bones[name].vector for name in joints if name not in parents},
        rotations=rotations,
        root=root,
        fps=float(fps),
    )


def _frames(skeleton: _Skeleton, lines: _Lines, rows: list[tuple[int, list[str]]]) -> dict[str, FloatArray]:
    """What the frames say of each bone, (T, its dof); a bone that cannot move is left out."""
    sizes = {name: len(bone.dof) for name, bone in skeleton.bones.items()}
    moving = {name for name, size in sizes.items() if size}
    said: dict[str, list[list[str]]] = {name: [] for name in sizes}
    starts = [index for index, (_, words) in enumerate(rows) if len(words) == 1 and words[0].isdecimal()]
    if not starts or starts[0] != 0:
        lines.fail(rows[0][0] if rows else 1, "the number of the first frame was expected")
    for frame, (start, end) in enumerate(zip(starts, [*starts[1:], len(rows)], strict=True)):
        line, words = rows[start]
        if int(words[0]) != int(rows[0][1][0]) + frame:
            lines.fail(line, f"frame {int(rows[0][1][0]) + frame} was expected, found {words[0]}")
        seen = {words[0] for _, words in rows[start + 1 : end]}
        if not moving <= seen:
            lines.fail(line, f"this frame does not tell of {', '.join(sorted(moving - seen))}; is the file cut off?")
        for line, words in rows[start + 1 : end]:
            name = words[0]
            if name not in sizes:
                lines.fail(line, f"the skeleton in {skeleton.lines.source} has no bone {name!r}")
            if len(words) - 1 != sizes[name] or len(said[name]) > frame:
                lines.fail(line, f"{sizes[name]} number(s) of {name!r}, once, were expected")
            said[name].append(words[1:])
    return {name: _to_array(lines, rows, name, said[name], sizes[name]) for name in sizes}


def _to_array(
    lines: _Lines, rows: list[tuple[int, list[str]]], name: str, words: list[list[str]], size: int
) -> FloatArray:
    if not size:
        return np.zeros((len(words), 0))
    try:
        values = np.array(words, dtype=np.float64)
        if np.isfinite(values).all():
            return values
    except ValueError:
        pass  # the line is found below
    for line, found in rows:
        if found[0] == name:
            lines.numbers(line, found[1:], size)
    raise DataError(f"{lines.source}: the numbers of {name!r} cannot be read.")


def _sections(lines: _Lines) -> dict[str, list[tuple[int, list[str]]]]:
    """The rows below each keyword. What stands on the keyword's own line (a version, a name) is of no use here."""
    sections: dict[str, list[tuple[int, list[str]]]] = {}
    rows: list[tuple[int, list[str]]] = []
    for line, words in lines.rows:
        if words[0].startswith(":"):
            rows = sections.setdefault(words[0].lower(), [])
        else:
            rows.append((line, words))
    return sections


def _blocks(lines: _Lines, rows: list[tuple[int, list[str]]]) -> list[list[tuple[int, list[str]]]]:
    """The rows between each "begin" and its "end"."""
    blocks: list[list[tuple[int, list[str]]]] = []
    is_open = False
    for line, words in rows:
        if words in (["begin"], ["end"]):
            if is_open == (words == ["begin"]):
                lines.fail(line, f"{words[0]!r} was not expected here")
            is_open = words == ["begin"]
            if is_open:
                blocks.append([])
        elif not is_open:
            lines.fail(line, f"'begin' was expected, found {words[0]!r}")
        else:
            blocks[-1].append((line, words))
    if is_open or not all(blocks):
        lines.fail(rows[-1][0], "a block without an 'end', or with nothing in it; is the file cut off?")
    return blocks


def _is_degrees(lines: _Lines, line: int, word: str) -> bool:
    if word not in ("deg", "rad"):
        lines.fail(line, f"angles in 'deg' or 'rad' were expected, found {word!r}")
    return word == "deg"
