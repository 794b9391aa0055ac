"""Bodies of the SMPL family: joints and surface through smplx, from plain arrays only.

The bodies are made up; parity with the originals is in the golden tests.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from actiongpt_core.body.joint_sets import HEEL_VERTICES, NUM_SMPL_JOINTS, SMPLH_HEELS
from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.errors import ConfigError, MissingAssetError, ShapeError
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from actiongpt_core.interfaces import BodyModel
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL, SMPL_BODY, Skeleton


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
    torch.testing.assert_close(body.heels(motion), joints[:, SMPLH_HEELS, :])


def test_a_surface_that_is_numbered_in_another_way_has_no_known_heels(smplx_file: Path, motion: Motion) -> None:
    with pytest.raises(ConfigError, match="SMPL or SMPL-H"):
        SmplBody(smplx_file).heels(motion)


def test_chunks_change_nothing(model_file: Path, body: SmplBody, motion: Motion) -> None:
    chunked = SmplBody(model_file, chunk=4)
    torch.testing.assert_close(chunked.all_joints(motion), body.all_joints(motion), atol=1e-6, rtol=0)


def test_loading_a_body_prints_nothing(model_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SmplBody(model_file)
    assert capsys.readouterr() == ("", "")


def test_a_missing_file_says_where_to_get_one_and_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError) as caught:
        SmplBody(tmp_path / "model.npz")
    sites = [f"https://{name}.is.tue.mpg.de" for name in ("smpl", "mano", "smpl-x")]
    for part in ("model.npz", *sites, "SmplBody("):
        assert part in str(caught.value)


class Trap:
    """Fails the test if anybody unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickle was opened",)


def test_a_pickle_that_runs_code_is_refused_unopened(tmp_path: Path) -> None:
    for content in (Trap(), {"v_template": Trap()}):
        (tmp_path / "SMPLH_MALE.pkl").write_bytes(pickle.dumps(content))
        with pytest.raises(ConfigError, match=r"SMPLH_MALE\.pkl.*refused: _pytest"):
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


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 truncated", b"no archive at all", b"\x80\x02}"])
@pytest.mark.parametrize("name", ["m.npz", "m.pkl"])
def test_a_broken_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=rf"{name} cannot be read"):
        SmplBody(tmp_path / name)


def test_files_that_hold_no_body_are_refused_with_what_they_hold(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "m.ckpt").write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"from \.npz or \.pkl"):
        SmplBody(tmp_path / "m.ckpt")
    (tmp_path / "m.pkl").write_bytes(pickle.dumps([1]))
    with pytest.raises(ConfigError, match="holds a list"):
        SmplBody(tmp_path / "m.pkl")
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"f": np.zeros((2, 3))}))
    with pytest.raises(ConfigError, match=r"J_regressor, kintree_table, posedirs.* missing"):
        SmplBody(tmp_path / "m.pkl")
    with pytest.raises(ConfigError, match=r"16 and 6890, which no body has .*SMPL-H 52 and 6890"):
        SmplBody(rewrite(model_file, tmp_path / "m.npz", J_regressor=np.zeros((16, 6890))))


def test_a_motion_of_another_skeleton_is_refused(body: SmplBody) -> None:
    pole = Skeleton(name="pole", joint_names=("a",), parents=(-1,), rest_offsets=((0, 0, 0),))
    motion = Motion(rotations=torch.eye(3)[None, None], translation=torch.zeros(1, 3), fps=30, skeleton=pole)
    with pytest.raises(ShapeError, match="pole"):
        body.joints(motion)


# --- SMPL, SMPL-H and SMPL-X ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def smpl(synthetic_smpl: Path) -> SmplBody:
    folder = synthetic_smpl / "smpl"
    return SmplBody(folder / "SMPL_NEUTRAL.pkl", extra_regressor=folder / "J_regressor_extra.npy")


