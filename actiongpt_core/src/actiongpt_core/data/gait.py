"""Walking and running: phase events, looped cycles, walking backward by reversing time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from actiongpt_core.data.clip import LabelledClip
from actiongpt_core.evaluation.measures import foot_lead
from actiongpt_core.geometry.clips import facing
from actiongpt_core.geometry.rotations import matrix_to_rot6d, rot6d_to_matrix, rotation_about_z


def left_foot_events(clip: LabelledClip) -> list[int]:
    """Frames at which the left foot is farthest in front of the right one: one phase of every gait cycle."""
    lead = foot_lead(clip.motion)
    lead = torch.nn.functional.avg_pool1d(lead[None, None], 5, 1, 2, count_include_pad=False)[0, 0]
    inner = (lead[1:-1] > lead[:-2]) & (lead[1:-1] >= lead[2:]) & (lead[1:-1] > 0.1)
    return (inner.nonzero().flatten() + 1).tolist()


def reverse_time(clip: LabelledClip, texts: tuple[str, ...]) -> LabelledClip:
    """The clip played backward, with the words for that."""
    return attrs.evolve(
        clip,
        rotations=clip.rotations.flip(0),
        translation=clip.translation.flip(0),
        texts=texts,
        source=f"{clip.source}:reversed",
    )


def set_cadence(clip: LabelledClip, events: Sequence[int], cycle: int) -> LabelledClip:
    """Warp time so that every gait cycle takes the same number of frames; steps keep their length, so speed changes.

    Clips of one text are then in phase from the first frame to the last, and their mean still walks.

    Args:
        clip: A gait.
        events: Frames of one phase, at least two; what lies before the first and after the last is cut off.
        cycle: Frames from one event to the next.
    """
    num_cycles = len(events) - 1
    frames = torch.arange(num_cycles * cycle + 1)
    which = torch.div(frames, cycle, rounding_mode="floor").clamp(max=num_cycles - 1)
    start = torch.tensor(list(events[:-1]))[which]
    length = torch.diff(torch.tensor(list(events)))[which]
    times = start + (frames - which * cycle) / cycle * length
    before = times.floor().long().clamp(max=clip.num_frames - 2)
    share = times - before
    rot6d, ends = matrix_to_rot6d(clip.rotations[before]), matrix_to_rot6d(clip.rotations[before + 1])
    rotations = rot6d_to_matrix(torch.lerp(rot6d, ends, share[:, None, None]))
    translation = torch.lerp(clip.translation[before], clip.translation[before + 1], share[:, None])
    return attrs.evolve(clip, rotations=rotations, translation=translation)


def loop_cycle(clip: LabelledClip, start: int, end: int, num_frames: int) -> LabelledClip:
    """Repeat the gait cycle [start, end) until the clip has `num_frames` frames.

    The small mismatch between the two ends is spread over the cycle; each repetition begins where the last one ended,
    walking straight on in its facing direction.
    """
    rotations, translation = _closed_cycle(clip.rotations[start : end + 1], clip.translation[start : end + 1])
    step = translation[-1] - translation[0]
    turn = facing(rotations[-1, 0]) - facing(rotations[0, 0])
    parts_r, parts_t = [], []
    origin, angle = translation[0], torch.zeros(())
    for _ in range(math.ceil(num_frames / (end - start))):
        spin = rotation_about_z(angle)
        parts_r.append(torch.cat([spin @ rotations[:-1, :1], rotations[:-1, 1:]], dim=1))
        parts_t.append(origin + (translation[:-1] - translation[0]) @ spin.T)
        origin, angle = origin + spin @ step, angle + turn
    return attrs.evolve(
        clip,
        rotations=torch.cat(parts_r)[:num_frames],
        translation=torch.cat(parts_t)[:num_frames],
        source=f"{clip.source}:looped",
    )


def _closed_cycle(rotations: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
    """Bend a cycle so that its last pose equals its first, but for heading and ground position."""
    share = torch.linspace(-0.5, 0.5, len(rotations))
    spin = rotation_about_z(facing(rotations[-1, 0]) - facing(rotations[0, 0]))
    ends = rotations[-1].clone()
    ends[0] = spin.T @ ends[0]
    gap = matrix_to_rot6d(rotations[0]) - matrix_to_rot6d(ends)
    # Root: bend in the frame of each pose's own heading, so that a turning cycle stays one.
    back = rotation_about_z(facing(rotations[:, 0]) - facing(rotations[0, 0]))[:, None]
    local = torch.cat([back.mT @ rotations[:, :1], rotations[:, 1:]], dim=1)
    bent = rot6d_to_matrix(matrix_to_rot6d(local) + share[:, None, None] * gap)
    height = translation[:, 2] + share * (translation[0, 2] - translation[-1, 2])
    closed = torch.cat([back @ bent[:, :1], bent[:, 1:]], dim=1)
    return closed, torch.cat([translation[:, :2], height[:, None]], dim=1)
