import math

import pytest
import torch

from actiongpt_core.errors import ShapeError
from actiongpt_core.geometry.rotations import (
    axis_angle_to_matrix,
    axis_angle_to_quaternion,
    geodesic_angle,
    matrix_to_axis_angle,
    matrix_to_quaternion,
    matrix_to_rot6d,
    quaternion_to_axis_angle,
    quaternion_to_matrix,
    rot6d_to_matrix,
    rotation_about_z,
    slerp,
)


@pytest.fixture
def rotations() -> torch.Tensor:
    return axis_angle_to_matrix(torch.randn(200, 3, generator=torch.Generator().manual_seed(0)))


def test_a_quarter_turn_about_z_takes_x_to_y() -> None:
    turned = rotation_about_z(torch.tensor(math.pi / 2)) @ torch.tensor([1.0, 0.0, 0.0])
    torch.testing.assert_close(turned, torch.tensor([0.0, 1.0, 0.0]), atol=1e-6, rtol=0)


def test_rot6d_round_trip_returns_the_same_rotation(rotations: torch.Tensor) -> None:
    torch.testing.assert_close(rot6d_to_matrix(matrix_to_rot6d(rotations)), rotations, atol=1e-5, rtol=0)


def test_rot6d_holds_the_first_two_rows() -> None:
    matrix = torch.arange(9.0).reshape(3, 3)
    assert matrix_to_rot6d(matrix).tolist() == [0, 1, 2, 3, 4, 5]


def test_any_six_numbers_give_a_rotation() -> None:
    matrix = rot6d_to_matrix(torch.randn(100, 6, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(matrix @ matrix.mT, torch.eye(3).expand(100, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(matrix), torch.ones(100), atol=1e-5, rtol=0)


def test_quaternion_and_axis_angle_round_trips_return_the_same_rotation(rotations: torch.Tensor) -> None:
    torch.testing.assert_close(quaternion_to_matrix(matrix_to_quaternion(rotations)), rotations, atol=1e-5, rtol=0)
    torch.testing.assert_close(axis_angle_to_matrix(matrix_to_axis_angle(rotations)), rotations, atol=1e-5, rtol=0)


def test_half_turns_survive_the_round_trip() -> None:
    axes = torch.nn.functional.normalize(torch.randn(50, 3, generator=torch.Generator().manual_seed(2)), dim=-1)
    matrix = axis_angle_to_matrix(axes * math.pi)
    torch.testing.assert_close(axis_angle_to_matrix(matrix_to_axis_angle(matrix)), matrix, atol=1e-5, rtol=0)


def test_tiny_angles_keep_their_axis() -> None:
    axis_angle = torch.tensor([[1e-9, 0.0, 0.0], [0.0, 0.0, 0.0]])
    back = quaternion_to_axis_angle(axis_angle_to_quaternion(axis_angle))
    torch.testing.assert_close(back, axis_angle, atol=1e-12, rtol=1e-3)


def test_gradients_are_finite_at_the_identity() -> None:
    axis_angle = torch.zeros(3, requires_grad=True)
    axis_angle_to_matrix(axis_angle).sum().backward()
    assert torch.isfinite(axis_angle.grad).all()  # type: ignore[arg-type]


def test_slerp_halves_the_angle() -> None:
    start, end = rotation_about_z(torch.tensor(0.2)), rotation_about_z(torch.tensor(1.6))
    middle = slerp(start, end, torch.tensor([0.5]))[0]
    torch.testing.assert_close(middle, rotation_about_z(torch.tensor(0.9)), atol=1e-5, rtol=0)


def test_slerp_takes_the_shorter_arc() -> None:
    start, end = rotation_about_z(torch.tensor(3.0)), rotation_about_z(torch.tensor(-3.0))
    path = slerp(start, end, torch.linspace(0, 1, 11))
    assert float(geodesic_angle(path[1:], path[:-1]).sum()) == pytest.approx(2 * math.pi - 6.0, abs=1e-3)


def test_a_wrong_last_size_is_an_error_that_names_it() -> None:
    with pytest.raises(ShapeError, match=r"matrix must end with sizes \(3, 3\)"):
        matrix_to_rot6d(torch.zeros(4, 3))
