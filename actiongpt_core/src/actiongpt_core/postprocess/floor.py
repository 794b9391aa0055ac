"""Floor contact: nothing is under the floor, and a foot that stands is on it."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.postprocess.legs import TOE_HEIGHT, legs, runs
from actiongpt_core.types.motion import Motion

_NEAR = 0.12  #: metres; a lower toe is taken for one that should stand
_SLOW = 0.8  #: m/s
_SECONDS = 0.1  #: over which the correction is smoothed


def stand_on_floor(motion: Motion) -> Motion:
    """Raise or lower the body, slowly, so that its standing foot is on the floor and no joint is under it.

    While a toe is near the floor and slow, the lower one is put to `TOE_HEIGHT`; in between, as in a jump, the
    correction goes over in a straight line. Poses are kept. A motion without a standing foot is only raised.

    Raises:
        ConfigError: The skeleton lacks a joint of the legs.
    """
    joints = forward_kinematics(motion.rotations.double(), motion.translation.double(), motion.skeleton)[0]
    toes = joints[:, [leg.toe for leg in legs(motion)]]
    lift = _lift(toes, motion.fps)
    lift = torch.maximum(lift, -joints[..., 2].min(dim=1).values)
    moved = motion.translation.clone()
    moved[:, 2] += lift.to(moved)
    return attrs.evolve(motion, translation=moved)


def _lift(toes: Tensor, fps: float) -> Tensor:
    """What is added to the height in each frame, (T,), from the positions of both toes, (T, 2, 3)."""
    height, lower = toes[..., 2].min(dim=1)
    count = len(toes)
    steps = torch.diff(toes, dim=0).norm(dim=-1) * fps
    speed = torch.cat([steps, steps[-1:]]) if len(steps) else toes.new_zeros(1, 2)
    stand = (height < _NEAR) & (speed.gather(1, lower[:, None]).squeeze(1) < _SLOW)
    if not stand.any():
        return toes.new_zeros(count)
    lift = torch.where(stand, TOE_HEIGHT - height, 0.0)
    for first, stop in runs(~stand):
        before = lift[first - 1] if first else lift[stop]
        after = lift[stop] if stop < count else before
        weight = torch.arange(1, stop - first + 1).to(lift) / (stop - first + 1)
        lift[first:stop] = (1 - weight) * before + weight * after
    radius = min(round(_SECONDS * fps), count - 1)
    padded = torch.cat([lift[:1].expand(radius), lift, lift[-1:].expand(radius)])
    return padded.unfold(0, 2 * radius + 1, 1).mean(-1)
