"""The stick body: its joints are the skeleton's, its surface is closed and moves with the bones."""

from __future__ import annotations

import attrs
import pytest
import torch

from actiongpt_core.body.stick import HEEL_OFFSET, StickBody
from actiongpt_core.errors import ConfigError, ShapeError
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, rotation_about_z
from actiongpt_core.interfaces import BodyModel
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SKELETONS, SMPL, SMPL_BODY, Skeleton


def random_motion(num_frames: int = 7, seed: int = 0, skeleton: Skeleton = SMPL_BODY) -> Motion:
    generator = torch.Generator().manual_seed(seed)
    axis_angle = torch.randn(num_frames, skeleton.num_joints, 3, generator=generator) * 0.6
    return Motion(
        rotations=axis_angle_to_matrix(axis_angle),
        translation=torch.randn(num_frames, 3, generator=generator),
        fps=30.0,
        skeleton=skeleton,
    )


def standing() -> Motion:
    """One frame in the T-pose, upright on the floor, facing -y."""
    rotations = torch.eye(3).repeat(1, SMPL_BODY.num_joints, 1, 1)
    rotations[:, 0] = axis_angle_to_matrix(torch.tensor([[torch.pi / 2, 0.0, 0.0]]))
    return Motion(rotations=rotations, translation=torch.tensor([[0.0, 0.0, 0.94]]), fps=30.0)


def test_stick_body_is_a_body_model() -> None:
    assert isinstance(StickBody(), BodyModel)


def test_joints_are_those_of_forward_kinematics() -> None:
    motion = random_motion()
    expected, _ = forward_kinematics(motion.rotations, motion.translation, SMPL_BODY)
    torch.testing.assert_close(StickBody().joints(motion), expected)


def test_bone_lengths_do_not_change_with_the_pose() -> None:
    joints = StickBody().joints(random_motion())
    bones = joints[:, 1:] - joints[:, list(SMPL_BODY.parents[1:])]
    expected = torch.tensor(SMPL_BODY.rest_offsets[1:]).norm(dim=-1).expand(len(joints), -1)
    torch.testing.assert_close(bones.norm(dim=-1), expected, atol=1e-5, rtol=0)


def test_joints_heels_and_surface_turn_with_the_body() -> None:
    motion, body = random_motion(), StickBody()
    turn = rotation_about_z(torch.tensor(0.7))
    rotations = motion.rotations.clone()
    rotations[:, 0] = turn @ rotations[:, 0]
    turned = attrs.evolve(motion, rotations=rotations, translation=motion.translation @ turn.T)
    for of in (body.joints, body.heels, lambda m: body.mesh(m)[0]):
        torch.testing.assert_close(of(turned), of(motion) @ turn.T, atol=1e-5, rtol=0)


def test_a_standing_body_has_its_left_side_at_plus_x_and_its_soles_on_the_floor() -> None:
    body, motion = StickBody(), standing()
    joints, (vertices, _) = body.joints(motion)[0], body.mesh(motion)
    assert joints[SMPL_BODY.index("left_wrist"), 0] > 0.6
    assert joints[SMPL_BODY.index("left_foot"), 1] < joints[SMPL_BODY.index("left_ankle"), 1] - 0.1  # it faces -y
    assert abs(float(vertices[..., 2].min())) < 0.03
    assert 1.6 < float(vertices[..., 2].max()) < 1.9


def test_heels_are_the_documented_point_of_the_ankles_frame() -> None:
    motion, body = random_motion(), StickBody()
    joints, rotations = forward_kinematics(motion.rotations, motion.translation, SMPL_BODY)
    for side, name in enumerate(("left_ankle", "right_ankle")):
        ankle = SMPL_BODY.index(name)
        local = ((body.heels(motion)[:, side] - joints[:, ankle])[:, None] @ rotations[:, ankle])[:, 0]
        torch.testing.assert_close(local, torch.tensor(HEEL_OFFSET).expand_as(local), atol=1e-5, rtol=0)


def test_heels_of_a_standing_body_are_behind_the_toes_and_near_the_floor() -> None:
    body, motion = StickBody(), standing()
    heels, joints = body.heels(motion)[0], body.joints(motion)[0]
    assert (heels[:, 2].abs() < 0.04).all()
    assert (heels[:, 1] > joints[[10, 11], 1] + 0.1).all()
    assert heels[0, 0] > 0 > heels[1, 0]


