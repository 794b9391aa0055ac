"""Rotations in the five usual forms, and slerp.

Matrices act on column vectors. Quaternions are (w, x, y, z). Axis-angle vectors are in radians. All functions take any
leading axes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from actiongpt_core.errors import ShapeError

_SMALL_ANGLE = 1e-6  # below it sin(x/2)/x is taken from its Taylor series


def require_last(name: str, tensor: Tensor, sizes: tuple[int, ...]) -> None:
    """Check the last sizes of a tensor.

    Raises:
        ShapeError: They differ.
    """
    if tuple(tensor.shape[-len(sizes) :]) != sizes:
        raise ShapeError(f"{name} must end with sizes {sizes}, got shape {tuple(tensor.shape)}.")


def axis_angle_to_quaternion(axis_angle: Tensor) -> Tensor:
    """(..., 3) -> (..., 4)."""
    require_last("axis_angle", axis_angle, (3,))
    angle = torch.linalg.vector_norm(axis_angle, dim=-1, keepdim=True)
    is_small = angle < _SMALL_ANGLE
    safe = torch.where(is_small, torch.ones_like(angle), angle)
    scale = torch.where(is_small, 0.5 - angle**2 / 48, torch.sin(safe / 2) / safe)
    return torch.cat([torch.cos(angle / 2), axis_angle * scale], dim=-1)


def quaternion_to_axis_angle(quaternion: Tensor) -> Tensor:
    """Unit quaternions (..., 4) -> (..., 3)."""
    require_last("quaternion", quaternion, (4,))
    norm = torch.linalg.vector_norm(quaternion[..., 1:], dim=-1, keepdim=True)
    angle = 2 * torch.atan2(norm, quaternion[..., :1])
    is_small = angle.abs() < _SMALL_ANGLE
    safe = torch.where(is_small, torch.ones_like(angle), angle)
    scale = torch.where(is_small, 0.5 - angle**2 / 48, torch.sin(safe / 2) / safe)
    return quaternion[..., 1:] / scale


def quaternion_to_matrix(quaternion: Tensor) -> Tensor:
    """Quaternions of any length (..., 4) -> (..., 3, 3); the squared norm is divided out."""
    require_last("quaternion", quaternion, (4,))
    w, x, y, z = quaternion.unbind(-1)
    two_s = 2.0 / (quaternion * quaternion).sum(-1)
    flat = torch.stack(
        [
            1 - two_s * (y * y + z * z),
            two_s * (x * y - z * w),
            two_s * (x * z + y * w),
            two_s * (x * y + z * w),
            1 - two_s * (x * x + z * z),
            two_s * (y * z - x * w),
            two_s * (x * z - y * w),
            two_s * (y * z + x * w),
            1 - two_s * (x * x + y * y),
        ],
        dim=-1,
    )
    return flat.unflatten(-1, (3, 3))


def matrix_to_quaternion(matrix: Tensor) -> Tensor:
    """(..., 3, 3) -> unit quaternions (..., 4) with w >= 0.

    Each component is taken from the row of the quaternion's outer product with the largest diagonal, which stays
    exact at half turns. # Differs from the originals: theirs takes four square roots, whose signs are noise there.
    """
    require_last("matrix", matrix, (3, 3))
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = (row.unbind(-1) for row in matrix.unbind(-2))
    # 4 q q^T, row by row: its diagonal is 4 w^2, 4 x^2, 4 y^2, 4 z^2.
    outer = torch.stack(
        [
            torch.stack([1 + m00 + m11 + m22, m21 - m12, m02 - m20, m10 - m01], dim=-1),
            torch.stack([m21 - m12, 1 + m00 - m11 - m22, m10 + m01, m02 + m20], dim=-1),
            torch.stack([m02 - m20, m10 + m01, 1 - m00 + m11 - m22, m12 + m21], dim=-1),
            torch.stack([m10 - m01, m20 + m02, m21 + m12, 1 - m00 - m11 + m22], dim=-1),
        ],
        dim=-2,
    )
    best = outer.diagonal(dim1=-2, dim2=-1).argmax(-1)
    row = outer.gather(-2, best[..., None, None].expand(*best.shape, 1, 4)).squeeze(-2)
    quaternion = row / torch.linalg.vector_norm(row, dim=-1, keepdim=True)
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """(..., 3) -> (..., 3, 3)."""
    return quaternion_to_matrix(axis_angle_to_quaternion(axis_angle))


def matrix_to_axis_angle(matrix: Tensor) -> Tensor:
    """(..., 3, 3) -> (..., 3), angle in [0, pi]."""
    return quaternion_to_axis_angle(matrix_to_quaternion(matrix))


def matrix_to_rot6d(matrix: Tensor) -> Tensor:
    """Keep the first two rows of each rotation matrix.

    Row convention: the six numbers are row 0, then row 1. Column-convention data must be transposed first; the two
    look alike and silently give wrong poses.

    Args:
        matrix: Rotation matrices, (..., 3, 3).

    Returns:
        6D rotations, (..., 6). Undone by `rot6d_to_matrix`.

    Raises:
        ShapeError: The last two sizes are not 3, 3.

    Source: Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019, section B.
    """
    require_last("matrix", matrix, (3, 3))
    return matrix[..., :2, :].flatten(-2)


def rot6d_to_matrix(rot6d: Tensor) -> Tensor:
    """Rotation matrices from two rows that need be neither unit nor orthogonal (Gram-Schmidt).

    Args:
        rot6d: (..., 6), row 0 then row 1.

    Returns:
        (..., 3, 3).

    Source: Zhou et al., CVPR 2019, section B.
    """
    require_last("rot6d", rot6d, (6,))
    a1, a2 = rot6d[..., :3], rot6d[..., 3:]
    b1 = torch.nn.functional.normalize(a1, dim=-1)
    b2 = torch.nn.functional.normalize(a2 - (b1 * a2).sum(-1, keepdim=True) * b1, dim=-1)
    return torch.stack([b1, b2, torch.linalg.cross(b1, b2, dim=-1)], dim=-2)


def rotation_about_z(angle: Tensor) -> Tensor:
    """Rotations about the vertical (Z) axis. Angles (...) in radians -> (..., 3, 3)."""
    zeros = torch.zeros_like(angle)
    return axis_angle_to_matrix(torch.stack([zeros, zeros, angle], dim=-1))


def planar_rotation(cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotations of the plane, [[c, -s], [s, c]]. Two tensors (...) -> (..., 2, 2)."""
    return torch.stack([torch.stack([cosine, -sine], dim=-1), torch.stack([sine, cosine], dim=-1)], dim=-2)


