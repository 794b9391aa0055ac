"""Clean-up does what its name says, and leaves the rest alone."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
import torch

from actiongpt_core.data.procedural import sample
from actiongpt_core.errors import ConfigError
from actiongpt_core.evaluation import measures
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from actiongpt_core.postprocess import POSTPROCESSES, check_postprocesses, postprocess
from actiongpt_core.postprocess.feet import remove_foot_skate
from actiongpt_core.postprocess.floor import stand_on_floor
from actiongpt_core.postprocess.legs import legs, move_foot, stands
from actiongpt_core.postprocess.smoothing import smooth
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import Skeleton


def performed(action: str, seconds: float = 4.0) -> Motion:
    clip = sample(action, np.random.default_rng(1), seconds=seconds)
    rotations = axis_angle_to_matrix(torch.from_numpy(clip.poses))
    return Motion(rotations=rotations, translation=torch.from_numpy(clip.trans), fps=30.0)


@pytest.fixture(scope="module")
def stepping() -> Motion:
    return performed("side step to the left")


@pytest.fixture(scope="module")
def gliding(stepping: Motion) -> Motion:
    """The same feet under a body that glides ahead at 0.3 m/s: they skate."""
    ahead = torch.arange(len(stepping))[:, None] * torch.tensor([[0.0, -0.3 / 30, 0.0]])
    return attrs.evolve(stepping, translation=stepping.translation + ahead)


def bone_lengths(motion: Motion) -> torch.Tensor:
    joints = measures.joint_positions(motion)
    return (joints[:, 1:] - joints[:, list(motion.skeleton.parents[1:])]).norm(dim=-1)


def test_a_gliding_body_stops_skating(gliding: Motion) -> None:
    assert measures.foot_skate(gliding) > 0.25
    assert measures.foot_skate(remove_foot_skate(gliding)) < 0.12


def test_skate_removal_keeps_bones_pelvis_and_everything_but_the_legs(gliding: Motion) -> None:
    cleaned = remove_foot_skate(gliding)
    torch.testing.assert_close(bone_lengths(cleaned), bone_lengths(gliding), atol=1e-5, rtol=0)
    assert torch.equal(cleaned.translation, gliding.translation)
    touched = {joint for leg in legs(gliding) for joint in (leg.hip, leg.knee, leg.ankle)}
    others = [joint for joint in range(22) if joint not in touched]
    assert torch.equal(cleaned.rotations[:, others], gliding.rotations[:, others])


def test_feet_keep_their_orientation_and_height(gliding: Motion) -> None:
    before, after = (measures.joint_positions(motion) for motion in (gliding, remove_foot_skate(gliding)))
    leg = legs(gliding)[0]
    torch.testing.assert_close(
        after[:, leg.toe] - after[:, leg.ankle], before[:, leg.toe] - before[:, leg.ankle], atol=1e-4, rtol=0
    )


def test_a_motion_without_skate_is_nearly_unchanged() -> None:
    still = performed("raise the left arm")
    assert geodesic_angle(remove_foot_skate(still).rotations, still.rotations).max() < 0.05


def test_no_foot_jumps_from_frame_to_frame(gliding: Motion) -> None:
    """Fades between stands: the greatest step of an ankle grows by less than 5 cm a frame."""
    before, after = (measures.joint_positions(motion) for motion in (gliding, remove_foot_skate(gliding)))
    for leg in legs(gliding):
        steps = [torch.diff(joints[:, leg.ankle], dim=0).norm(dim=-1).max() for joints in (before, after)]
        assert steps[1] < steps[0] + 0.05


@pytest.mark.parametrize("shift", [(0.05, 0.0, 0.0), (0.0, -0.08, 0.04), (-0.03, 0.02, 0.1)])
def test_a_moved_foot_arrives_where_it_is_sent(stepping: Motion, shift: tuple[float, float, float]) -> None:
    leg = legs(stepping)[1]
    low = attrs.evolve(stepping, translation=stepping.translation)
    sent = torch.tensor(shift).expand(len(low), 3)
    before, after = (measures.joint_positions(motion)[:, leg.ankle] for motion in (low, move_foot(low, leg, sent)))
    hip = measures.joint_positions(low)[:, leg.hip]
    within = (before + sent - hip).norm(dim=-1) < 0.99 * (0.381 + 0.4)
    assert within.any()
    torch.testing.assert_close(after[within], (before + sent)[within], atol=1e-3, rtol=0)


def test_a_foot_that_is_sent_out_of_reach_stretches_towards_it(stepping: Motion) -> None:
    leg = legs(stepping)[0]
    far = move_foot(stepping, leg, torch.tensor([[0.0, -2.0, 0.0]]).expand(len(stepping), 3))
    assert torch.isfinite(far.rotations).all()
    torch.testing.assert_close(bone_lengths(far), bone_lengths(stepping), atol=1e-5, rtol=0)


def test_knees_do_not_bend_the_other_way(gliding: Motion) -> None:
    """A bent knee turns about the body's left: the shin goes back."""
    for motion in (gliding, remove_foot_skate(gliding)):
        for leg in legs(motion):
            turn = motion.rotations[:, leg.knee]
            assert (turn[:, 2, 1] > -0.1).all()  # sine of the flexion


