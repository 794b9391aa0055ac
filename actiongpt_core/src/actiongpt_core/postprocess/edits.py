"""Edits: another frame rate, a part, a loop, the mirror image, one after the other, another heading."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import torch

from actiongpt_core.errors import ConfigError
from actiongpt_core.geometry import clips
from actiongpt_core.geometry.joining import join_actions
from actiongpt_core.geometry.rotations import rotation_about_z
from actiongpt_core.text.sides import mirror_text
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import Action, Descriptions

_MOST_FPS = 1000.0


def resample(motion: Motion, fps: float) -> Motion:
    """The same motion at another frame rate; see `actiongpt_core.geometry.clips.resample`.

    Raises:
        ConfigError: The rate is not a positive number of at most 1,000.
    """
    if not (math.isfinite(fps) and 0 < fps <= _MOST_FPS):
        raise ConfigError(f"fps must be a positive number of at most {_MOST_FPS:g}, got {fps}.")
    rotations, translation = clips.resample(motion.rotations, motion.translation, motion.fps, fps)
    last = len(rotations) - 1
    found = {min(round(start * fps / motion.fps), last): action for action, start in enumerate(motion.starts)}
    told = tuple(motion.descriptions[action] for action in found.values()) if motion.descriptions else ()
    return attrs.evolve(
        motion, rotations=rotations, translation=translation, fps=fps, starts=tuple(found), descriptions=told
    )


def trim(motion: Motion, start: float = 0.0, end: float | None = None) -> Motion:
    """The part from one time to another, seconds; where the body stands and faces is kept.

    Raises:
        ConfigError: There is no frame between the times.
    """
    stop = motion.seconds if end is None else end
    first, last = round(start * motion.fps), min(round(stop * motion.fps), motion.num_frames)
    if not (0 <= first < last):
        raise ConfigError(f"The motion is {motion.seconds:.2f} s long; nothing is between {start} s and {stop} s.")
    return motion[first:last]


def loop(motion: Motion, *, seconds: float = 0.4, travelling: bool = False) -> Motion:
    """The motion with an end from which it can begin again without a jump.

    Args:
        motion: One round.
        seconds: Of the frames that are added to go over from the last pose to the first.
        travelling: The next round begins where this one ends, facing as it ends; otherwise the body glides back to
            where it began.

    Raises:
        ConfigError: seconds is not a positive number.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        raise ConfigError(f"A loop needs a positive number of seconds to go over in, got {seconds}.")
    first_rotation, first_place = motion.rotations[:1], motion.translation[:1]
    if travelling:
        first_rotation, first_place = clips.align_full(
            first_rotation, first_place, motion.rotations[-1, 0], motion.translation[-1], heading=clips.facing
        )
    between = clips.bridge(
        (motion.rotations[-1], first_rotation[0]),
        (motion.translation[-1], first_place[0]),
        max(round(seconds * motion.fps) - 1, 1),
    )
    return attrs.evolve(
        motion,
        rotations=torch.cat([motion.rotations, between[0].to(motion.rotations)]),
        translation=torch.cat([motion.translation, between[1].to(motion.translation)]),
    )


def mirror(motion: Motion) -> Motion:
    """The mirror image: left and right swap, in the texts too; where it begins and faces at first is kept.

    Raises:
        ConfigError: A joint of one side has no twin on the other.
    """
    try:
        twins = list(motion.skeleton.mirror)
    except KeyError as error:
        raise ConfigError(f"This motion has no mirror image: {error.args[0]}") from None
    across = torch.diag(motion.rotations.new_tensor([-1.0, 1.0, 1.0]))  # x is to the left at rest
    rotations = across @ motion.rotations[:, twins] @ across
    # In the world the mirror stands along the first frame's facing direction.
    angle = clips.facing(motion.rotations[0, 0])
    left = torch.stack([-angle.sin(), angle.cos(), torch.zeros_like(angle)])
    plane = torch.eye(3).to(left) - 2 * torch.outer(left, left)
    rotations[:, 0] = plane @ motion.rotations[:, 0] @ across
    start = motion.translation[:1]
    return attrs.evolve(
        motion,
        rotations=rotations,
        translation=start + (motion.translation - start) @ plane,
        descriptions=tuple(map(_mirrored, motion.descriptions)),
    )


def concatenate(motions: Sequence[Motion], *, seconds: float = 0.4) -> Motion:
    """One motion after the other, each turned and moved to where the one before ends, at the first one's frame rate.

    Args:
        motions: One or more, of one skeleton.
        seconds: Of the frames between two, in which poses go over.

    Raises:
        ConfigError: There is no motion, skeletons differ, or seconds is negative.
    """
    if not motions:
        raise ConfigError("There is nothing to join: no motion was given.")
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ConfigError(f"The seconds between two motions must be a number of at least 0, got {seconds}.")
    first = motions[0]
    if others := {motion.skeleton.name for motion in motions if motion.skeleton != first.skeleton}:
        raise ConfigError(f"Motions of skeletons {first.skeleton.name!r} and {', '.join(others)!r} cannot be joined.")
    gap = round(seconds * first.fps)
    parts = [motion if motion.fps == first.fps else resample(motion, first.fps) for motion in motions]
    begins, starts, told, frame = [], [], [], 0
    for index, part in enumerate(parts):
        begins.append(frame)
        frame += gap if index else 0
        # The frames between belong to the action that they lead to, as in generation.
        starts += [begins[-1] if start == 0 else frame + start for start in part.starts]
        told += list(part.descriptions)
        frame += len(part)
    empty = (first.rotations[:1].expand(gap, -1, -1, -1), first.translation[:1].expand(gap, -1))
    rotations, translation = (
        torch.cat([values for part in parts for values in (empty[kind], _values(part, kind))][1:]) for kind in (0, 1)
    )
    rotations, translation = join_actions(rotations, translation, begins, gap=gap)
    return attrs.evolve(
        first,
        rotations=rotations,
        translation=translation,
        starts=tuple(starts),
        descriptions=tuple(told) if len(told) == len(starts) else (),
    )


def face(motion: Motion, degrees: float) -> Motion:
    """Turn the motion about the vertical through its first place, so that it faces a direction at first.

    Args:
        motion: What to turn.
        degrees: The direction on the ground, from +x to the left: -90 is -y, as clips face that models make.

    Raises:
        ConfigError: degrees is not a number.
    """
    if not math.isfinite(degrees):
        raise ConfigError(f"The heading must be a number of degrees, got {degrees}.")
    turn = rotation_about_z(math.radians(degrees) - clips.facing(motion.rotations[0, 0]))
    rotations = motion.rotations.clone()
    rotations[:, 0] = turn @ rotations[:, 0]
    start = motion.translation[:1]
    return attrs.evolve(motion, rotations=rotations, translation=start + (motion.translation - start) @ turn.mT)


def _values(motion: Motion, kind: int) -> torch.Tensor:
    return (motion.rotations, motion.translation)[kind]


def _mirrored(item: Descriptions) -> Descriptions:
    action = Action(mirror_text(item.phrase), item.action.seconds)
    return attrs.evolve(item, action=action, texts=tuple(map(mirror_text, item.texts)))
