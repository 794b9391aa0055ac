"""Frames of a motion as pictures: a shaded body on a tiled floor, shadow and path. Shared by PNG, GIF and MP4."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np

from actiongpt_core.body.stick import StickBody
from actiongpt_core.export.raster import ByteArray, Camera, FloatArray, IntArray, draw_mesh, mesh_mask
from actiongpt_core.geometry.clips import facing
from actiongpt_core.types.motion import Motion

if TYPE_CHECKING:
    from PIL.Image import Image

Colour = tuple[int, int, int]

BACKGROUND: Colour = (247, 247, 245)
LEFT: Colour = (240, 134, 46)
RIGHT: Colour = (52, 116, 196)
MIDDLE: Colour = (198, 192, 184)
TRAIL: Colour = (196, 70, 88)
INK: Colour = (58, 58, 62)

_SUPERSAMPLING = 2
_TILE = 0.5  # metres
_ELEVATION = math.radians(17.0)
_ASIDE = math.radians(44.0)  # the camera stands this far to the body's left of straight ahead
_SWAY = 0.15  # metres; whoever moves less stays on the spot and leaves no path
_HEADROOM = 0.14  # metres left free around the body
_LIMBS = ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist", "hand")


def blend(over: Colour, under: Colour, weight: float) -> Colour:
    """A mixture of two colours, `weight` of the first."""
    red, green, blue = (round(weight * a + (1 - weight) * b) for a, b in zip(over, under, strict=True))
    return red, green, blue


@attrs.frozen(eq=False, kw_only=True)
class Scene:
    """Some frames of one motion, ready to be drawn by one camera that follows the body over the ground."""

    camera: Camera
    vertices: FloatArray  #: (frames, V, 3), metres
    faces: IntArray  #: (N, 3)
    colours: FloatArray  #: (V, 3), 0 to 1
    targets: FloatArray  #: where the camera looks in each frame, (frames, 3), metres
    path: FloatArray  #: ground position of the pelvis in every frame of the motion, (T, 2), metres
    indices: tuple[int, ...]  #: which frames of the motion these are

    def draw(self, number: int) -> Image:
        """The picture of one of the scene's frames."""
        from PIL import Image

        x, y, z = (float(value) for value in self.targets[number])
        camera = attrs.evolve(self.camera, target=(x, y, z))
        vertices = self.vertices[number]
        ground = self._ground(camera.at_scale(1.0 / _SUPERSAMPLING), number)
        # The floor is soft and can be drawn small; the body's outline is drawn large and reduced.
        picture = np.repeat(np.repeat(ground, _SUPERSAMPLING, axis=0), _SUPERSAMPLING, axis=1)
        draw_mesh(picture, camera, vertices, self.faces, self.colours)
        return Image.fromarray(picture).reduce(_SUPERSAMPLING)

    def _ground(self, camera: Camera, number: int) -> ByteArray:
        """Floor, shadow and path, (height, width, 3)."""
        picture = _floor(camera)
        picture *= 1.0 - 0.34 * _shadow(camera, self.vertices[number], self.faces)[..., None]
        picture = self._trail(picture, camera, number)
        return (picture * 255.0 + 0.5).astype(np.uint8)

    def _trail(self, picture: FloatArray, camera: Camera, number: int) -> FloatArray:
        """The way of the pelvis so far, on the ground."""
        from PIL import Image, ImageDraw

        path = self.path[: self.indices[number] + 1]
        if np.ptp(path, axis=0).max() < _SWAY:
            return picture
        line = camera.project(np.concatenate([path, np.zeros_like(path[:, :1])], axis=1))[:, :2]
        mask = Image.new("L", (camera.size[0] * 2, camera.size[1] * 2))
        draw = ImageDraw.Draw(mask)
        draw.line([(2 * float(x), 2 * float(y)) for x, y in line], fill=215, width=5, joint="curve")
        x, y = (2 * float(v) for v in line[0])
        draw.ellipse([x - 9, y - 5, x + 9, y + 5], fill=235)
        weight = np.asarray(mask.reduce(2), dtype=np.float32)[..., None] / 255.0
        return picture * (1.0 - weight) + np.asarray(TRAIL, dtype=np.float32) / 255.0 * weight


def build_scene(motion: Motion, indices: Sequence[int], size: tuple[int, int]) -> Scene:
    """Prepare frames of a motion for drawing.

    The camera looks from the body's front left, as it stands in the first frame, as near as all the frames allow.

    Args:
        motion: Any motion; the body is a `StickBody` of its skeleton.
        indices: The frames to draw.
        size: Width and height of a frame's picture, pixels.
    """
    body = StickBody(motion.skeleton)
    chosen = list(indices)
    some = Motion(
        rotations=motion.rotations[chosen],
        translation=motion.translation[chosen],
        fps=motion.fps,
        skeleton=motion.skeleton,
    )
    vertices, faces = (tensor.detach().cpu().numpy() for tensor in body.mesh(some))
    path = motion.translation[:, :2].detach().cpu().numpy().astype(np.float32)
    targets = np.concatenate([_smooth(path, motion.fps)[chosen], np.zeros((len(chosen), 1), np.float32)], axis=1)
    azimuth = float(facing(motion.rotations[0, 0])) + _ASIDE
    return Scene(
        camera=_fit(vertices.astype(np.float32), targets, azimuth, size),
        vertices=vertices.astype(np.float32),
        faces=faces,
        colours=body_colours(body),
        targets=targets,
        path=path,
        indices=tuple(chosen),
    )


