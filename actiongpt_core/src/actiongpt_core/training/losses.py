"""Losses of a text and motion VAE: the published terms, and what small checkpoints add to them.

Formulas and sources: docs/explanation/training-objectives.md.
"""

from __future__ import annotations

import attrs
import torch
from attrs.validators import ge, gt, le
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.nn.distributions import DiagonalGaussian
from actiongpt_core.types.skeleton import Skeleton

Pose = tuple[Tensor, Tensor]

_CONTACT_HEIGHT = 0.05  # metres, of the toe joint
_CONTACT_SPEED = 0.25  # metres a second


@attrs.frozen(kw_only=True)
class VaeLosses:
    """Factors and switches of the terms; the defaults are those that TEACH was published with.

    The last five are ours, and off by default.
    """

    reconstruction: float = attrs.field(default=1.0, validator=ge(0.0))
    kl_between: float = attrs.field(default=1e-5, validator=ge(0.0))  #: text to motion and motion to text
    kl_prior: float = attrs.field(default=1e-5, validator=ge(0.0))  #: each to the unit normal
    latent: float = attrs.field(default=1e-5, validator=ge(0.0))
    #: joint positions by forward kinematics, relative to the pelvis, per metre
    joints: float = attrs.field(default=0.0, validator=ge(0.0))
    velocity: float = attrs.field(default=0.0, validator=ge(0.0))  #: joint velocities, per metre a second
    contact: float = attrs.field(default=0.0, validator=ge(0.0))  #: speed of toes on the floor, per metre a second
    #: the motion branch sees this part of each batch: cheaper
    motion_share: float = attrs.field(default=1.0, validator=[gt(0.0), le(1.0)])
    #: so many first steps teach the text and the linear basis alone: cheap, and the text comes first
    basis_steps: int = attrs.field(default=0, validator=ge(0))


def reconstruction_loss(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean over samples of the mean smooth L1 (beta 1) over each one's valid frames; (B, T, F), mask (B, T)."""
    entries = smooth_l1_loss(predicted, target, reduction="none").mean(-1)
    return ((entries * mask).sum(-1) / mask.sum(-1)).mean()


def latent_losses(text: DiagonalGaussian, motion: DiagonalGaussian) -> dict[str, Tensor]:
    """The four divergences, each a mean over (B, D)."""
    return {
        "kl_text2motion": text.kl(motion).mean(),
        "kl_motion2text": motion.kl(text).mean(),
        "kl_text": text.kl().mean(),
        "kl_motion": motion.kl().mean(),
    }


def body_losses(predicted: Pose, target: Pose, mask: Tensor, fps: float, skeleton: Skeleton) -> dict[str, Tensor]:
    """What rotations hide: where joints are, how fast they move, whether standing feet slide.

    Args:
        predicted: Rotations (B, T, J, 3, 3) and root positions (B, T, 3), metres.
        target: The same for the real motion.
        mask: (B, T), True for valid frames.
        fps: Frames a second.
        skeleton: Its J joints, two of them called "left_foot" and "right_foot".

    Returns:
        "joints" in metres, "velocity" and "contact" in metres a second; means over valid frames and joints.
    """
    toes = [skeleton.index("left_foot"), skeleton.index("right_foot")]
    joints, real = (forward_kinematics(*pose, skeleton)[0] for pose in (predicted, target))
    relative = (joints - joints[..., :1, :]) - (real - real[..., :1, :])
    frames = mask.sum().clamp(min=1)
    steps = (mask[:, 1:] & mask[:, :-1]).float()
    num_steps = steps.sum().clamp(min=1)
    velocity, real_velocity = (torch.diff(x, dim=1) * fps for x in (joints, real))
    difference = (velocity - real_velocity).abs().mean((-1, -2))
    speed, real_speed = velocity[:, :, toes], torch.linalg.vector_norm(real_velocity[:, :, toes], dim=-1)
    # Only what really stands is held: low and slow in the real motion.
    standing = (real[:, 1:, toes, 2] < _CONTACT_HEIGHT) & (real_speed < _CONTACT_SPEED)
    held = standing * steps[..., None]
    return {
        "joints": (relative.abs().mean((-1, -2)) * mask).sum() / frames,
        "velocity": (difference * steps).sum() / num_steps,
        "contact": (speed.abs().mean(-1) * held).sum() / held.sum().clamp(min=1),
    }
