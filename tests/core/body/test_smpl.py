"""SMPL-H bodies: joints through smplx, from plain arrays only. The body is made up; parity is in the golden tests."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from actiongpt_core.body.joint_sets import HEEL_VERTICES, SMPLH_HEELS
from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.errors import ConfigError, MissingAssetError, ShapeError
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.interfaces import BodyModel
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY, Skeleton


@pytest.fixture(scope="module")
def model_file(golden_folder: Path) -> Path:
    return golden_folder / "smplh_synthetic" / "synthetic_smplh.npz"


@pytest.fixture(scope="module")
def body(model_file: Path) -> SmplBody:
    return SmplBody(model_file)


@pytest.fixture
def motion() -> Motion:
    generator = torch.Generator().manual_seed(1)
    rotations = axis_angle_to_matrix(torch.randn(9, 22, 3, generator=generator) * 0.5)
    return Motion(rotations=rotations, translation=torch.randn(9, 3, generator=generator), fps=30.0)


def test_smpl_body_is_a_body_model(body: SmplBody) -> None:
    assert isinstance(body, BodyModel)


def test_the_pelvis_is_where_the_motion_puts_it(body: SmplBody, motion: Motion) -> None:
    torch.testing.assert_close(body.joints(motion)[:, 0], motion.translation, atol=1e-6, rtol=0)


def test_joints_are_those_of_forward_kinematics_on_the_bodys_own_bones(
    model_file: Path, body: SmplBody, motion: Motion
) -> None:
    with np.load(model_file) as model:
        rest = model["J_regressor"][:22] @ model["v_template"]
    offsets = np.stack([rest[j] - rest[p] if p >= 0 else np.zeros(3) for j, p in enumerate(SMPL_BODY.parents)])
    own = attrs.evolve(SMPL_BODY, name="own", rest_offsets=tuple((float(x), float(y), float(z)) for x, y, z in offsets))
    expected, _ = forward_kinematics(motion.rotations, motion.translation, own)
    torch.testing.assert_close(body.joints(motion), expected, atol=1e-5, rtol=0)


def test_heel_joints_are_the_heel_vertices(body: SmplBody, motion: Motion) -> None:
    joints, (vertices, faces) = body.all_joints(motion), body.mesh(motion)
    assert joints.shape == (9, 73, 3)
    assert vertices.shape == (9, 6890, 3)
    assert faces.shape[1] == 3
    torch.testing.assert_close(joints[:, SMPLH_HEELS, :], vertices[:, HEEL_VERTICES, :])


def test_chunks_change_nothing(model_file: Path, body: SmplBody, motion: Motion) -> None:
    chunked = SmplBody(model_file, chunk=4)
    torch.testing.assert_close(chunked.all_joints(motion), body.all_joints(motion), atol=1e-6, rtol=0)


def test_loading_a_body_prints_nothing(model_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SmplBody(model_file)
    assert capsys.readouterr() == ("", "")


def test_a_missing_file_says_where_to_get_one_and_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError) as caught:
        SmplBody(tmp_path / "model.npz")
    for part in ("model.npz", "https://mano.is.tue.mpg.de", "SmplBody("):
        assert part in str(caught.value)


class Trap:
    """Fails the test if anybody unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickle was opened",)


def test_a_pickle_is_refused_unopened(tmp_path: Path) -> None:
    (tmp_path / "SMPLH_MALE.pkl").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ConfigError, match="npz"):
        SmplBody(tmp_path / "SMPLH_MALE.pkl")


def rewrite(source: Path, target: Path, **changes: Any) -> Path:
    with np.load(source) as model:
        arrays = {name: model[name] for name in model.files} | changes
    np.savez(target, **{name: array for name, array in arrays.items() if array is not None})
    return target


def test_an_object_array_that_is_needed_is_refused_unopened(model_file: Path, tmp_path: Path) -> None:
    trap = np.array([Trap()], dtype=object)
    with pytest.raises(ConfigError, match="plain arrays"):
        SmplBody(rewrite(model_file, tmp_path / "m.npz", v_template=trap))


def test_object_arrays_beside_the_model_and_missing_hands_do_no_harm(
    model_file: Path, body: SmplBody, motion: Motion, tmp_path: Path
) -> None:
    path = rewrite(
        model_file, tmp_path / "m.npz", pose_training_info=np.array([Trap()], dtype=object), hands_meanl=None
    )
    torch.testing.assert_close(SmplBody(path).joints(motion), body.joints(motion))
    assert SmplBody(path).body_id == body.body_id


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": None}, "weights missing"),
        ({"posedirs": np.zeros((6890, 3, 207), np.float32)}, "posedirs must be"),
        ({"kintree_table": np.zeros((2, 52), np.int64)}, "tree"),
        ({"v_template": np.full((6890, 3), "x")}, "numbers"),
    ],
)
def test_a_file_of_another_model_is_refused(
    model_file: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        SmplBody(rewrite(model_file, tmp_path / "m.npz", **changes))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 truncated", b"no archive at all"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.npz").write_bytes(content)
    with pytest.raises(ConfigError, match=r"m\.npz"):
        SmplBody(tmp_path / "m.npz")


def test_a_motion_of_another_skeleton_is_refused(body: SmplBody) -> None:
    pole = Skeleton(name="pole", joint_names=("a",), parents=(-1,), rest_offsets=((0, 0, 0),))
    motion = Motion(rotations=torch.eye(3)[None, None], translation=torch.zeros(1, 3), fps=30, skeleton=pole)
    with pytest.raises(ShapeError, match="pole"):
        body.joints(motion)
