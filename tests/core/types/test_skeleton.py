from __future__ import annotations

import pytest

from actiongpt_core.types.skeleton import SKELETONS, SMPL, SMPL_BODY, Skeleton


def test_smpl_is_the_body_and_a_hand_on_each_wrist() -> None:
    body = SMPL_BODY.num_joints
    assert SMPL.num_joints == 24
    assert SMPL.joint_names[:body] == SMPL_BODY.joint_names
    assert SMPL.parents[:body] == SMPL_BODY.parents
    assert SMPL.rest_offsets[:body] == SMPL_BODY.rest_offsets
    for side in ("left", "right"):
        assert SMPL.joint_names[SMPL.parents[SMPL.index(f"{side}_hand")]] == f"{side}_wrist"


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_the_named_skeletons_are_mirror_images_of_themselves(skeleton: Skeleton) -> None:
    assert SKELETONS[skeleton.name] is skeleton
    for joint, twin in enumerate(skeleton.mirror):
        x, y, z = skeleton.rest_offsets[joint]
        assert skeleton.rest_offsets[twin] == (-x, y, z)
        assert skeleton.mirror[twin] == joint
