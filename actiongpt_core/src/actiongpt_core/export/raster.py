"""Shaded triangles into a picture: an orthographic camera and a z-buffer, on numpy alone."""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
ByteArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

#: Unit vector to the light in the camera's own axes (right, up, towards the viewer): over the viewer's left shoulder.
_LIGHT = np.array([-0.42, 0.60, 0.68], dtype=np.float32) / np.float32(math.sqrt(0.42**2 + 0.60**2 + 0.68**2))


@attrs.frozen(eq=False, kw_only=True)
class Camera:
    """An orthographic camera over a ground with Z up.

    Picture coordinates: x to the right and y down in pixels, depth towards the viewer in metres.
    """

    azimuth: float  #: angle in the ground plane from +x to where the camera stands, seen from the target, radians
    elevation: float  #: above the ground, radians
    scale: float  #: pixels a metre
    size: tuple[int, int]  #: width, height in pixels
    anchor: tuple[float, float]  #: the pixel at which the target stands
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)  #: metres

    @property
    def axes(self) -> FloatArray:
        """Right, up, towards the viewer: rows (3, 3) in world coordinates."""
        sin_a, cos_a = math.sin(self.azimuth), math.cos(self.azimuth)
        sin_e, cos_e = math.sin(self.elevation), math.cos(self.elevation)
        rows = [[-sin_a, cos_a, 0.0], [-cos_a * sin_e, -sin_a * sin_e, cos_e], [cos_a * cos_e, sin_a * cos_e, sin_e]]
        return np.asarray(rows, dtype=np.float32)

    def at_scale(self, factor: float) -> Camera:
        """The same view in a picture of another size."""
        return attrs.evolve(
            self,
            scale=self.scale * factor,
            size=(round(self.size[0] * factor), round(self.size[1] * factor)),
            anchor=(self.anchor[0] * factor, self.anchor[1] * factor),
        )

    def project(self, points: NDArray[np.floating]) -> FloatArray:
        """World points (..., 3) in metres to (..., 3): x and y in pixels, depth in metres."""
        local = ((points - np.asarray(self.target)) @ self.axes.T).astype(np.float32)
        x = self.anchor[0] + local[..., 0] * self.scale
        y = self.anchor[1] - local[..., 1] * self.scale
        return np.stack([x, y, local[..., 2]], axis=-1)

    def ground(self) -> tuple[FloatArray, FloatArray]:
        """World x and y of the ground (z = 0) under the middle of each pixel, (height, width) each, metres."""
        width, height = self.size
        right, up, _ = self.axes
        a = ((np.arange(width, dtype=np.float32) + 0.5 - self.anchor[0]) / self.scale)[None, :]
        b = ((self.anchor[1] - np.arange(height, dtype=np.float32) - 0.5) / self.scale)[:, None]
        # A point of the ground at distance d behind the target's foot shows d * sin(elevation) higher.
        lift = (b + up[2] * self.target[2]) / math.sin(self.elevation)
        away = np.array([-math.cos(self.azimuth), -math.sin(self.azimuth)], dtype=np.float32)
        return self.target[0] + a * right[0] + lift * away[0], self.target[1] + a * right[1] + lift * away[1]


def vertex_normals(vertices: FloatArray, faces: IntArray) -> FloatArray:
    """Unit normals (V, 3), the area-weighted mean over the faces around each vertex."""
    corners = vertices[faces]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(face[:, i], 3), minlength=len(vertices)) for i in range(3)], axis=1
    )
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(total / np.maximum(lengths, 1e-12), dtype=np.float32)


def draw_mesh(picture: ByteArray, camera: Camera, vertices: FloatArray, faces: IntArray, colours: FloatArray) -> None:
    """Draw a shaded mesh over a picture, in place.

    Args:
        picture: (height, width, 3), 0 to 255.
        camera: Its size is the picture's.
        vertices: World positions, (V, 3), metres.
        faces: (N, 3), counter-clockwise seen from outside; faces turned away are not drawn.
        colours: One colour a vertex, (V, 3), 0 to 1.
    """
    pixels, corners, weights = _visible(camera.project(vertices), faces, camera.size)
    normals = (vertex_normals(vertices, faces) @ camera.axes.T).astype(np.float32)
    normal = np.einsum("pc,pcd->pd", weights, normals[corners])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    lambert = np.maximum(normal @ _LIGHT, 0.0)
    # Surfaces that turn away from the viewer darken a little: it draws an outline between limbs and torso.
    rim = np.clip(normal[:, 2], 0.0, 1.0) ** 0.5
    shade = (0.46 + 0.62 * lambert) * (0.62 + 0.38 * rim)
    lit = np.minimum(colours[corners[:, 0]] * shade[:, None], 1.0)
    picture.reshape(-1, 3)[pixels] = (lit * 255.0 + 0.5).astype(np.uint8)


