"""The 21 joints that the metrics take of motions, and batches of clips of different lengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Protocol

import torch
from torch import Tensor

from actiongpt_core.body.joint_sets import joints_to_mmmns
from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ShapeError
from actiongpt_core.features.rifke import MMM_JOINTS
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY, Skeleton

#: Clips that are computed together, of similar lengths; bounds the memory.
_BATCH = 64


class BodyWithHeels(Protocol):
    """A body that the metrics can use."""

    body_id: str

    def joints(self, motion: Motion) -> Tensor:
        """World positions of the joints, (T, J, 3), metres; the first 22 are those of the SMPL body."""
        ...

    def heels(self, motion: Motion) -> Tensor:
        """World positions of the left and the right heel, (T, 2, 3), metres."""
        ...


def protocol_id(body: BodyWithHeels | None = None) -> str:
    """Names the metrics and the body that they were measured on."""
    return f"ape-ave/{(body or StickBody()).body_id}"


def metric_joints(motion: Motion, body: BodyWithHeels | None = None) -> Tensor:
    """The 21 joints that the metrics take, (T, 21, 3), MMM order, Y up, metres.

    Args:
        motion: Any motion of the SMPL body.
        body: Whose joints and heels; None for `StickBody`, whose heels are fixed points in the ankles' frames.
    """
    return all_metric_joints([motion], body)[0]


def all_metric_joints(motions: Sequence[Motion], body: BodyWithHeels | None = None) -> list[Tensor]:
    """`metric_joints` of many motions; the frames of many of them go through the body together.

    Raises:
        ShapeError: The body cannot show a motion's skeleton.
    """
    sticks: dict[str, StickBody] = {}
    joints: list[Tensor] = []
    for start in range(0, len(motions), _BATCH):
        for group in _of_one_skeleton(motions[start : start + _BATCH]):
            skeleton = group[0].skeleton
            own = body or sticks.setdefault(skeleton.name, StickBody(skeleton))
            joints += _joints_together(group, own)
    return joints


def _of_one_skeleton(motions: Sequence[Motion]) -> Iterator[list[Motion]]:
    group: list[Motion] = []
    for motion in motions:
        if group and motion.skeleton != group[0].skeleton:
            yield group
            group = []
        group.append(motion)
    if group:
        yield group


def _joints_together(motions: Sequence[Motion], body: BodyWithHeels) -> list[Tensor]:
    ends = [0, *accumulate(map(len, motions))]
    frames = Motion(
        rotations=torch.cat([motion.rotations.cpu() for motion in motions]),
        translation=torch.cat([motion.translation.cpu() for motion in motions]),
        fps=motions[0].fps,
        skeleton=motions[0].skeleton,
    )
    joints = joints_to_mmmns(body.joints(frames), body.heels(frames)).cpu()
    return [joints[start:end] for start, end in pairwise(ends)]


def check_joints(joints: Tensor) -> None:
    """Stop unless these are joints of the metrics.

    Raises:
        ShapeError: The shape is not (T, 21, 3).
    """
    if joints.ndim != 3 or joints.shape[1:] != (len(MMM_JOINTS), 3):
        raise ShapeError(f"Joints (T, 21, 3) in MMM order expected, got {tuple(joints.shape)}; see metric_joints.")


def in_batches(
    clips: Sequence[Sequence[Tensor]], frames: Sequence[int]
) -> Iterator[tuple[list[int], list[Tensor], Tensor]]:
    """Clips of similar lengths together, each filled up with its last frame.

    Args:
        clips: For each clip one tensor or several of `frames` rows, (T, ...).
        frames: T of each clip.

    Yields:
        The clips' places; for each of a clip's tensors the batch (N, T, ...); the lengths (N,).
    """
    order = sorted(range(len(clips)), key=lambda place: frames[place])
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        lengths = torch.tensor([frames[row] for row in rows])
        places = torch.arange(int(lengths.max())).minimum(lengths[:, None] - 1)
        yield rows, [_filled(tensors, places) for tensors in zip(*(clips[row] for row in rows), strict=True)], lengths


def _filled(tensors: Sequence[Tensor], places: Tensor) -> Tensor:
    return torch.stack([tensor[frames] for tensor, frames in zip(tensors, places, strict=True)])


def body_part(motion: Motion) -> Motion:
    """The motion without hands, as data sets hold motions: 22 joints."""
    if motion.skeleton == SMPL_BODY:
        return motion
    kept = SMPL_BODY.num_joints
    return Motion(
        rotations=motion.rotations[:, :kept], translation=motion.translation, fps=motion.fps, starts=motion.starts
    )


def with_hands(motion: Motion, skeleton: Skeleton) -> Motion:
    """The motion on a skeleton that has further joints behind the motion's own; those stay as they rest."""
    frames, missing = len(motion), skeleton.num_joints - motion.skeleton.num_joints
    rest = torch.eye(3).expand(frames, missing, 3, 3)
    return Motion(
        rotations=torch.cat([motion.rotations, rest.to(motion.rotations)], dim=1),
        translation=motion.translation,
        fps=motion.fps,
        skeleton=skeleton,
        starts=motion.starts,
    )