def test_smoothing_takes_tremor_away_and_keeps_the_course(stepping: Motion) -> None:
    noise = torch.randn(len(stepping), 22, 3, generator=torch.Generator().manual_seed(0)) * 0.03
    shaky = attrs.evolve(stepping, rotations=stepping.rotations @ axis_angle_to_matrix(noise))
    calm = smooth(shaky)
    assert measures.jitter(calm) < 0.3 * measures.jitter(shaky)
    assert geodesic_angle(calm.rotations, stepping.rotations).mean() < 0.03
    identity = torch.eye(3).expand(len(calm), 22, 3, 3)
    torch.testing.assert_close(calm.rotations @ calm.rotations.mT, identity, atol=1e-5, rtol=0)


def test_smoothing_changes_no_pose_that_is_held_and_no_steady_travel() -> None:
    held = performed("stand still")[:1]
    frames = 30
    steady = attrs.evolve(
        held,
        rotations=held.rotations.expand(frames, -1, -1, -1),
        translation=held.translation + torch.arange(frames)[:, None] * torch.tensor([[0.02, 0.0, 0.0]]),
    )
    smoothed = smooth(steady)
    torch.testing.assert_close(smoothed.rotations, steady.rotations, atol=1e-5, rtol=0)
    torch.testing.assert_close(smoothed.translation, steady.translation, atol=1e-5, rtol=0)


@pytest.mark.parametrize("height", [-0.2, 0.1])
def test_a_body_beside_the_floor_is_put_on_it(stepping: Motion, height: float) -> None:
    moved = attrs.evolve(stepping, translation=stepping.translation + torch.tensor([0.0, 0.0, height]))
    standing = stand_on_floor(moved)
    assert float(measures.joint_positions(standing)[..., 2].min()) >= -1e-3
    assert abs(float(measures.toe_heights(standing).min(dim=1).values.median()) - 0.02) < 0.015


def test_a_jump_stays_a_jump_on_the_floor() -> None:
    jump = performed("jump in place")
    assert measures.flight_seconds(stand_on_floor(jump)) >= 0.8 * measures.flight_seconds(jump) > 0.1


@pytest.mark.parametrize("name", ["floor", "foot-skate"])
def test_a_second_time_changes_next_to_nothing(gliding: Motion, name: str) -> None:
    once = postprocess(gliding, [name])
    twice = postprocess(once, [name])
    first, second = (measures.joint_positions(motion) for motion in (once, twice))
    assert float((first - second).norm(dim=-1).max()) < 0.03


@pytest.mark.parametrize("name", POSTPROCESSES)
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_a_motion_of_few_frames_is_no_error(stepping: Motion, name: str, frames: int) -> None:
    assert len(postprocess(stepping[:frames], [name])) == frames


def test_all_are_done_in_their_own_order_whatever_the_users(gliding: Motion) -> None:
    assert check_postprocesses(["foot-skate", "smooth"]) == ("smooth", "foot-skate")
    one, other = (postprocess(gliding, names) for names in (["foot-skate", "smooth"], ["smooth", "foot-skate"]))
    assert torch.equal(one.rotations, other.rotations)


def test_none_leaves_the_motion_as_it_is(gliding: Motion) -> None:
    assert postprocess(gliding, ()) is gliding


@pytest.mark.parametrize(("names", "message"), [(["smoth"], "'smooth'"), ("smooth", "a list of names")])
def test_an_unknown_name_is_refused(gliding: Motion, names: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        postprocess(gliding, names)


@pytest.mark.parametrize("name", ["floor", "foot-skate"])
def test_a_skeleton_without_legs_is_refused(name: str) -> None:
    pole = Skeleton(name="pole", joint_names=("a",), parents=(-1,), rest_offsets=((0.0, 0.0, 0.0),))
    motion = Motion(rotations=torch.eye(3).expand(3, 1, 3, 3), translation=torch.zeros(3, 3), fps=30, skeleton=pole)
    with pytest.raises(ConfigError, match="left_hip"):
        postprocess(motion, [name])


def test_a_foot_stands_only_where_it_is_low_and_slow() -> None:
    toe = torch.zeros(30, 3)
    toe[10:20, 2] = 0.2
    assert stands(toe, 30.0).tolist() == [True] * 10 + [False] * 10 + [True] * 10
    toe[:, 0] = torch.arange(30) * 0.1
    assert not stands(toe, 30.0).any()