def signed_volumes(body: StickBody, motion: Motion) -> torch.Tensor:
    """Volume of each connected part, (T, parts): positive if its faces look outward."""
    vertices, faces = body.mesh(motion)
    corners = vertices[:, faces]
    volumes = (torch.linalg.cross(corners[:, :, 0], corners[:, :, 1]) * corners[:, :, 2]).sum(-1) / 6
    parent = list(range(vertices.shape[1]))

    def find(vertex: int) -> int:
        while parent[vertex] != vertex:
            vertex = parent[vertex]
        return vertex

    for a, b, c in faces.tolist():
        parent[find(a)] = parent[find(b)] = find(c)
    owners = [find(face[0]) for face in faces.tolist()]
    parts = sorted(set(owners))
    return torch.stack([volumes[:, [o == part for o in owners]].sum(1) for part in parts], dim=1)


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_every_part_of_the_surface_looks_outward_and_keeps_its_volume(skeleton: Skeleton) -> None:
    volumes = signed_volumes(StickBody(skeleton), random_motion(3, skeleton=skeleton))
    assert volumes.shape[1] >= skeleton.num_joints
    assert (volumes > 0).all()
    torch.testing.assert_close(volumes, volumes[:1].expand_as(volumes), rtol=1e-2, atol=1e-6)


def test_the_surface_is_closed() -> None:
    _, faces = StickBody().mesh(standing())
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    directed = {tuple(edge) for edge in edges.tolist()}
    assert len(directed) == len(edges)
    assert all((b, a) in directed for a, b in directed)


def test_the_surface_moves_rigidly_with_the_joint_that_carries_it() -> None:
    motion, body = random_motion(), StickBody()
    vertices, _ = body.mesh(motion)
    joints, rotations = forward_kinematics(motion.rotations, motion.translation, SMPL_BODY)
    local = (vertices - joints[:, body.vertex_joints])[:, :, None] @ rotations[:, body.vertex_joints]
    torch.testing.assert_close(local, local[:1].expand_as(local), atol=1e-5, rtol=0)


def test_any_skeleton_gives_a_body_but_heels_need_ankles() -> None:
    pole = Skeleton(name="pole", joint_names=("a", "b"), parents=(-1, 0), rest_offsets=((0, 0, 0), (0, 1, 0)))
    motion = Motion(rotations=torch.eye(3).repeat(2, 2, 1, 1), translation=torch.zeros(2, 3), fps=30, skeleton=pole)
    body = StickBody(pole)
    assert body.body_id == "stick-pole-v1"
    assert body.mesh(motion)[0].shape[0] == 2
    with pytest.raises(ConfigError, match="left_ankle"):
        body.heels(motion)


def test_a_motion_of_another_skeleton_is_refused() -> None:
    pole = Skeleton(name="pole", joint_names=("a",), parents=(-1,), rest_offsets=((0, 0, 0),))
    with pytest.raises(ShapeError, match="pole"):
        StickBody(pole).joints(standing())


def test_fingers_follow_the_hand_joints_of_smpl_and_reach_as_far_as_the_hands_of_the_body() -> None:
    body, motion = StickBody(SMPL), random_motion(2, skeleton=SMPL)
    bent = motion.rotations.clone()
    bent[:, SMPL.index("left_hand")] = torch.eye(3)
    before, after = body.mesh(motion)[0], body.mesh(attrs.evolve(motion, rotations=bent))[0]
    moved = (before - after).abs().amax((0, 2)) > 1e-6
    assert {int(joint) for joint in body.vertex_joints[moved]} == {SMPL.index("left_hand")}
    reach = [float(StickBody(skeleton).mesh(rest(skeleton))[0][..., 0].max()) for skeleton in (SMPL, SMPL_BODY)]
    assert reach[0] == pytest.approx(reach[1], abs=0.01)


def rest(skeleton: Skeleton) -> Motion:
    rotations = torch.eye(3).expand(1, skeleton.num_joints, 3, 3)
    return Motion(rotations=rotations, translation=torch.zeros(1, 3), fps=30, skeleton=skeleton)
