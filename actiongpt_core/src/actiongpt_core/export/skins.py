"""A surface at rest with its joints and weights, for formats that move it by a skeleton."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from actiongpt_core.body.smpl_files import read_body_file
from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ExportError
from actiongpt_core.export.render import body_colours
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL, SMPL_BODY, Skeleton

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_INFLUENCES = 4  #: joints that move one vertex, as many as every reader takes
_GREY = (0.72, 0.70, 0.68)


@attrs.frozen(eq=False, kw_only=True)
class Skin:
    """A body at rest, in a T-pose: x to its left, y up, z forward, the pelvis at the origin; metres."""

    rest: FloatArray  #: position of each joint of the motion's skeleton, (J, 3)
    vertices: FloatArray  #: (V, 3)
    faces: IntArray  #: (N, 3), counter-clockwise seen from outside
    colours: FloatArray  #: (V, 3), 0 to 1
    joints: IntArray  #: which joints move each vertex, (V, 4)
    weights: FloatArray  #: how much each does, (V, 4), sums 1

    def normals(self) -> FloatArray:
        """Unit vectors out of the surface, (V, 3)."""
        a, b, c = (self.vertices[self.faces[:, corner]] for corner in range(3))
        normals = np.zeros_like(self.vertices)
        for corner in range(3):
            np.add.at(normals, self.faces[:, corner], np.cross(b - a, c - a))
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        return np.where(length > 0, normals / np.maximum(length, 1e-12), (0.0, 1.0, 0.0))


def stick_skin(skeleton: Skeleton) -> Skin:
    """The capsules of `StickBody`; each vertex moves with one joint."""
    body = StickBody(skeleton)
    still = torch.eye(3).expand(1, skeleton.num_joints, 3, 3)
    motion = Motion(rotations=still, translation=torch.zeros(1, 3), fps=1.0, skeleton=skeleton)
    owners = np.pad(body.vertex_joints.numpy()[:, None], ((0, 0), (0, _INFLUENCES - 1)))
    return Skin(
        rest=body.joints(motion)[0].double().numpy(),
        vertices=body.mesh(motion)[0][0].double().numpy(),
        faces=body.faces.numpy(),
        colours=body_colours(body).astype(np.float64),
        joints=owners,
        weights=np.tile([1.0, 0.0, 0.0, 0.0], (len(owners), 1)),
    )


def smpl_skin(skeleton: Skeleton, path: str | Path) -> Skin:
    """The surface of a user's SMPL, SMPL-H or SMPL-X file, of mean shape.

    Linear blend skinning with the file's four largest weights; its pose-dependent corrections are not kept, since no
    format for many programs holds them. What fingers, jaw and eyes move follows the last joint that the motion has.

    Args:
        skeleton: Of the motion: SMPL's 22 body joints, or its 24.
        path: The body file.

    Raises:
        ExportError: The motion has another skeleton.
        MissingAssetError: There is no such file.
        ConfigError: It is no body file.
    """
    if skeleton.joint_names not in (SMPL_BODY.joint_names, SMPL.joint_names):
        raise ExportError(f"A skin of SMPL needs SMPL's body joints; the motion has skeleton {skeleton.name!r}.")
    kind, arrays = read_body_file(Path(path))
    template = np.asarray(arrays["v_template"], dtype=np.float64)
    hands = kind.hands if skeleton.num_joints == SMPL.num_joints else ()
    places = [*range(SMPL_BODY.num_joints), *hands]
    rest = np.asarray(arrays["J_regressor"], dtype=np.float64)[places] @ template
    carried = np.asarray(arrays["weights"], dtype=np.float64) @ _carriers(arrays, kind.num_joints, places)
    joints = np.argsort(-carried, axis=1, kind="stable")[:, :_INFLUENCES]
    weights = np.take_along_axis(carried, joints, axis=1)
    return Skin(
        rest=rest - rest[0],
        vertices=template - rest[0],
        faces=np.asarray(arrays["f"], dtype=np.int64),
        colours=np.tile(_GREY, (len(template), 1)),
        joints=np.where(weights > 0, joints, 0),
        weights=weights / weights.sum(axis=1, keepdims=True),
    )


def _carriers(arrays: dict[str, Any], num_joints: int, places: list[int]) -> FloatArray:
    """1 where a joint of the file (rows) is moved by a joint of the motion (columns): itself, or its nearest parent."""
    parents = np.asarray(arrays["kintree_table"])[0].astype(np.int64)
    table = np.zeros((num_joints, len(places)))
    for joint in range(num_joints):
        carrier = joint
        while carrier not in places:
            carrier = int(parents[carrier])
        table[joint, places.index(carrier)] = 1.0
    return table