def mesh_mask(camera: Camera, vertices: FloatArray, faces: IntArray) -> BoolArray:
    """The pixels that a mesh covers, (height, width)."""
    width, height = camera.size
    mask = np.zeros(height * width, dtype=bool)
    mask[_fragments(camera.project(vertices), faces, camera.size)[0]] = True
    return mask.reshape(height, width)


def _visible(points: FloatArray, faces: IntArray, size: tuple[int, int]) -> tuple[IntArray, IntArray, FloatArray]:
    """For each covered pixel the nearest face: flat pixel index (P,), its corners (P, 3), their weights (P, 3)."""
    pixels, owners, weights = _fragments(points, faces, size)
    depth = np.einsum("pc,pc->p", weights, points[:, 2][faces[owners]])
    nearest = np.full(size[0] * size[1], -np.inf, dtype=np.float32)
    np.maximum.at(nearest, pixels, depth)
    winners = np.flatnonzero(depth == nearest[pixels])
    return pixels[winners], faces[owners[winners]], weights[winners]


def _fragments(points: FloatArray, faces: IntArray, size: tuple[int, int]) -> tuple[IntArray, IntArray, FloatArray]:
    """All (pixel, face) pairs with the pixel's middle inside the face and the face towards the viewer.

    Returns:
        flat pixel index (P,), face index (P,), barycentric weights (P, 3).
    """
    corners = points[faces, :2]
    along, beside = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    # y runs down, so a face that is counter-clockwise to the viewer has a negative area here.
    area = along[:, 0] * beside[:, 1] - along[:, 1] * beside[:, 0]
    low = np.maximum(np.ceil(corners.min(1) - 0.5), 0.0)
    high = np.minimum(np.floor(corners.max(1) - 0.5), np.asarray(size, dtype=np.float32) - 1.0)
    kept = np.flatnonzero((area < -1e-6) & (high >= low).all(1))
    # 32 bits are enough for pixels, and half the memory traffic of what follows.
    low, extent = low[kept].astype(np.int32), (high - low)[kept].astype(np.int32) + 1
    counts = extent[:, 0] * extent[:, 1]
    face = np.repeat(np.arange(len(kept), dtype=np.int32), counts)
    before = (np.cumsum(counts) - counts).astype(np.int32)
    row, column = np.divmod(np.arange(len(face), dtype=np.int32) - before[face], extent[:, 0][face])
    x, y = low[:, 0][face] + column, low[:, 1][face] + row
    px, py = x.astype(np.float32) + 0.5, y.astype(np.float32) + 0.5
    a, b, c = (corners[kept, i] for i in range(3))
    first = _edge(b, c, area[kept], face, px, py)
    second = _edge(c, a, area[kept], face, px, py)
    third = 1.0 - first - second
    inside = np.flatnonzero(np.minimum(np.minimum(first, second), third) >= 0.0)
    weights = np.stack([first[inside], second[inside], third[inside]], axis=1)
    return (y * size[0] + x)[inside], kept[face[inside]], weights


def _edge(
    a: FloatArray, b: FloatArray, area: FloatArray, owner: NDArray[np.int32], px: FloatArray, py: FloatArray
) -> FloatArray:
    """Barycentric weight of the corner opposite to the edge a-b, for points (px, py) of the faces `owner`."""
    # One linear form a face, evaluated at its pixels: fewer look-ups than the corners themselves.
    along = (b - a) / area[:, None]
    constant = along[:, 1] * a[:, 0] - along[:, 0] * a[:, 1]
    weight: FloatArray = along[owner, 0] * py - along[owner, 1] * px + constant[owner]
    return weight
