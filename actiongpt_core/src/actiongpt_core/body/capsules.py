"""Capsule surfaces in the rest pose: what `StickBody` moves rigidly with its joints."""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Point = tuple[float, float, float]

_SEGMENTS = 12  #: vertices around a capsule
_CAP_RINGS = 3  #: rings of one rounded end, its rim included
_SHAFT_RINGS = 2  #: rings between the two ends


@attrs.frozen
class Capsule:
    """A rounded cone, fixed to one joint. Rest axes of the joint: x to the body's left, y up, z forward; metres."""

    joint: int  #: the joint that carries it
    start: Point  #: centre of the first end, from the joint
    end: Point
    start_radius: float
    end_radius: float
    width: float = 1.0  #: factor on the radius across the capsule, along x as far as the axis allows


def capsule_mesh(capsule: Capsule) -> tuple[FloatArray, IntArray]:
    """The closed surface of one capsule.

    Returns:
        vertices (V, 3) in the joint's rest axes, metres, and faces (N, 3), counter-clockwise seen from outside.
    """
    start, end = np.asarray(capsule.start), np.asarray(capsule.end)
    axis, across, deep = _frame(end - start)
    turn = np.linspace(0.0, 2.0 * math.pi, _SEGMENTS, endpoint=False)
    circle = np.cos(turn)[:, None] * across * capsule.width + np.sin(turn)[:, None] * deep
    rise = np.linspace(0.0, math.pi / 2.0, _CAP_RINGS + 1)[:-1]
    rings = [start + capsule.start_radius * (np.cos(a) * circle - np.sin(a) * axis) for a in rise[::-1]]
    # Rings along the shaft: long thin triangles are slow to draw and badly shaded.
    for t in np.linspace(0.0, 1.0, _SHAFT_RINGS + 2)[1:-1]:
        rings.append((1 - t) * start + t * end + ((1 - t) * capsule.start_radius + t * capsule.end_radius) * circle)
    rings += [end + capsule.end_radius * (np.cos(a) * circle + np.sin(a) * axis) for a in rise]
    poles = [start - capsule.start_radius * axis, end + capsule.end_radius * axis]
    return np.concatenate([*rings, np.stack(poles)]), _faces(len(rings))


def _frame(direction: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A right-handed triple (axis, across, deep) of unit vectors, `across` near x, or near z for an axis along x."""
    length = float(np.linalg.norm(direction))
    axis = direction / length if length > 1e-9 else np.array([0.0, 1.0, 0.0])
    hint = np.array([1.0, 0.0, 0.0]) if abs(axis[0]) < 0.9 else np.array([0.0, 0.0, 1.0])
    across = hint - axis * (hint @ axis)
    across /= np.linalg.norm(across)
    return axis, across, np.cross(axis, across)


def _faces(num_rings: int) -> IntArray:
    """Quads between neighbouring rings, cut in two, and a fan around each pole."""
    here = np.arange(_SEGMENTS)
    after = (here + 1) % _SEGMENTS
    faces = []
    for ring in range(num_rings - 1):
        low, high = ring * _SEGMENTS, (ring + 1) * _SEGMENTS
        faces.append(np.stack([low + here, low + after, high + after], axis=1))
        faces.append(np.stack([low + here, high + after, high + here], axis=1))
    first, last = num_rings * _SEGMENTS, num_rings * _SEGMENTS + 1
    top = (num_rings - 1) * _SEGMENTS
    faces.append(np.stack([np.full(_SEGMENTS, first), after, here], axis=1))
    faces.append(np.stack([np.full(_SEGMENTS, last), top + here, top + after], axis=1))
    return np.concatenate(faces)