@pytest.fixture(scope="module")
def smplx_file(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The joints of the other body and three of a face, on a cloud of points; each point follows one joint."""
    numbers, (num_joints, num_vertices) = np.random.default_rng(0), (55, 10475)
    with np.load(model_file) as other:
        tree = other["kintree_table"][:, :22]
    parents = np.concatenate([tree[0], [15, 15, 15], *(np.repeat(wrist, 15) for wrist in (20, 21))])
    arrays = {
        "v_template": numbers.normal(size=(num_vertices, 3)),
        "shapedirs": np.zeros((num_vertices, 3, 20), np.float16),
        "posedirs": np.zeros((num_vertices, 3, 9 * (num_joints - 1)), np.float16),
        "J_regressor": np.eye(num_joints, num_vertices),
        "weights": np.eye(num_joints)[np.arange(num_vertices) % num_joints],
        "kintree_table": np.stack([parents, np.arange(num_joints)]),
        "f": np.zeros((4, 3), np.uint32),
    }
    path = tmp_path_factory.mktemp("smplx") / "SMPLX_NEUTRAL.npz"
    np.savez(path, **arrays)
    return path


def with_hands(motion: Motion) -> Motion:
    hands = axis_angle_to_matrix(torch.randn(9, 2, 3, generator=torch.Generator().manual_seed(2)))
    return attrs.evolve(motion, rotations=torch.cat([motion.rotations, hands], dim=1), skeleton=SMPL)


def test_the_arrays_tell_which_body_it_is(smpl: SmplBody, body: SmplBody, smplx_file: Path, motion: Motion) -> None:
    sizes = {"SMPL": (NUM_SMPL_JOINTS, 6890), "SMPL-H": (73, 6890), "SMPL-X": (76, 10475)}
    for each in (smpl, body, SmplBody(smplx_file)):
        num_joints, num_vertices = sizes[each.kind.name]
        assert each.body_id.startswith(each.kind.name.lower().replace("-", "") + "-")
        assert each.all_joints(motion).shape == (9, num_joints, 3)
        assert each.mesh(motion)[0].shape == (9, num_vertices, 3)
        assert each.joints(motion).shape == (9, 22, 3)
        torch.testing.assert_close(each.joints(motion)[:, 0], motion.translation, atol=1e-5, rtol=0)


def test_a_point_of_smplx_follows_its_joint(smplx_file: Path, motion: Motion) -> None:
    body = SmplBody(smplx_file)
    turned = torch.eye(3).repeat(1, 55, 1, 1)
    turned[0, 20] = axis_angle_to_matrix(torch.tensor([0.3, 0.2, 0.1]))  # the left wrist
    rest, posed = (body.forward_rotations(r)[1][0] for r in (torch.eye(3).expand(1, 55, 3, 3), turned))
    moved = set(((rest - posed).abs().amax(1) > 1e-6).nonzero()[:, 0].remainder(55).tolist())
    assert moved == {20, *range(25, 40)}


def test_bodies_are_read_as_smplx_reads_them(smpl: SmplBody, synthetic_smpl: Path, motion: Motion) -> None:
    import smplx
    from smplx.lbs import batch_rodrigues

    motion = with_hands(motion)
    axis_angle = matrix_to_axis_angle(motion.rotations).flatten(1)
    torch.testing.assert_close(
        batch_rodrigues(axis_angle.view(-1, 3)), motion.rotations.flatten(0, 1), atol=1e-5, rtol=0
    )
    theirs = smplx.create(str(synthetic_smpl), model_type="smpl", batch_size=len(axis_angle))
    translation = motion.translation - smpl.rest_pelvis
    expected = theirs(global_orient=axis_angle[:, :3], body_pose=axis_angle[:, 3:], transl=translation)
    torch.testing.assert_close(smpl.all_joints(motion)[:, :45], expected.joints.detach(), atol=2e-5, rtol=0)
    torch.testing.assert_close(smpl.mesh(motion)[0], expected.vertices.detach(), atol=2e-5, rtol=0)
    assert np.array_equal(smpl.faces, theirs.faces)


def test_a_pickle_and_an_npz_of_one_body_are_the_same_body(synthetic_smpl: Path, motion: Motion) -> None:
    folder = synthetic_smpl / "smplh"
    bodies = [SmplBody(folder / name) for name in ("SMPLH_NEUTRAL.pkl", "neutral/model.npz")]
    torch.testing.assert_close(bodies[0].all_joints(motion), bodies[1].all_joints(motion))
    assert bodies[0].body_id == bodies[1].body_id
    assert torch.equal(bodies[0].faces, bodies[1].faces)


def test_hand_joints_turn_the_hands_of_smpl_alone(smpl: SmplBody, motion: Motion) -> None:
    assert smpl.joints(with_hands(motion)).shape == (9, 24, 3)
    before, after = smpl.all_joints(motion), smpl.all_joints(with_hands(motion))
    moved = ((before - after).abs().amax((0, 2)) > 1e-4).nonzero()[:, 0].tolist()
    assert moved == list(range(35, 45))  # the tips of the fingers


def test_joints_without_the_surface_are_those_with_it(smpl: SmplBody, body: SmplBody, motion: Motion) -> None:
    betas = torch.randn(9, 10, generator=torch.Generator().manual_seed(3))
    for each in (smpl, body):
        for shape in (None, betas, betas[0, :3]):
            expected = each.forward_rotations(motion.rotations, betas=shape)[0][:, : each.kind.num_joints]
            found = each.posed_joints(motion.rotations, betas=shape)
            torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_the_extra_joints_are_the_weighted_vertices(smpl: SmplBody, synthetic_smpl: Path, motion: Motion) -> None:
    joints, vertices = smpl.forward_rotations(motion.rotations)
    weights = torch.from_numpy(np.load(synthetic_smpl / "smpl" / "J_regressor_extra.npy")).float()
    torch.testing.assert_close(joints[:, 45:], torch.einsum("jv,tvc->tjc", weights, vertices), atol=1e-5, rtol=0)
    without = SmplBody(synthetic_smpl / "smpl" / "SMPL_NEUTRAL.pkl")
    torch.testing.assert_close(without.all_joints(motion), smpl.all_joints(motion)[:, :45])


def test_an_extra_regressor_of_another_kind_is_refused(synthetic_smpl: Path, tmp_path: Path) -> None:
    model, path = synthetic_smpl / "smpl" / "SMPL_NEUTRAL.pkl", tmp_path / "J_regressor_extra.npy"
    with pytest.raises(MissingAssetError, match=r"J_regressor_extra\.npy.*SPIN"):
        SmplBody(model, extra_regressor=path)
    for array in (np.zeros((9, 10475)), np.zeros(6890), np.zeros((9, 6890), int)):
        np.save(path, array)
        with pytest.raises(ConfigError, match="6890 weights a joint expected"):
            SmplBody(model, extra_regressor=path)
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ConfigError, match="without pickle"):
        SmplBody(model, extra_regressor=path)


def test_rotations_can_be_fitted_to_joints_and_vertices(smpl: SmplBody, motion: Motion) -> None:
    target_joints, target_vertices = smpl.forward_rotations(motion.rotations[:1])
    axis_angle = torch.zeros(22, 3, requires_grad=True)
    joints, vertices = smpl.forward_rotations(axis_angle_to_matrix(axis_angle)[None])
    loss = (joints - target_joints).square().mean() + (vertices - target_vertices).square().mean()
    (slope,) = torch.autograd.grad(loss, axis_angle)
    assert bool(slope.isfinite().all())
    joints, vertices = smpl.forward_rotations(axis_angle_to_matrix(-0.1 * slope)[None])
    assert (joints - target_joints).square().mean() + (vertices - target_vertices).square().mean() < loss


def test_no_rotations_give_no_joints(smpl: SmplBody) -> None:
    joints, vertices = smpl.forward_rotations(torch.zeros(0, 24, 3, 3))
    assert joints.shape == (0, NUM_SMPL_JOINTS, 3)
    assert vertices.shape == (0, 6890, 3)


def test_chunks_change_nothing_where_shapes_differ(synthetic_smpl: Path, smpl: SmplBody, motion: Motion) -> None:
    chunked = SmplBody(synthetic_smpl / "smpl" / "SMPL_NEUTRAL.pkl", chunk=4)
    betas = torch.randn(9, 10, generator=torch.Generator().manual_seed(4))
    found, expected = (each.forward_rotations(motion.rotations, betas=betas)[1] for each in (chunked, smpl))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("shape", "betas", "message"),
    [
        ((5, 23, 3, 3), None, r"22, 24 or 52, 3, 3\), got \(5, 23"),
        ((22, 3, 3), None, r"rotations \(N, 22"),
        ((5, 22, 3, 3), (11,), "K at most 10"),
        ((5, 22, 3, 3), (4, 10), r"\(5, K\)"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(body: SmplBody, shape: Any, betas: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        body.forward_rotations(torch.zeros(shape), betas=None if betas is None else torch.zeros(betas))


def test_hand_joints_of_smpl_turn_the_index_fingers_of_a_body_with_fingers(body: SmplBody, motion: Motion) -> None:
    assert body.joints(with_hands(motion)).shape == (len(motion), 24, 3)
    before, after = body.all_joints(motion)[:, :52], body.all_joints(with_hands(motion))[:, :52]
    moved = ((before - after).abs().amax((0, 2)) > 1e-4).nonzero()[:, 0].tolist()
    assert moved == [23, 24, 38, 39]  # what hangs on left_index1 and right_index1
