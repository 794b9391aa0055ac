from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from actiongpt_core.geometry.clips import facing, heading
from actiongpt_core.geometry.joining import Align, join_actions, start_frames
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, geodesic_angle, rotation_about_z

_UPRIGHT = axis_angle_to_matrix(torch.tensor([math.pi / 2, 0.0, 0.0]))
_GAP = 4
_STARTS = (0, 12, 30)
_NUM_FRAMES = 45


def _actions() -> tuple[Tensor, Tensor]:
    """Three actions that walk in different directions; the first frames of the later ones hold nothing."""
    generator = torch.Generator().manual_seed(0)
    rotations = axis_angle_to_matrix(0.2 * torch.randn(_NUM_FRAMES, 22, 3, generator=generator))
    translation = torch.randn(_NUM_FRAMES, 3, generator=generator)
    ends = [*_STARTS[1:], _NUM_FRAMES]
    for start, end, turn in zip(_STARTS, ends, (0.3, -1.2, 2.5), strict=True):
        rotations[start:end, 0] = rotation_about_z(torch.tensor(turn)) @ _UPRIGHT @ rotations[start:end, 0]
        if start:
            rotations[start : start + _GAP] = torch.eye(3)
            translation[start : start + _GAP] = 0
    return rotations, translation


def _bodies() -> list[slice]:
    """The frames of each action that hold something."""
    ends = [*_STARTS[1:], _NUM_FRAMES]
    return [slice(start + _GAP * (start > 0), end) for start, end in zip(_STARTS, ends, strict=True)]


def _join(align: Align = "full", gap: int = _GAP) -> tuple[Tensor, Tensor]:
    return join_actions(*_actions(), _STARTS, gap=gap, align=align)


def test_heading_and_place_go_on_after_the_bridge() -> None:
    rotations, translation = _join("full")
    for before, after in pairwise(_bodies()):
        seam = [before.stop - 1, after.start]
        torch.testing.assert_close(*facing(rotations[seam, 0]), atol=1e-5, rtol=0)
        torch.testing.assert_close(*translation[seam, :2], atol=1e-5, rtol=0)


def test_headings_are_measured_as_is_asked() -> None:
    """The original's number is no angle: turning by it ends elsewhere, but places go on all the same."""
    rotations, translation = join_actions(*_actions(), _STARTS, gap=_GAP, heading=heading)
    assert not torch.allclose(rotations[:, 0], _join("full")[0][:, 0], atol=1e-2)
    for before, after in pairwise(_bodies()):
        torch.testing.assert_close(*translation[[before.stop - 1, after.start], :2], atol=1e-5, rtol=0)


def test_translation_moves_and_turns_nothing() -> None:
    rotations, translation = _join("translation")
    before, _ = _actions()
    for body in _bodies():
        assert torch.equal(rotations[body], before[body])
    for first, second in pairwise(_bodies()):
        torch.testing.assert_close(translation[first.stop - 1, :2], translation[second.start, :2], atol=1e-5, rtol=0)


def test_none_leaves_all_frames_but_the_bridges() -> None:
    for joined, given in zip(_join("none"), _actions(), strict=True):
        for body in _bodies():
            assert torch.equal(joined[body], given[body])


@pytest.mark.parametrize("align", ["full", "translation", "none"])
def test_joining_keeps_the_first_action_heights_poses_and_steps(align: Align) -> None:
    joined, given = _join(align), _actions()
    for new, old in zip(joined, given, strict=True):
        assert torch.equal(new[_bodies()[0]], old[_bodies()[0]])
    for body in _bodies():
        assert torch.equal(joined[0][body, 1:], given[0][body, 1:])
        assert torch.equal(joined[1][body, 2], given[1][body, 2])
        steps = [translation[body].diff(dim=0).norm(dim=-1) for _, translation in (joined, given)]
        torch.testing.assert_close(*steps, atol=1e-5, rtol=0)


@pytest.mark.parametrize("align", ["full", "translation", "none"])
def test_a_bridge_leads_evenly_from_pose_to_pose(align: Align) -> None:
    rotations, translation = _join(align)
    for before, after in pairwise(_bodies()):
        frames = slice(before.stop - 1, after.start + 1)
        steps = translation[frames].diff(dim=0)
        torch.testing.assert_close(steps, steps[:1].expand_as(steps), atol=1e-5, rtol=0)
        whole = geodesic_angle(rotations[before.stop - 1], rotations[after.start])
        turns = geodesic_angle(rotations[frames][:-1], rotations[frames][1:])
        torch.testing.assert_close(turns.sum(0), whole, atol=2e-2, rtol=0)
        assert bool((turns <= 1.5 * whole / (_GAP + 1) + 1e-3).all())


def test_turning_and_moving_the_first_action_turns_and_moves_all() -> None:
    rotations, translation = _actions()
    turn, shift = rotation_about_z(torch.tensor(1.1)), torch.tensor([0.5, -2.0, 0.0])
    first = _bodies()[0]
    turned, moved = rotations.clone(), translation.clone()
    turned[first, 0] = turn @ rotations[first, 0]
    moved[first] = translation[first] @ turn.mT + shift
    expected = _join()
    found = join_actions(turned, moved, _STARTS, gap=_GAP)
    torch.testing.assert_close(found[0][:, 0], turn @ expected[0][:, 0], atol=1e-4, rtol=0)
    torch.testing.assert_close(found[0][:, 1:], expected[0][:, 1:], atol=1e-5, rtol=0)
    torch.testing.assert_close(found[1], expected[1] @ turn.mT + shift, atol=1e-4, rtol=0)


def test_without_a_gap_there_is_no_bridge() -> None:
    rotations, translation = _join("none", gap=0)
    given = _actions()
    assert torch.equal(rotations, given[0])
    assert torch.equal(translation, given[1])


def test_the_given_actions_stay_as_they_are() -> None:
    given, before = _actions(), _actions()
    join_actions(*given, _STARTS, gap=_GAP)
    assert all(torch.equal(one, other) for one, other in zip(given, before, strict=True))


def test_blocks_start_where_the_ones_before_end() -> None:
    blocks = [torch.zeros(length, 3) for length in (12, 18, 15)]
    assert start_frames(blocks) == _STARTS
    assert start_frames(blocks[:1]) == (0,)
