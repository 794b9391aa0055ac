"""GLB: one file of glTF 2.0 with an animated, skinned body.

Written here: the container is a JSON text and one block of numbers. trimesh writes no skins and no animations;
pygltflib 1.16 brings dataclasses-json and marshmallow, and would save the twelve lines of `_container`.

Source: The Khronos Group, "glTF 2.0 Specification", sections 3.7 (skins), 3.11 (animations) and 4 (GLB).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actiongpt_core.export.bvh import Z_UP_TO_Y_UP
from actiongpt_core.export.names import joint_names
from actiongpt_core.export.skins import Skin, smpl_skin, stick_skin
from actiongpt_core.geometry.rotations import matrix_to_quaternion
from actiongpt_core.types.motion import Motion

_FLOAT, _BYTE, _SHORT, _INT = 5126, 5121, 5123, 5125  # component types
_ARRAY, _ELEMENTS = 34962, 34963  # what a graphics card uses a view for
_KINDS = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


def save_glb(
    motion: Motion, path: Path, *, names: str | Mapping[str, str] | None = None, smpl: str | Path | None = None
) -> None:
    """Write a motion as GLB: Y up, metres, seconds; the body at rest stands in a T-pose and faces +z.

    A node a joint, called as the joint; a mesh with skin; one animation with the rotation of each joint and the
    position of the root in each frame. `extras.action_starts` of the animation holds the first frame of each action.

    Args:
        motion: What to write.
        path: The file.
        names: What the joints are called; see `actiongpt_core.export.names.joint_names`.
        smpl: The user's SMPL, SMPL-H or SMPL-X file, for its skin; without it a body of capsules.

    Raises:
        ConfigError: The names do not fit, or the body file is none.
        ExportError: The body cannot show the motion's skeleton.
        MissingAssetError: There is no body file.
    """
    written = joint_names(motion.skeleton, names)
    skin = stick_skin(motion.skeleton) if smpl is None else smpl_skin(motion.skeleton, smpl)
    document = _Document()
    mesh = _mesh(document, skin)
    nodes = _nodes(motion, written, skin)
    count = len(nodes)
    inverse = np.tile(np.eye(4), (count, 1, 1))
    inverse[:, :3, 3] = -skin.rest
    content = {
        "asset": {"version": "2.0", "generator": "actiongpt-core"},
        "scene": 0,
        "scenes": [{"nodes": [0, count]}],
        "nodes": [*nodes, {"name": "body", "mesh": 0, "skin": 0}],
        "meshes": [mesh],
        "materials": [{"name": "body", "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.8}}],
        "skins": [
            {  # glTF stores matrices by columns
                "inverseBindMatrices": document.add(inverse.transpose(0, 2, 1).reshape(count, 16), _FLOAT),
                "joints": list(range(count)),
                "skeleton": 0,
            }
        ],
        "animations": [_animation(document, motion)],
    }
    path.write_bytes(_container(content | document.tables(), bytes(document.block)))


class _Document:
    """The block of numbers, and the tables that say what lies where."""

    def __init__(self) -> None:
        self.block = bytearray()
        self._views: list[dict[str, Any]] = []
        self._accessors: list[dict[str, Any]] = []

    def add(self, values: NDArray[Any], kind: int, *, target: int | None = None, bounds: bool = False) -> int:
        """Append an array, (N,) or (N, numbers each); returns the index of its accessor."""
        formats = {_FLOAT: "<f4", _BYTE: "<u1", _SHORT: "<u2", _INT: "<u4"}
        array = np.ascontiguousarray(values, dtype=formats[kind])
        accessor = {
            "bufferView": len(self._views),
            "componentType": kind,
            "count": len(array),
            "type": _KINDS[1 if array.ndim == 1 else array.shape[1]],
        }
        if bounds:
            table = array.reshape(len(array), -1).astype(np.float64)
            accessor |= {"min": table.min(0).tolist(), "max": table.max(0).tolist()}
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.block), "byteLength": array.nbytes}
        self._views.append(view if target is None else view | {"target": target})
        self._accessors.append(accessor)
        self.block += array.tobytes()
        self.block += bytes(-len(self.block) % 4)
        return len(self._accessors) - 1

    def tables(self) -> dict[str, Any]:
        """What the JSON says of the block."""
        return {
            "buffers": [{"byteLength": len(self.block)}],
            "bufferViews": self._views,
            "accessors": self._accessors,
        }


def _mesh(document: _Document, skin: Skin) -> dict[str, Any]:
    attributes = {
        "POSITION": document.add(skin.vertices, _FLOAT, target=_ARRAY, bounds=True),
        "NORMAL": document.add(skin.normals(), _FLOAT, target=_ARRAY),
        "COLOR_0": document.add(skin.colours**2.2, _FLOAT, target=_ARRAY),  # glTF's colours are linear
        "JOINTS_0": document.add(skin.joints, _BYTE, target=_ARRAY),
        "WEIGHTS_0": document.add(skin.weights, _FLOAT, target=_ARRAY),
    }
    kind = _SHORT if len(skin.vertices) < 2**16 else _INT
    indices = document.add(skin.faces.reshape(-1), kind, target=_ELEMENTS)
    return {"name": "body", "primitives": [{"attributes": attributes, "indices": indices, "material": 0}]}


def _nodes(motion: Motion, names: tuple[str, ...], skin: Skin) -> list[dict[str, Any]]:
    """A node a joint, at rest; the root where the motion begins."""
    nodes: list[dict[str, Any]] = []
    for joint, parent in enumerate(motion.skeleton.parents):
        offset = skin.rest[joint] - skin.rest[parent] if parent >= 0 else np.zeros(3)
        children = [child for child, its in enumerate(motion.skeleton.parents) if its == joint]
        node = {"name": names[joint], "translation": offset.tolist()}
        nodes.append(node | ({"children": children} if children else {}))
    return nodes


def _animation(document: _Document, motion: Motion) -> dict[str, Any]:
    rotations = motion.rotations.detach().cpu().double()
    turn = rotations.new_tensor(Z_UP_TO_Y_UP)
    rotations = rotations.clone()
    rotations[:, 0] = turn @ rotations[:, 0]
    quaternions = _continuous(np.roll(matrix_to_quaternion(rotations).numpy(), -1, axis=-1))  # w last
    translation = motion.translation.detach().cpu().double() @ turn.mT
    times = document.add(np.arange(len(motion)) / motion.fps, _FLOAT, bounds=True)
    outputs = [document.add(quaternions[:, joint], _FLOAT) for joint in range(quaternions.shape[1])]
    outputs.append(document.add(translation.numpy(), _FLOAT))
    targets = [{"node": joint, "path": "rotation"} for joint in range(quaternions.shape[1])]
    targets.append({"node": 0, "path": "translation"})
    return {
        "name": "motion",
        "samplers": [{"input": times, "output": output} for output in outputs],
        "channels": [{"sampler": index, "target": target} for index, target in enumerate(targets)],
        "extras": {"action_starts": list(motion.starts), "fps": motion.fps},
    }


def _continuous(quaternions: NDArray[Any]) -> NDArray[Any]:
    """The same rotations, signs chosen so that each is near the one before: readers interpolate. (T, J, 4)."""
    turned = (quaternions[1:] * quaternions[:-1]).sum(-1) < 0
    signs = np.where(np.pad(turned, ((1, 0), (0, 0))).cumsum(0) % 2, -1.0, 1.0)
    return np.asarray(quaternions * signs[..., None])


def _container(content: Mapping[str, Any], block: bytes) -> bytes:
    text = json.dumps(content, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    size = 12 + 8 + len(text) + 8 + len(block)
    head = struct.pack("<4sII", b"glTF", 2, size)
    return b"".join(
        [head, struct.pack("<I4s", len(text), b"JSON"), text, struct.pack("<I4s", len(block), b"BIN\0"), block]
    )
