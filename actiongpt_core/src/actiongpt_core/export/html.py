"""A page that plays motions: one file with all that it needs, drawn by WebGL in any browser, without a network."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actiongpt_core.body.stick import StickBody
from actiongpt_core.export.captions import phrases
from actiongpt_core.export.render import side_of
from actiongpt_core.geometry.clips import facing
from actiongpt_core.geometry.rotations import matrix_to_quaternion
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import Skeleton


def save_html(motions: Sequence[Motion], path: Path, *, title: str | None = None) -> None:
    """Write a page that plays the motions side by side; see `page`."""
    path.write_text(page(motions, title=title), encoding="utf-8", newline="\n")


def page(motions: Sequence[Motion], *, title: str | None = None) -> str:
    """The HTML of a page that plays motions: body, ground, path, captions; play, scrub, speed, a camera to turn.

    It holds no address of any host: texts of the user that look like one are written so that only a reader sees them.

    Args:
        motions: Side by side, by one clock and under one camera.
        title: Heading; the phrases of the motions if None.
    """
    skeletons: list[Skeleton] = []
    for motion in motions:
        if motion.skeleton not in skeletons:
            skeletons.append(motion.skeleton)
    data = {
        "bodies": [_body(StickBody(skeleton)) for skeleton in skeletons],
        "motions": [_motion(motion, skeletons.index(motion.skeleton)) for motion in motions],
    }
    written = json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c").replace("//", "/\\/")
    name = title if title is not None else _title(motions)
    parts = {
        "title": html.escape(name).replace("//", "/&#47;"),
        "css": _asset("page.css"),
        "data": written,
        "three": _asset("three.min.js"),
        "player": _asset("player.js"),
    }
    # One cut at the marks, so that no part is searched for the marks of another.
    first, *pieces = _asset("page.html").split("{{")
    return first + "".join(parts[mark] + rest for mark, _, rest in (piece.partition("}}") for piece in pieces))


def _title(motions: Sequence[Motion]) -> str:
    """The phrases, each once: variations of one text have one heading."""
    return " | ".join(dict.fromkeys(filter(None, map(phrases, motions)))) or "Motion"


def _asset(name: str) -> str:
    return resources.files("actiongpt_core.export").joinpath("page", name).read_text(encoding="utf-8")


def _body(body: StickBody) -> dict[str, Any]:
    """A rest surface cut into the parts that the joints carry, each in its joint's own axes; metres."""
    skeleton = body.skeleton
    still = torch.eye(3).expand(1, skeleton.num_joints, 3, 3)
    rest = Motion(rotations=still, translation=torch.zeros(1, 3), fps=1.0, skeleton=skeleton)
    vertices = (body.mesh(rest)[0][0] - body.joints(rest)[0][body.vertex_joints]).numpy()
    carriers, starts, counts = np.unique(body.vertex_joints.numpy(), return_index=True, return_counts=True)
    faces = body.faces.numpy()
    owners = body.vertex_joints.numpy()[faces[:, 0]]
    return {
        "parents": skeleton.parents,
        "offsets": skeleton.rest_offsets,
        "sides": [side_of(name) for name in skeleton.joint_names],
        "parts": [
            {
                "joint": int(joint),
                "vertices": _packed(vertices[start : start + count], "<f4"),
                "faces": _packed(faces[owners == joint] - start, "<u2"),
            }
            for joint, start, count in zip(carriers, starts, counts, strict=True)
        ],
    }


def _motion(motion: Motion, body: int) -> dict[str, Any]:
    quaternions = matrix_to_quaternion(motion.rotations.detach().cpu().double()).numpy()
    quaternions = np.roll(quaternions, -1, axis=-1)  # three.js has w last
    return {
        "body": body,
        "name": phrases(motion),
        "fps": motion.fps,
        "facing": float(facing(motion.rotations[0, 0])),
        "starts": motion.starts,
        "captions": [
            {"phrase": item.phrase, "texts": item.texts, "source": item.source} for item in motion.descriptions
        ],
        # 16 bits hold a turn within 0.004 degrees.
        "rotations": _packed(np.round(quaternions * 32767.0), "<i2"),
        "translation": _packed(motion.translation.detach().cpu().numpy(), "<f4"),
    }


def _packed(values: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode("ascii")
