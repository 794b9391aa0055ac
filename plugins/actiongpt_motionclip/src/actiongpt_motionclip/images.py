"""Rendered frames of motions as CLIP sees them: what the image terms of the training objective compare latents with.

Off by default: nothing renders unless one of these functions is called, and without image vectors the objective has no
image terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import numpy as np
import torch
from torch import Tensor

from actiongpt_core.export.render import build_scene
from actiongpt_core.geometry.clips import CANONICAL_FACING, facing
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, rotation_about_z
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL
from actiongpt_motionclip.clip_encoder import ClipImageEncoder
from actiongpt_motionclip.database import WINDOW_FRAMES, Recording
from actiongpt_motionclip.layout import stand_in_place

#: Side of a rendered frame in pixels: what the released model's image tower reads, so that nothing is resized.
IMAGE_SIZE = 224


def middle_frames(num_frames: int, window: int = WINDOW_FRAMES) -> list[int]:
    """The middle frame of each whole window; what is left at the end has no part.

    # Differs from the original, which took rendered files as they came: the released code does not say which frame of a
    # window they show.

    Args:
        num_frames: T.
        window: Frames of a window. A motion that is shorter is one window.
    """
    if num_frames < window:
        return [num_frames // 2]
    return [start + window // 2 for start in range(0, num_frames - window + 1, window)]


def render_frames(motion: Motion, frames: Sequence[int], size: int = IMAGE_SIZE) -> Tensor:
    """Pictures of single poses, drawn by the library's own renderer.

    Each shows its frame alone: over the same spot of the ground, seen from the body's front left, as large as fits. So
    a picture tells of the pose, and not of where the body stands or faces, nor of the frames around it.

    # Differs from the original, which rendered the SMPL surface; this is the body of capsules that needs no file.

    Args:
        motion: Any motion.
        frames: Which of its frames, N.
        size: Side of a picture in pixels.

    Returns:
        RGB, 0 to 255, uint8 (N, size, size, 3).
    """
    rotations, translation = motion.rotations[list(frames)].clone(), motion.translation[list(frames)].clone()
    rotations[:, 0] = rotation_about_z(CANONICAL_FACING - facing(rotations[:, 0])) @ rotations[:, 0]
    translation[:, :2] = 0.0
    poses = attrs.evolve(motion, rotations=rotations, translation=translation, starts=(0,), descriptions=())
    pictures = [build_scene(poses[i : i + 1], [0], (size, size)).draw(0) for i in range(len(poses))]
    return torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))


def image_features(motion: Motion, images: ClipImageEncoder, window: int = WINDOW_FRAMES) -> Tensor:
    """CLIP vectors of a motion's windows: of a picture of the middle frame of each.

    Args:
        motion: Any motion, W windows long.
        images: The image tower.
        window: Frames of a window; see `middle_frames`.

    Returns:
        (W, D), not normalised, float32.
    """
    return images.encode(render_frames(motion, middle_frames(motion.num_frames, window), images.size))


def add_image_features(recordings: Iterable[Recording], images: ClipImageEncoder) -> list[Recording]:
    """The recordings of a data base with a CLIP vector for each window.

    Computed once, before training, of the images that the data base holds; where it holds none, frames are rendered.
    Recordings that have vectors keep them.

    Args:
        recordings: From `read_database`.
        images: The image tower of the CLIP whose text tower the model is trained with.
    """
    return [
        recording
        if recording.image_features is not None or not recording.num_windows
        else attrs.evolve(recording, image_features=_features(recording, images).cpu().numpy())
        for recording in recordings
    ]


def _features(recording: Recording, images: ClipImageEncoder) -> Tensor:
    if recording.images is not None:
        return images.encode(recording.images)
    rotations = axis_angle_to_matrix(torch.from_numpy(recording.thetas).float().unflatten(1, (-1, 3)))
    motion = Motion(rotations=rotations, translation=stand_in_place(rotations, SMPL), fps=30.0, skeleton=SMPL)
    return image_features(motion, images)