def geodesic_angle(a: Tensor, b: Tensor) -> Tensor:
    """Angle between two rotations, (..., 3, 3) x 2 -> (...), radians in [0, pi]."""
    return torch.linalg.vector_norm(matrix_to_axis_angle(a.transpose(-1, -2) @ b), dim=-1)


def slerp(start: Tensor, end: Tensor, weights: Tensor) -> Tensor:
    """Spherical interpolation along the shorter arc, computed in float64.

    Nearly equal rotations (1 - dot < 0.01) are interpolated linearly and normalised, as in the originals.

    Args:
        start: Rotations, (..., 3, 3).
        end: Rotations, (..., 3, 3).
        weights: Positions between 0 (start) and 1 (end), (W,).

    Returns:
        (W, ..., 3, 3), in the dtype of `start`.

    Source: Shoemake, "Animating Rotation with Quaternion Curves", SIGGRAPH 1985.
    """
    # The quaternions are taken in the input's own precision and only then widened, as in the originals: the square
    # roots' float32 rounding is part of what their numbers are compared with.
    q0, q1 = (_unit(matrix_to_quaternion(matrix).double()) for matrix in (start, end))
    dot = (q0 * q1).sum(-1, keepdim=True)
    q1, dot = torch.where(dot < 0, -q1, q1), dot.abs()
    t = weights.to(q0).reshape(-1, *[1] * q0.ndim)
    angle = torch.arccos(dot.clamp(max=1.0))
    safe = torch.where(angle < 1e-9, torch.ones_like(angle), angle)
    arc = (torch.sin((1 - t) * safe) * q0 + torch.sin(t * safe) * q1) / torch.sin(safe)
    line = (1 - t) * q0 + t * q1
    return quaternion_to_matrix(_unit(torch.where(1 - dot < 0.01, line, arc))).to(start.dtype)


def _unit(quaternion: Tensor) -> Tensor:
    return quaternion / (torch.linalg.vector_norm(quaternion, dim=-1, keepdim=True) + 1e-8)
