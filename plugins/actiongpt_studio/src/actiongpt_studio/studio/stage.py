"""Bodies in the browser's scene: one skinned mesh each, whose bones are moved frame by frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
import torch
import viser
from numpy.typing import NDArray

from actiongpt_core import Motion
from actiongpt_core.body.stick import StickBody
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import matrix_to_quaternion

_SPACING = 1.6  #: metres between bodies that play side by side
_VIEW = 0.75  #: radians that the camera sees from top to bottom
_MARGIN = 1.1  #: metres around the ways of the bodies
_FROM = np.array([0.55, -0.8, 0.35])  #: where the camera stands, seen from the bodies
_COLOURS = ((86, 140, 220), (226, 134, 74), (98, 170, 110), (170, 110, 190))


def bone_poses(motion: Motion) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """World poses of the joints: quaternions w first (T, J, 4), and positions (T, J, 3) in metres, Z up."""
    joints, rotations = forward_kinematics(motion.rotations.double(), motion.translation.double(), motion.skeleton)
    return matrix_to_quaternion(rotations).numpy(), joints.numpy()


class Stage:
    """What one client sees, and its clock.

    Args:
        client: The tab.
    """

    def __init__(self, client: viser.ClientHandle) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._bodies: list[tuple[viser.MeshSkinnedHandle, NDArray[np.float64], NDArray[np.float64]]] = []
        self.fps, self.num_frames, self.frame = 20.0, 0, 0

    def show(self, motions: Sequence[Motion]) -> None:
        """Replace the bodies by those of these motions, side by side, at their first frame."""
        with self._lock, self._client.atomic():
            for mesh, _, _ in self._bodies:
                mesh.remove()
            self._bodies = [self._add(index, motion, len(motions)) for index, motion in enumerate(motions)]
            self.fps, self.num_frames = motions[0].fps, max(motion.num_frames for motion in motions)
        self.seek(0)
        self._look_at([positions[:, 0] for _, _, positions in self._bodies])

    def _look_at(self, paths: Sequence[NDArray[np.float64]]) -> None:
        """Put the camera where it sees the whole way of every body, from the front left."""
        places = np.concatenate(paths)
        low, high = places.min(0)[:2], places.max(0)[:2]
        camera = self._client.camera
        tall = camera.aspect < 1.0  # a phone: the panel covers the lower half, so the bodies go to the upper one
        away = (np.linalg.norm(high - low) / 2 + _MARGIN) / np.tan(_VIEW / 2) / min(camera.aspect, 1.0)
        target = np.array([*(low + high) / 2, 0.9 - (0.14 * away if tall else 0.0)])
        camera.fov = _VIEW
        camera.position = target + away * _FROM / np.linalg.norm(_FROM)
        camera.look_at = target

    def seek(self, frame: int) -> None:
        """Put every body at a frame; a shorter motion stays at its last."""
        with self._lock, self._client.atomic():
            self.frame = frame
            for mesh, quaternions, positions in self._bodies:
                at = min(frame, len(quaternions) - 1)
                for bone, wxyz, position in zip(mesh.bones, quaternions[at], positions[at], strict=True):
                    bone.wxyz, bone.position = wxyz, position

    def _add(
        self, index: int, motion: Motion, count: int
    ) -> tuple[viser.MeshSkinnedHandle, NDArray[np.float64], NDArray[np.float64]]:
        body = StickBody(motion.skeleton)
        rest = Motion(
            rotations=torch.eye(3).repeat(1, motion.skeleton.num_joints, 1, 1),
            translation=torch.zeros(1, 3),
            fps=motion.fps,
            skeleton=motion.skeleton,
        )
        vertices, faces = body.mesh(rest)
        quaternions, positions = bone_poses(motion)
        rest_quaternions, rest_positions = bone_poses(rest)
        weights = np.eye(motion.skeleton.num_joints)[body.vertex_joints.numpy()]
        mesh = self._client.scene.add_mesh_skinned(
            f"/body/{index}",
            vertices[0].numpy(),
            faces.numpy(),
            bone_wxyzs=rest_quaternions[0],
            bone_positions=rest_positions[0],
            skin_weights=weights,
            color=_COLOURS[index % len(_COLOURS)],
        )
        positions = positions + np.array([(index - (count - 1) / 2) * _SPACING, 0.0, 0.0])
        return mesh, quaternions, positions


def frame_after(frame: int, num_frames: int) -> int:
    """The next frame of a motion that begins again at its end."""
    return (frame + 1) % max(num_frames, 1)


def pause(started: float, fps: float, speed: float) -> None:
    """Sleep until the next frame is due, counted from when this one began."""
    time.sleep(max(started + 1.0 / (fps * speed) - time.perf_counter(), 0.001))
