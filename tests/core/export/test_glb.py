"""GLB: a reader that is not ours sees the body that `StickBody` shows."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
import trimesh

from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ConfigError
from actiongpt_core.export import save
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY


class Glb:
    """What is in a GLB, by the specification alone."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, size = struct.unpack_from("<4sII", data)
        assert (magic, version, size) == (b"glTF", 2, len(data))
        length, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON"
        self.content: dict[str, Any] = json.loads(data[20 : 20 + length])
        self._block = data[20 + length + 8 :]

    def array(self, accessor: int) -> np.ndarray:
        item = self.content["accessors"][accessor]
        view = self.content["bufferViews"][item["bufferView"]]
        kind = {5126: "<f4", 5121: "<u1", 5123: "<u2", 5125: "<u4"}[item["componentType"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[item["type"]]
        flat = np.frombuffer(self._block, kind, item["count"] * width, view["byteOffset"])
        return flat.reshape(item["count"], width)

    def posed(self, frame: int) -> np.ndarray:
        """The skinned surface in a frame, (V, 3), as a viewer computes it."""
        nodes, (animation,), (skin,) = (self.content[name] for name in ("nodes", "animations", "skins"))
        local = np.tile(np.eye(4), (len(nodes), 1, 1))
        for node, matrix in zip(nodes, local, strict=True):
            matrix[:3, 3] = node.get("translation", (0, 0, 0))
        for channel in animation["channels"]:
            value = self.array(animation["samplers"][channel["sampler"]]["output"])[frame]
            matrix = local[channel["target"]["node"]]
            if channel["target"]["path"] == "translation":
                matrix[:3, 3] = value
            else:
                x, y, z, w = value
                matrix[:3, :3] = trimesh.transformations.quaternion_matrix([w, x, y, z])[:3, :3]
        world = local.copy()
        for index, node in enumerate(nodes):
            for child in node.get("children", ()):
                world[child] = world[index] @ local[child]
        inverse = self.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        bones = world[skin["joints"]] @ inverse
        attributes = self.content["meshes"][0]["primitives"][0]["attributes"]
        vertices, joints, weights = (self.array(attributes[key]) for key in ("POSITION", "JOINTS_0", "WEIGHTS_0"))
        blended = (bones[joints] * weights[..., None, None]).sum(1)
        return np.einsum("vij,vj->vi", blended, np.pad(vertices, ((0, 0), (0, 1)), constant_values=1))[:, :3]


def y_up(points: torch.Tensor) -> np.ndarray:
    x, y, z = points.unbind(-1)
    return torch.stack([x, z, -y], dim=-1).numpy()


@pytest.mark.parametrize("frame", [0, 17, 39])
def test_a_viewer_sees_the_body_of_the_motion(motion: Motion, tmp_path: Path, frame: int) -> None:
    posed = Glb(save(motion, tmp_path / "motion.glb")).posed(frame)
    wanted = y_up(StickBody().mesh(motion)[0][frame])
    np.testing.assert_allclose(posed, wanted, atol=1e-4)


def test_trimesh_opens_it_and_finds_the_joints_in_their_rest_pose(motion: Motion, tmp_path: Path) -> None:
    scene = trimesh.load(save(motion, tmp_path / "motion.glb"))
    assert set(SMPL_BODY.joint_names) <= set(scene.graph.nodes)
    height = scene.graph.get("head")[0][1, 3] - scene.graph.get("left_foot")[0][1, 3]
    assert 1.2 < height < 1.7
    assert len(scene.geometry) == 1


def test_frames_stand_at_their_times(motion: Motion, tmp_path: Path) -> None:
    glb = Glb(save(motion, tmp_path / "motion.glb"))
    (animation,) = glb.content["animations"]
    times = glb.array(animation["samplers"][0]["input"])[:, 0]
    np.testing.assert_allclose(times, np.arange(40) / 30, rtol=1e-6)
    assert animation["extras"]["action_starts"] == [0, 25]


def test_turns_take_the_short_way_between_frames(motion: Motion, tmp_path: Path) -> None:
    glb = Glb(save(motion, tmp_path / "motion.glb"))
    (animation,) = glb.content["animations"]
    for channel in animation["channels"]:
        if channel["target"]["path"] == "rotation":
            values = glb.array(animation["samplers"][channel["sampler"]]["output"])
            assert ((values[1:] * values[:-1]).sum(1) > 0).all()


@pytest.mark.parametrize(("names", "root"), [("mixamo", "mixamorig:Hips"), ("unity", "Hips"), (None, "pelvis")])
def test_joints_are_called_as_the_rig_has_them(motion: Motion, tmp_path: Path, names: str | None, root: str) -> None:
    nodes = Glb(save(motion, tmp_path / "motion.glb", names=names)).content["nodes"]
    assert nodes[0]["name"] == root


def test_unknown_joint_names_are_refused_with_those_that_are_known(motion: Motion, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mixamo, unity"):
        save(motion, tmp_path / "motion.glb", names="maximo")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("hands", [False, True])
def test_a_smpl_file_gives_its_surface_and_its_weights(
    motion: Motion, smpl_motion: Motion, golden_folder: Path, tmp_path: Path, hands: bool
) -> None:
    """Only the root turns: then SMPL's own surface has no correction for the pose."""
    model = next((golden_folder / "smplh_synthetic").glob("*.npz"))
    posed = smpl_motion if hands else motion
    rotations = torch.eye(3).repeat(*posed.rotations.shape[:2], 1, 1)
    rotations[:, 0] = posed.rotations[:, 0]
    turned = attrs.evolve(posed, rotations=rotations)
    glb = Glb(save(turned, tmp_path / "motion.glb", smpl=model))
    np.testing.assert_allclose(glb.posed(11), y_up(SmplBody(model).mesh(turned)[0][11]), atol=1e-4)


def test_bones_of_a_smpl_file_stand_where_smplx_puts_them(motion: Motion, golden_folder: Path, tmp_path: Path) -> None:
    model = next((golden_folder / "smplh_synthetic").glob("*.npz"))
    nodes = Glb(save(motion, tmp_path / "motion.glb", smpl=model)).content["nodes"]
    still = attrs.evolve(motion[:1], rotations=torch.eye(3).repeat(1, 22, 1, 1), translation=torch.zeros(1, 3))
    joints = SmplBody(model).joints(still)[0]
    for joint, parent in enumerate(SMPL_BODY.parents[1:], start=1):
        np.testing.assert_allclose(nodes[joint]["translation"], joints[joint] - joints[parent], atol=1e-5)
