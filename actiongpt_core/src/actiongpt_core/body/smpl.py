"""SmplBody: joints and surface of SMPL-H through smplx, from the user's own file."""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError, MissingAssetError, ShapeError
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY

NUM_VERTICES = 6890
_NUM_JOINTS = 52
_NUM_BODY = SMPL_BODY.num_joints
#: What is read of the file, and its shape; None for a size that may vary. Everything else in it stays closed.
_ARRAYS: dict[str, tuple[int | None, ...]] = {
    "v_template": (NUM_VERTICES, 3),
    "shapedirs": (NUM_VERTICES, 3, None),
    "posedirs": (NUM_VERTICES, 3, 9 * (_NUM_JOINTS - 1)),
    "J_regressor": (_NUM_JOINTS, NUM_VERTICES),
    "weights": (NUM_VERTICES, _NUM_JOINTS),
    "kintree_table": (2, _NUM_JOINTS),
    "f": (None, 3),
}
_WHERE = (
    "SMPL-H is licensed and cannot ship with this library: register at https://mano.is.tue.mpg.de, download the "
    '"Extended SMPL+H model" (smplh.tar.xz), unpack it, and give the path of one model, for example '
    "SmplBody('smplh/male/model.npz')."
)


class SmplBody:
    """The SMPL-H body: 52 joints and 6890 vertices; mean shape (betas 0), hands flat (their rotations are identity).

    Published results that use joints are computed with the male body.

    Args:
        path: SMPL-H model file, `.npz`. Only plain arrays are read, so no pickle of the file is ever opened.
        device: Where the body is computed, and its results lie.
        chunk: Frames computed at once; bounds the memory that a long clip needs.

    Raises:
        MissingAssetError: There is no such file; the message says where to get it.
        ConfigError: The file is not an SMPL-H `.npz` of plain arrays.
    """

    def __init__(self, path: str | Path, *, device: str | torch.device = "cpu", chunk: int = 128) -> None:
        path = Path(path)
        arrays = _read_model(path)
        content = hashlib.sha256(arrays["v_template"].tobytes() + arrays["J_regressor"].tobytes())
        #: names the body in reports of metrics, wherever its file lies
        self.body_id = f"smplh-{content.hexdigest()[:8]}"
        self.device = torch.device(device)
        self.faces = torch.from_numpy(arrays["f"].astype(np.int64)).to(self.device)
        #: Position of the pelvis at rest in the model's own space, (3,), metres: its joint minus SMPL's translation.
        self.rest_pelvis = torch.from_numpy(arrays["J_regressor"][0] @ arrays["v_template"]).float().to(self.device)
        self._chunk = chunk
        self._layer = _build_layer(arrays).to(self.device)

    def joints(self, motion: Motion) -> Tensor:
        """World positions of the 22 body joints, (T, 22, 3), metres; the pelvis is at the motion's translation."""
        return self.all_joints(motion)[:, :_NUM_BODY]

    def all_joints(self, motion: Motion) -> Tensor:
        """The 52 joints and smplx's 21 extra ones (vertices of face, feet, fingertips), (T, 73, 3), metres.

        Raises:
            ShapeError: The motion's skeleton is not SMPL's.
        """
        return torch.cat([output.joints for output in self._outputs(motion)])

    def mesh(self, motion: Motion) -> tuple[Tensor, Tensor]:
        """The surface: vertices (T, 6890, 3) in metres, world, and faces (N, 3).

        Raises:
            ShapeError: The motion's skeleton is not SMPL's.
        """
        return torch.cat([output.vertices for output in self._outputs(motion)]), self.faces

    @torch.no_grad()
    def _outputs(self, motion: Motion) -> Iterator[Any]:
        if motion.skeleton.joint_names != SMPL_BODY.joint_names:
            raise ShapeError(
                f"SMPL-H needs the {_NUM_BODY} joints of skeleton {SMPL_BODY.name!r}; "
                f"the motion has skeleton {motion.skeleton.name!r}."
            )
        translation = motion.translation.to(self.device, torch.float32) - self.rest_pelvis
        rotations = motion.rotations.to(self.device, torch.float32)
        for first in range(0, len(rotations), self._chunk):
            some = slice(first, first + self._chunk)
            yield self._layer(
                global_orient=rotations[some, :1], body_pose=rotations[some, 1:], transl=translation[some]
            )


def _read_model(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays that a body needs, shapes checked."""
    if not path.is_file():
        raise MissingAssetError(f"There is no SMPL-H model file {str(path)!r}. {_WHERE}")
    if path.suffix.lower() != ".npz":
        raise ConfigError(f"{path}: SMPL-H is read from .npz only; a pickle can run code. {_WHERE}")
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            missing = sorted(_ARRAYS.keys() - set(archive.files))
            if missing:
                raise ConfigError(f"{path} is not an SMPL-H model: {', '.join(missing)} missing. {_WHERE}")
            arrays = {name: archive[name] for name in _ARRAYS}
    except (OSError, EOFError, AttributeError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path} cannot be read as an .npz of plain arrays, without pickle: {error}.") from error
    for name, shape in _ARRAYS.items():
        found = arrays[name].shape
        fits = len(found) == len(shape) and all(want in (None, got) for want, got in zip(shape, found, strict=True))
        if not fits or arrays[name].dtype.kind not in "fiu":
            expected = ", ".join("any" if size is None else str(size) for size in shape)
            raise ConfigError(
                f"{path}: {name} must be ({expected}) numbers for SMPL-H, got {found} {arrays[name].dtype}. {_WHERE}"
            )
    if tuple(arrays["kintree_table"][0, 1:_NUM_BODY]) != SMPL_BODY.parents[1:]:
        raise ConfigError(f"{path}: its first {_NUM_BODY} joints do not form the SMPL body's tree. {_WHERE}")
    return arrays


def _build_layer(arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    """The SMPL-H layer of smplx over arrays in memory: given a structure, smplx opens no file."""
    import smplx
    from smplx.utils import Struct

    # smplx asks for the hand means and components, which not every release holds; identity hands need neither.
    hands = {f"hands_mean{side}": np.zeros(45, np.float32) for side in "lr"}
    hands |= {f"hands_components{side}": np.zeros((45, 45), np.float32) for side in "lr"}
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a warning about the number of betas
        return smplx.SMPLHLayer(
            model_path="", data_struct=Struct(**arrays, **hands), use_pca=False, flat_hand_mean=True
        ).eval()
