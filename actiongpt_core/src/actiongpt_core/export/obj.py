"""The surface as a sequence of OBJ files in a ZIP: frame_0000.obj and so on, for programs that know meshes alone."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.body.stick import StickBody
from actiongpt_core.export.bvh import Z_UP_TO_Y_UP
from actiongpt_core.types.motion import Motion


def save_obj_zip(motion: Motion, path: Path, *, smpl: str | Path | None = None) -> None:
    """Write one OBJ a frame: Y up, metres, faces counter-clockwise seen from outside; the same vertices in each.

    Args:
        motion: What to write.
        path: The ZIP.
        smpl: The user's SMPL, SMPL-H or SMPL-X file, for its surface; without it a body of capsules.

    Raises:
        ShapeError: The body cannot show the motion's skeleton.
        MissingAssetError: There is no body file.
        ConfigError: It is none.
    """
    body = StickBody(motion.skeleton) if smpl is None else SmplBody(smpl)
    digits = max(4, len(str(len(motion) - 1)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for frame in range(len(motion)):  # one by one: a long clip's surface would not fit into memory
            vertices, faces = body.mesh(motion[frame : frame + 1])
            turned = vertices[0].detach().cpu().double().numpy() @ Z_UP_TO_Y_UP.T
            lines = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in turned.tolist()]
            lines += [f"f {a} {b} {c}" for a, b, c in (np.asarray(faces.cpu()) + 1).tolist()]
            archive.writestr(f"frame_{frame:0{digits}}.obj", "\n".join(lines) + "\n")