def at_one_scale(scenes: Sequence[Scene]) -> list[Scene]:
    """Scenes of pictures of one size, all seen from as far away as the farthest: their bodies can be compared."""
    cameras = [scene.camera for scene in scenes]
    height = cameras[0].size[1]
    above = max(camera.anchor[1] / camera.scale for camera in cameras)
    below = max((height - camera.anchor[1]) / camera.scale for camera in cameras)
    scale = min(height / (above + below), *(camera.scale for camera in cameras))
    foot = (height + scale * (above - below)) / 2.0
    same = [attrs.evolve(camera, scale=scale, anchor=(camera.anchor[0], foot)) for camera in cameras]
    return [attrs.evolve(scene, camera=camera) for scene, camera in zip(scenes, same, strict=True)]


def _fit(vertices: FloatArray, targets: FloatArray, azimuth: float, size: tuple[int, int]) -> Camera:
    """The nearest camera that keeps every frame's body in the picture."""
    large = (size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING)
    probe = Camera(azimuth=azimuth, elevation=_ELEVATION, scale=1.0, size=large, anchor=(0.0, 0.0))
    flat = probe.project(vertices - targets[:, None])[..., :2].reshape(-1, 2)
    # The ground under the body belongs into the picture too, else a jump looks like standing.
    low, high = np.minimum(flat.min(0), (-0.4, -1.5)) - _HEADROOM, np.maximum(flat.max(0), (0.4, 0.2)) + _HEADROOM
    # Left and right get the same room, so that the body stays in the middle.
    half = float(np.abs([low[0], high[0]]).max())
    scale = min(large[0] / (2 * half), large[1] / float(high[1] - low[1]))
    middle = (low[1] + high[1]) / 2.0
    return attrs.evolve(probe, scale=scale, anchor=(large[0] / 2, large[1] / 2 - float(middle) * scale))


def _smooth(path: FloatArray, fps: float) -> FloatArray:
    """A moving mean over about half a second: the camera follows the walk, not the sway of the hips. (T, 2)."""
    radius = min(round(fps / 4), (len(path) - 1) // 2)
    if radius < 1:
        return path
    padded = np.pad(path.astype(np.float64), ((radius + 1, radius), (0, 0)), mode="edge")
    total = np.cumsum(padded, axis=0)
    width = 2 * radius + 1
    return ((total[width:] - total[:-width]) / width).astype(np.float32)


def _floor(camera: Camera) -> FloatArray:
    """Tiles fixed to the world, fading with the distance from the target; (height, width, 3), 0 to 1."""
    x, y = camera.ground()
    # Edges are ramps one pixel wide, so that the floor need not be drawn large first.
    ramp = 2.0 * camera.scale * _TILE / np.pi
    wave = np.clip(np.sin(x * (np.pi / _TILE)) * ramp, -1, 1) * np.clip(np.sin(y * (np.pi / _TILE)) * ramp, -1, 1)
    near = np.exp(-((x - camera.target[0]) ** 2 + (y - camera.target[1]) ** 2) / 2.6)
    light, dark, ground = (
        np.asarray(colour, dtype=np.float32) / 255.0 for colour in (BACKGROUND, (212, 216, 218), (235, 237, 237))
    )
    tile = (dark + ground) / 2.0 - light + wave[..., None] * (dark - ground) / 2.0
    return np.asarray(light + tile * near[..., None], dtype=np.float32)


def _shadow(camera: Camera, vertices: FloatArray, faces: IntArray) -> FloatArray:
    """How much of the light each ground pixel loses, (height, width), 0 to 1: the body dropped onto the ground."""
    dropped = vertices * np.asarray([1.0, 1.0, 0.0], dtype=np.float32)
    mask = mesh_mask(camera, dropped, faces).astype(np.float32)
    soft: FloatArray = mask.copy()
    soft[1:-1, 1:-1] = (mask[:-2, 1:-1] + mask[2:, 1:-1] + mask[1:-1, :-2] + mask[1:-1, 2:] + 2 * mask[1:-1, 1:-1]) / 6
    return soft


def side_of(joint_name: str) -> str:
    """Which colour a joint's part of the body has: "left" and "right" for limbs, else "middle"."""
    side, _, part = joint_name.partition("_")
    return side if side in ("left", "right") and part in _LIMBS else "middle"


def body_colours(body: StickBody) -> FloatArray:
    """Left limbs in one colour, right limbs in another, the rest in a third; (V, 3), 0 to 1."""
    colours = {"left": LEFT, "right": RIGHT, "middle": MIDDLE}
    palette = [colours[side_of(name)] for name in body.skeleton.joint_names]
    chosen: FloatArray = np.asarray(palette, dtype=np.float32) / 255.0
    return np.take(chosen, body.vertex_joints.numpy(), axis=0)
