"""SmplBody: joints and surface of SMPL, SMPL-H and SMPL-X through smplx, from the user's own file."""

from __future__ import annotations

import contextlib
import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actiongpt_core.body.joint_sets import HEEL_VERTICES
from actiongpt_core.body.smpl_files import Arrays, BodyKind, read_body_file, read_extra_regressor
from actiongpt_core.errors import ConfigError, ShapeError
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL, SMPL_BODY

#: Shape coefficients that are read of a file, as in the published results.
NUM_BETAS = 10
_NUM_VERTICES = 6890  # of SMPL and SMPL-H, one and the same surface


class SmplBody:
    """A body of the SMPL family; which one follows from the file: SMPL (24 joints), SMPL-H (52) or SMPL-X (55).

    For motions the shape is the mean one (betas 0), and joints that a motion has no rotations for (fingers, jaw, eyes)
    stay as they rest: hands are flat. SMPL's two hand joints turn the first joints of the index fingers in the larger
    bodies, as data of SMPL-H is cut to SMPL. Published results that use joints of SMPL-H are computed with the male
    body.

    Args:
        path: Body file, `.npz` or `.pkl`. Neither can run code: see `smpl_files`.
        extra_regressor: `J_regressor_extra.npy`, for further joints behind the others.
        device: Where the body is computed, and its results lie.
        chunk: Frames computed at once; bounds the memory that a long clip needs.

    Raises:
        MissingAssetError: There is no such file; the message says where to get it.
        ConfigError: The file holds none of the bodies, or is damaged.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        extra_regressor: str | Path | None = None,
        device: str | torch.device = "cpu",
        chunk: int = 128,
    ) -> None:
        self.kind, arrays = read_body_file(Path(path))
        content = hashlib.sha256(arrays["v_template"].tobytes() + arrays["J_regressor"].tobytes())
        #: names the body in reports of metrics, wherever its file lies
        self.body_id = f"{self.kind.key}-{content.hexdigest()[:8]}"
        self.device = torch.device(device)
        self.faces = torch.from_numpy(arrays["f"].astype(np.int64)).to(self.device)
        #: Position of the pelvis at rest in the model's own space, (3,), metres: its joint minus SMPL's translation.
        self.rest_pelvis = torch.from_numpy(arrays["J_regressor"][0] @ arrays["v_template"]).float().to(self.device)
        self._chunk = chunk
        self._layer = _build_layer(arrays, self.kind).to(self.device)
        self._extra: Tensor | None = None
        if extra_regressor is not None:
            extra = read_extra_regressor(Path(extra_regressor), self.kind)
            self._extra = torch.from_numpy(extra.astype(np.float32)).to(self.device)

    @torch.no_grad()
    def joints(self, motion: Motion) -> Tensor:
        """World positions of the motion's joints, (T, J, 3), metres; the pelvis is at the motion's translation.

        Raises:
            ShapeError: The body cannot show the motion's skeleton.
        """
        rotations, shift = self._placed(motion)
        return self.posed_joints(rotations)[:, self._places(motion.skeleton.num_joints)] + shift

    @torch.no_grad()
    def all_joints(self, motion: Motion) -> Tensor:
        """All joints of the body, world, metres, (T, 45 for SMPL, 73 for SMPL-H, 76 for SMPL-X, 3).

        First the body's own (24, 52, 55), then 21 vertices that smplx names: nose, right and left eye, right and left
        ear, big toe, small toe and heel of the left and of the right foot, thumb to little finger of the left and of
        the right hand. Behind them those of the extra regressor, if there is one: nine more.

        Raises:
            ShapeError: The body cannot show the motion's skeleton.
        """
        rotations, shift = self._placed(motion)
        return self.forward_rotations(rotations)[0] + shift

    @torch.no_grad()
    def mesh(self, motion: Motion) -> tuple[Tensor, Tensor]:
        """The surface: vertices (T, V, 3) in metres, world, and faces (N, 3).

        Raises:
            ShapeError: The body cannot show the motion's skeleton.
        """
        rotations, shift = self._placed(motion)
        return self.forward_rotations(rotations)[1] + shift, self.faces

    def heels(self, motion: Motion) -> Tensor:
        """World positions of the left and the right heel, two vertices of the surface, (T, 2, 3), metres.

        Raises:
            ConfigError: The surface is that of SMPL-X, whose heels are not known.
            ShapeError: The body cannot show the motion's skeleton.
        """
        if self.kind.num_vertices != _NUM_VERTICES:
            raise ConfigError(f"The heels of {self.kind.name} are not known. Take a body of SMPL or SMPL-H.")
        return self.mesh(motion)[0][:, HEEL_VERTICES]

    def forward_rotations(self, rotations: Tensor, *, betas: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Joints and surface in the model's own space (Y up, no translation), differentiable.

        Args:
            rotations: Parent-relative, (N, J, 3, 3); J may be 22, 24 with SMPL's hands, or all of the body's joints.
            betas: Shape coefficients, (K,) or (N, K), K at most `NUM_BETAS`; without them the mean shape.

        Returns:
            joints as in `all_joints` and vertices (N, V, 3), metres.

        Raises:
            ShapeError: There are too few or too many joints or coefficients.
        """
        rotations, betas = self._full(rotations), self._coefficients(betas, len(rotations))
        if not len(rotations):
            num_joints = self.kind.num_joints + 21 + (0 if self._extra is None else len(self._extra))
            return rotations.new_zeros(0, num_joints, 3), rotations.new_zeros(0, self.kind.num_vertices, 3)
        joints, vertices = [], []
        for pose, shape in zip(rotations.split(self._chunk), betas.split(self._chunk), strict=True):
            output = self._layer(global_orient=pose[:, :1], body_pose=pose[:, 1:], betas=shape)
            extra = [] if self._extra is None else [self._extra @ output.vertices]
            joints.append(torch.cat([output.joints, *extra], dim=1))
            vertices.append(output.vertices)
        return torch.cat(joints), torch.cat(vertices)

    def posed_joints(self, rotations: Tensor, *, betas: Tensor | None = None) -> Tensor:
        """The body's own joints (24, 52 or 55) as `forward_rotations` gives them, without computing the surface.

        Returns:
            (N, J, 3), metres.

        Raises:
            ShapeError: As `forward_rotations`.
        """
        from smplx.lbs import batch_rigid_transform, blend_shapes, vertices2joints

        layer, rotations = self._layer, self._full(rotations)
        shape = self._coefficients(betas, len(rotations))[: 1 if betas is None else None]
        rest = vertices2joints(layer.J_regressor, layer.v_template + blend_shapes(shape, layer.shapedirs))
        posed, _ = batch_rigid_transform(rotations, rest.expand(len(rotations), -1, -1), layer.parents)
        return torch.as_tensor(posed)

    def _placed(self, motion: Motion) -> tuple[Tensor, Tensor]:
        """Rotations for the layer, and what takes its joints to the world, (T, 1, 3)."""
        fitting = (SMPL_BODY, SMPL)
        if motion.skeleton.joint_names not in (skeleton.joint_names for skeleton in fitting):
            names = " or ".join(f"{skeleton.name!r} ({skeleton.num_joints} joints)" for skeleton in fitting)
            raise ShapeError(
                f"{self.kind.name} shows motions of the skeleton {names}; the motion has skeleton "
                f"{motion.skeleton.name!r}."
            )
        translation = motion.translation.to(self.device, torch.float32) - self.rest_pelvis
        return motion.rotations.to(self.device, torch.float32), translation[:, None]

    def _full(self, rotations: Tensor) -> Tensor:
        """Rotations of all joints: those that are not given are the identity."""
        sizes = sorted({SMPL_BODY.num_joints, SMPL.num_joints, self.kind.num_joints})
        if rotations.ndim != 4 or rotations.shape[1] not in sizes or rotations.shape[2:] != (3, 3):
            known = ", ".join(map(str, sizes[:-1]))
            raise ShapeError(
                f"{self.kind.name} takes rotations (N, {known} or {sizes[-1]}, 3, 3), got {tuple(rotations.shape)}."
            )
        rotations = rotations.to(self.device, torch.float32)
        full = torch.eye(3, device=self.device).repeat(len(rotations), self.kind.num_joints, 1, 1)
        full[:, self._places(rotations.shape[1])] = rotations
        return full

    def _places(self, num_joints: int) -> list[int]:
        """Which joints of the body the joints of a motion are."""
        if num_joints != SMPL.num_joints:
            return list(range(num_joints))
        return [*range(SMPL_BODY.num_joints), *self.kind.hands]

    def _coefficients(self, betas: Tensor | None, count: int) -> Tensor:
        """Shape coefficients of each of `count` bodies, filled up with zeros."""
        known = int(self._layer.shapedirs.shape[-1])
        betas = torch.zeros(known) if betas is None else betas
        if betas.ndim not in (1, 2) or betas.shape[-1] > known or (betas.ndim == 2 and len(betas) != count):
            raise ShapeError(f"betas must be (K,) or ({count}, K), K at most {known}; got {tuple(betas.shape)}.")
        betas = betas.to(self.device, torch.float32).expand(count, -1)
        return torch.nn.functional.pad(betas, (0, known - betas.shape[-1]))


def _build_layer(arrays: Arrays, kind: BodyKind) -> Any:
    """The layer of smplx over arrays in memory: given a structure, smplx opens no file.

    Its SMPL layer serves all three bodies: the larger ones differ in the names that they give to parts of the pose.
    """
    import smplx
    from smplx.utils import Struct
    from smplx.vertex_ids import vertex_ids

    with contextlib.redirect_stdout(io.StringIO()):  # it prints a warning about the number of betas
        layer = smplx.SMPLLayer(
            model_path="",
            data_struct=Struct(**arrays),
            num_betas=min(NUM_BETAS, arrays["shapedirs"].shape[-1]),
            vertex_ids=vertex_ids["smplx" if kind.key == "smplx" else "smplh"],
        )
    layer.NUM_BODY_JOINTS = kind.num_joints - 1
    return layer.eval()
