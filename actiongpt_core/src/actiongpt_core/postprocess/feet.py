"""Foot-skate removal: a foot that stands stays where it stands."""

from __future__ import annotations

import torch
from torch import Tensor

from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.postprocess.legs import legs, move_foot, runs, stands
from actiongpt_core.types.motion import Motion

_FADE = 0.25  #: seconds in which the shift of a stand comes and goes at the ends of the motion


def remove_foot_skate(motion: Motion) -> Motion:
    """Pin each foot to one place on the ground while it stands; hip and knee turn to reach it.

    The place is the mean of where the toe was. Between two stands the shift goes over smoothly from one to the other.
    Pelvis, trunk, the height of the feet and all bone lengths are kept.

    Source: Kovar, Schreiner, Gleicher, "Footskate Cleanup for Motion Capture Editing", SCA 2002 (without their
    stretching of bones).

    Raises:
        ConfigError: The skeleton lacks a joint of the legs.
    """
    joints = forward_kinematics(motion.rotations.double(), motion.translation.double(), motion.skeleton)[0]
    for leg in legs(motion):
        toe = joints[:, leg.toe]
        shift = torch.nn.functional.pad(_shifts(toe, stands(toe, motion.fps), motion.fps), (0, 1))
        if shift.any():
            motion = move_foot(motion, leg, shift)
    return motion


def _shifts(toe: Tensor, stand: Tensor, fps: float) -> Tensor:
    """By how much a foot is moved over the ground in each frame, (T, 2), metres."""
    shift = toe.new_zeros(len(toe), 2)
    spans = runs(stand)
    for first, stop in spans:
        shift[first:stop] = toe[first:stop, :2].mean(0) - toe[first:stop, :2]
    stops, firsts = [0, *(stop for _, stop in spans)], [*(first for first, _ in spans), len(toe)]
    for start, end in zip(stops, firsts, strict=True):
        if start == end:
            continue
        before = shift[start - 1] if start else shift.new_zeros(2)
        after = shift[end] if end < len(toe) else shift.new_zeros(2)
        count, fade = end - start, max(1, round(_FADE * fps))
        ahead = (torch.arange(1, count + 1).to(shift) / ((count if start and end < len(toe) else fade) + 1)).clamp(
            max=1
        )
        if not start:  # what comes before the first stand fades in at its end
            ahead = 1 - ahead.flip(0)
        weight = (ahead * ahead * (3 - 2 * ahead))[:, None]
        shift[start:end] = (1 - weight) * before + weight * after
    return shift
