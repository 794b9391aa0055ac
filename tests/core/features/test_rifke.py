import math

import torch

from actiongpt_core.features.rifke import joints_to_rifke, rifke_to_joints


def _joints(num_frames: int = 25) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(21, 3, generator=generator)
    return base + 0.02 * torch.cumsum(torch.randn(num_frames, 21, 3, generator=generator), dim=0)


def _turn(joints: torch.Tensor, angle: float) -> torch.Tensor:
    c, s = math.cos(angle), math.sin(angle)
    return joints @ torch.tensor([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def test_a_frame_has_64_numbers() -> None:
    assert joints_to_rifke(_joints()).shape == (25, 64)


def test_features_do_not_see_heading_and_ground_position() -> None:
    joints = _joints()
    moved = _turn(joints, 1.1) + torch.tensor([4.0, 0.0, -2.0])
    first, second = joints_to_rifke(joints), joints_to_rifke(moved)
    torch.testing.assert_close(second, first, atol=1e-4, rtol=0)


def test_the_way_back_returns_the_joints_up_to_start_and_heading() -> None:
    joints = _joints()
    back = rifke_to_joints(joints_to_rifke(joints))
    torch.testing.assert_close(torch.cdist(back, back), torch.cdist(joints, joints), atol=1e-3, rtol=0)
    assert back[0, 0, 0] == 0
    assert back[0, 0, 2] == 0
