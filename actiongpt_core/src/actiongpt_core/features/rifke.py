"""Heading-independent joint features ("rifke"), used by the metrics."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from actiongpt_core.geometry.rotations import planar_rotation, require_last

#: The 21 joints of the MMM order that these features speak of.
MMM_JOINTS = (
    *("root", "BP", "BT", "BLN", "BUN", "LS", "LE", "LW", "RS", "RE", "RW"),
    *("LH", "LK", "LA", "LMrot", "LF", "RH", "RK", "RA", "RMrot", "RF"),
)
_FEET = tuple(MMM_JOINTS.index(name) for name in ("LMrot", "LF", "RMrot", "RF"))
# The originals index the 20 joints that remain without the root by positions in the list of 21, so each of these is the
# joint after the one that is meant. All published APE and AVE rest on it: reproduced.
_ACROSS = tuple(MMM_JOINTS.index(name) for name in ("RH", "LH", "RS", "LS"))


def joints_to_rifke(joints: Tensor, *, smooth_forward: bool = False) -> Tensor:
    """Joint positions to root height, local joints, angular and planar velocity.

    Args:
        joints: (..., T, 21, 3) in MMM order, Y up, any unit.
        smooth_forward: Smooth the unit forward direction with a Gaussian (sigma 2 frames, zeros beyond the clip).

    Returns:
        (..., T, 64): root height | 20 local joints x 3 | angular velocity | local planar velocity of the root (2).

    Source: Holden et al., "A Deep Learning Framework for Character Motion Synthesis and Editing", SIGGRAPH 2016;
    floor estimate by a soft minimum as in Ghosh et al., ICCV 2021.
    """
    require_last("joints", joints, (21, 3))
    poses = joints.clone()
    poses[..., 1] = poses[..., 1] - _floor(poses)[..., None, None]
    root_height = poses[..., 0, 1]
    path = poses[..., 0, [0, 2]]
    local = poses[..., 1:, :].clone()
    local[..., 0] = local[..., 0] - path[..., None, 0]
    local[..., 2] = local[..., 2] - path[..., None, 1]

    forward = _forward(local, smooth=smooth_forward)
    angle = torch.atan2(forward[..., 0], forward[..., 1])
    turned = _rotate_xz(local, forward)
    velocity = torch.diff(path, dim=-2, prepend=path[..., :1, :])
    local_velocity = _rotate_pairs(velocity[..., None, :], forward).squeeze(-2)
    angular = torch.diff(angle, dim=-1, prepend=angle[..., :1])
    return torch.cat([root_height[..., None], turned.flatten(-2), angular[..., None], local_velocity], dim=-1)


def rifke_to_joints(features: Tensor) -> Tensor:
    """Undo `joints_to_rifke`, up to the start's heading and ground position.

    Args:
        features: (..., T, 64).

    Returns:
        (..., T, 21, 3), Y up; the root starts above the origin.
    """
    require_last("features", features, (64,))
    angle = torch.cumsum(features[..., 61], dim=-1)
    angle = angle - angle[..., :1]
    # The transpose of the encoding's turn.
    direction = torch.stack([-torch.sin(angle), torch.cos(angle)], dim=-1)
    joints = _rotate_xz(features[..., 1:61].unflatten(-1, (20, 3)), direction)
    path = torch.cumsum(_rotate_pairs(features[..., None, 62:64], direction).squeeze(-2), dim=-2)
    path = path - path[..., :1, :]
    root = torch.stack([torch.zeros_like(angle), features[..., 0], torch.zeros_like(angle)], dim=-1)
    joints = torch.cat([root[..., None, :], joints], dim=-2)
    shift = torch.stack([path[..., 0], torch.zeros_like(angle), path[..., 1]], dim=-1)
    return joints + shift[..., None, :]


def _floor(joints: Tensor) -> Tensor:
    """Soft minimum over time of the lowest foot joint, (..., T, 21, 3) -> (...)."""
    lowest = joints[..., _FEET, 1].amin(-1)
    low, high = lowest.amin(-1), lowest.amax(-1)
    return low - torch.log(0.5 + torch.exp(-(high - low)))


def _forward(local: Tensor, *, smooth: bool) -> Tensor:
    right_hip, left_hip, right_shoulder, left_shoulder = (local[..., index, :] for index in _ACROSS)
    across = right_hip - left_hip + right_shoulder - left_shoulder
    forward = torch.stack([-across[..., 2], across[..., 0]], dim=-1)
    if smooth:
        forward = _gaussian_filter(torch.nn.functional.normalize(forward, dim=-1))
    return torch.nn.functional.normalize(forward, dim=-1)


def _gaussian_filter(x: Tensor, sigma: float = 2.0, truncate: float = 4.0) -> Tensor:
    """Zero-padded Gaussian along T of (..., T, 2)."""
    radius = int(truncate * sigma + 0.5)
    grid = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (grid / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    kernel = kernel / kernel.sum()
    flat = x.transpose(-1, -2).reshape(-1, 1, x.shape[-2])
    return torch.nn.functional.conv1d(flat, kernel[None, None], padding=radius).reshape(x.transpose(-1, -2).shape).mT


def _rotate_pairs(pairs: Tensor, direction: Tensor) -> Tensor:
    """Row vectors (..., N, 2) times [[c, s], [-s, c]] with s, c = direction (..., 2)."""
    return pairs @ planar_rotation(direction[..., 1], direction[..., 0]).mT


def _rotate_xz(joints: Tensor, direction: Tensor) -> Tensor:
    """Rotate x and z of joints (..., T, N, 3) by one direction a frame, (..., T, 2)."""
    xz = _rotate_pairs(joints[..., [0, 2]], direction)
    return torch.stack([xz[..., 0], joints[..., 1], xz[..., 1]], dim=-1)
