"""A motion as the bytes of an answer."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from actiongpt_core import Descriptions, Motion
from actiongpt_core.export import FORMATS, save
from actiongpt_core.geometry.rotations import matrix_to_quaternion

#: format -> media type; JSON first: it is what those get who do not choose. All others are the library's own formats.
MEDIA_TYPES: dict[str, str] = {"json": "application/json"} | {
    suffix.removeprefix("."): {
        ".bvh": "application/x-bvh",
        ".glb": "model/gltf-binary",
        ".npz": "application/x-npz",
        ".npy": "application/x-npy",
        ".csv": "text/csv",
        ".zip": "application/zip",
        ".html": "text/html",
        ".mp4": "video/mp4",
        ".gif": "image/gif",
        ".png": "image/png",
    }.get(suffix, f"application/x-{suffix.removeprefix('.')}")
    for suffix in FORMATS
}

_DIGITS = 7  # of lengths and quaternions: 0.1 micrometre, and what a 32-bit number holds


def accepted(header: str | None) -> str | None:
    """The format that a header `Accept` asks for, the most wanted first; None if none of them is offered."""
    wanted = sorted((_quality(part) for part in (header or "*/*").split(",")), key=lambda item: -item[0])
    for quality, media_type in wanted:
        group = media_type.removesuffix("*")
        for name, offered in MEDIA_TYPES.items():
            if quality > 0 and (offered == media_type or (media_type.endswith("/*") and offered.startswith(group))):
                return name
            if quality > 0 and media_type == "*/*":
                return name
    return None


def _quality(part: str) -> tuple[float, str]:
    media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
    try:
        quality = next((float(piece[2:]) for piece in parameters if piece.startswith("q=")), 1.0)
    except ValueError:
        quality = 0.0
    return quality, media_type


def to_bytes(motion: Motion, name: str, folder: Path, about: dict[str, Any]) -> bytes:
    """The motion in one of `MEDIA_TYPES`.

    Args:
        motion: The motion.
        name: The format.
        folder: Where a file may stand while it is written; it is gone afterwards.
        about: What JSON says beside the motion.

    Raises:
        ExportError: The format cannot hold this motion.
        MissingAssetError: The format needs a package that is not installed.
    """
    if name == "json":
        return json.dumps(about | to_json(motion), ensure_ascii=False, separators=(",", ":")).encode()
    path = folder / f"{secrets.token_hex(16)}.{name}"
    try:
        return save(motion, path).read_bytes()
    finally:
        path.unlink(missing_ok=True)


def to_json(motion: Motion) -> dict[str, Any]:
    """All of a motion in JSON's types; `actiongpt_core.Client` reads it back."""
    quaternions = matrix_to_quaternion(motion.rotations.double())
    skeleton = motion.skeleton
    described = motion.descriptions or [None] * len(motion.starts)
    return {
        "fps": motion.fps,
        "frames": motion.num_frames,
        "seconds": motion.seconds,
        "actions": [
            {"start": start} | ({} if item is None else _told(item))
            for start, item in zip(motion.starts, described, strict=True)
        ],
        "skeleton": {
            "name": skeleton.name,
            "joints": list(skeleton.joint_names),
            "parents": list(skeleton.parents),
            "offsets": [list(offset) for offset in skeleton.rest_offsets],
        },
        "quaternions": quaternions.cpu().numpy().round(_DIGITS).tolist(),
        "translation": motion.translation.double().cpu().numpy().round(_DIGITS).tolist(),
    }


def _told(item: Descriptions) -> dict[str, Any]:
    return {
        "phrase": item.phrase,
        "seconds": item.action.seconds,
        "texts": list(item.texts),
        "source": item.source,
    }
