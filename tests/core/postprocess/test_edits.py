"""Edits keep the motion, its actions and its texts right."""

from __future__ import annotations

import math

import attrs
import pytest
import torch

from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ConfigError
from actiongpt_core.geometry.clips import facing
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.postprocess.edits import concatenate, face, loop, mirror, resample, trim
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import Skeleton
from actiongpt_core.types.text import Action, Descriptions


def told(phrase: str) -> Descriptions:
    return Descriptions(action=Action(phrase), texts=(f"They {phrase}.",), source="pack")


@pytest.fixture
def motion() -> Motion:
    """Two actions in 60 frames, on a way that bends."""
    time = torch.linspace(0, 2, 60)
    swing = torch.randn(22, 3, generator=torch.Generator().manual_seed(1)) * 0.4
    rotations = axis_angle_to_matrix(swing * torch.sin(3 * time)[:, None, None])
    upright = axis_angle_to_matrix(torch.tensor([torch.pi / 2, 0.0, 0.0]))
    about_z = torch.stack([torch.zeros(60), torch.zeros(60), 0.5 * time], dim=1)
    rotations[:, 0] = axis_angle_to_matrix(about_z) @ upright
    translation = torch.stack([0.3 * time**2, -time, 0.9 + 0.05 * torch.sin(5 * time)], dim=1)
    return Motion(
        rotations=rotations,
        translation=translation,
        fps=30.0,
        starts=(0, 36),
        descriptions=(told("raise the left arm"), told("turn right")),
    )


def joints(motion: Motion) -> torch.Tensor:
    return StickBody().joints(motion)


def test_twice_mirrored_is_the_motion(motion: Motion) -> None:
    back = mirror(mirror(motion))
    torch.testing.assert_close(joints(back), joints(motion), atol=1e-5, rtol=0)
    assert back.descriptions == motion.descriptions


def test_a_mirror_image_swaps_sides_and_keeps_place_heading_and_sizes(motion: Motion) -> None:
    image = mirror(motion)
    torch.testing.assert_close(image.translation[0], motion.translation[0])
    torch.testing.assert_close(facing(image.rotations[0, 0]), facing(motion.rotations[0, 0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(joints(image)[..., 2], joints(motion)[:, motion.skeleton.mirror, 2], atol=1e-5, rtol=0)
    turned = [facing(one.rotations[-1, 0]) - facing(one.rotations[0, 0]) for one in (image, motion)]
    torch.testing.assert_close(turned[0], -turned[1], atol=1e-4, rtol=0)
    assert torch.linalg.det(image.rotations).min() > 0
    assert [item.phrase for item in image.descriptions] == ["raise the right arm", "turn left"]
    assert image.descriptions[0].texts == ("They raise the right arm.",)


@pytest.mark.parametrize("fps", [10.0, 24.0, 60.0, 120.0])
def test_another_frame_rate_keeps_the_course_and_the_actions(motion: Motion, fps: float) -> None:
    changed = resample(motion, fps)
    assert abs(changed.seconds - motion.seconds) < 2 / min(fps, 30)
    assert changed.starts == (0, round(36 * fps / 30))
    assert len(changed.descriptions) == 2
    torch.testing.assert_close(changed.translation[0], motion.translation[0])


def test_a_part_is_between_its_times(motion: Motion) -> None:
    part = trim(motion, 0.5, 1.5)
    assert len(part) == 30
    assert torch.equal(part.translation, motion.translation[15:45])
    assert [item.phrase for item in trim(motion, 1.3).descriptions] == ["turn right"]


@pytest.mark.parametrize("travelling", [False, True])
def test_a_loop_begins_again_without_a_jump(motion: Motion, travelling: bool) -> None:
    looped = loop(motion, seconds=0.5, travelling=travelling)
    assert len(looped) == 60 + 14
    assert looped.starts == motion.starts
    again = concatenate([looped, motion], seconds=0) if travelling else None
    after = joints(again)[len(looped)] if again is not None else joints(motion)[0]
    step = (after - joints(looped)[-1]).norm(dim=-1).max()
    longest = torch.diff(joints(looped), dim=0).norm(dim=-1).max()
    assert step <= longest + 1e-4


def test_one_after_the_other_is_one_motion_with_all_actions(motion: Motion) -> None:
    both = concatenate([motion, resample(motion, 60.0)], seconds=0.4)
    assert len(both) == 60 + 12 + 60
    assert both.starts == (0, 36, 60, 60 + 12 + 36)
    assert [item.phrase for item in both.descriptions] == [item.phrase for item in motion.descriptions] * 2
    torch.testing.assert_close(joints(both)[:60], joints(motion), atol=1e-6, rtol=0)
    assert torch.diff(joints(both), dim=0).norm(dim=-1).max() < 0.3


def test_a_second_motion_goes_on_in_the_direction_of_the_first(motion: Motion) -> None:
    both = concatenate([motion, face(motion, 77.0)], seconds=0.4)
    torch.testing.assert_close(facing(both.rotations[72, 0]), facing(motion.rotations[-1, 0]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("degrees", [-90.0, 0.0, 45.0, 180.0])
def test_a_motion_faces_where_it_is_told_to(motion: Motion, degrees: float) -> None:
    turned = face(motion, degrees)
    angle = facing(turned.rotations[0, 0]) - math.radians(degrees)
    assert abs(float(torch.atan2(angle.sin(), angle.cos()))) < 1e-5
    distance = (joints(turned)[:, :, None] - joints(turned)[:, None]).norm(dim=-1)
    torch.testing.assert_close(
        distance, (joints(motion)[:, :, None] - joints(motion)[:, None]).norm(dim=-1), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize(
    "edit",
    [
        lambda motion: resample(motion, 0.0),
        lambda motion: resample(motion, math.nan),
        lambda motion: trim(motion, 1.0, 0.5),
        lambda motion: trim(motion, 5.0),
        lambda motion: trim(motion, -1.0),
        lambda motion: loop(motion, seconds=0.0),
        lambda motion: face(motion, math.inf),
        lambda motion: concatenate([]),
        lambda motion: concatenate([motion], seconds=-1.0),
    ],
)
def test_what_cannot_work_is_refused(motion: Motion, edit: object) -> None:
    with pytest.raises(ConfigError):
        edit(motion)  # type: ignore[operator]


def test_motions_of_different_bodies_are_not_joined(motion: Motion) -> None:
    pole = Skeleton(name="pole", joint_names=("a",), parents=(-1,), rest_offsets=((0.0, 0.0, 0.0),))
    other = Motion(rotations=torch.eye(3).expand(3, 1, 3, 3), translation=torch.zeros(3, 3), fps=30, skeleton=pole)
    with pytest.raises(ConfigError, match="pole"):
        concatenate([motion, other])


def test_a_skeleton_without_twins_has_no_mirror_image() -> None:
    lame = Skeleton(
        name="lame", joint_names=("a", "left_b"), parents=(-1, 0), rest_offsets=((0.0, 0.0, 0.0), (0.1, 0.0, 0.0))
    )
    motion = Motion(rotations=torch.eye(3).expand(3, 2, 3, 3), translation=torch.zeros(3, 3), fps=30, skeleton=lame)
    with pytest.raises(ConfigError, match="right_b"):
        mirror(attrs.evolve(motion))
