"""Small files in the layouts of AMASS, BABEL and KIT-ML, made up: none of their content is in them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

NUM_JOINTS = 52  # SMPL-H


def smplh_motion(num_frames: int, seed: int = 0) -> tuple[Any, Any]:
    """Poses (T, 156) and trans (T, 3), float64 as in AMASS, that move smoothly."""
    rng = np.random.default_rng(seed)
    phase = np.linspace(0, 3, num_frames)[:, None] + rng.uniform(0, 6, 3 * NUM_JOINTS)
    poses = 0.3 * np.sin(phase)
    poses[:, :3] += [np.pi / 2, 0, 0]  # Z up
    trans = np.cumsum(rng.normal(0, 0.01, (num_frames, 3)), axis=0)
    trans[:, 2] += 1
    return poses, trans


def write_amass(path: Path, num_frames: int, *, fps: float = 120.0, seed: int = 0, **changes: Any) -> Path:
    """A file of AMASS for SMPL-H."""
    poses, trans = smplh_motion(num_frames, seed)
    arrays = {
        "poses": poses,
        "trans": trans,
        "mocap_framerate": np.float64(fps),
        "gender": np.array("male"),
        "betas": np.zeros(16),
        "dmpls": np.zeros((num_frames, 8)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **(arrays | changes))
    return path


def label(text: str, start: float | None = None, end: float | None = None, **changes: Any) -> dict[str, Any]:
    """A label of BABEL; with times it is one of frame_ann."""
    times = {} if start is None else {"start_t": start, "end_t": end}
    return {"raw_label": text, "proc_label": text, "act_cat": [text], "seg_id": text} | times | changes


def sequence(
    number: int,
    path: str,
    seconds: float,
    frames: Sequence[dict[str, Any]] | None = None,
    whole: Sequence[dict[str, Any]] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """An entry of train.json or val.json."""

    def annotation(labels: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {"babel_lid": f"lid-{number}", "anntr_id": "a", "mul_act": len(labels) > 1, "labels": list(labels)}

    entry = {
        "babel_sid": number,
        "url": "https://example.org/clip.mp4",
        "feat_p": path,
        "dur": seconds,
        "seq_ann": annotation(whole if whole is not None else [label("move")]),
        "frame_ann": None if frames is None else annotation(frames),
    }
    return entry | changes


def write_babel(folder: Path, **splits: Sequence[dict[str, Any]]) -> Path:
    """train.json, val.json, as many as are given."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, entries in splits.items():
        content = {str(entry["babel_sid"]): entry for entry in entries}
        (folder / f"{split}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def write_kit(folder: Path, sentences: Mapping[str, Sequence[str]], paths: Mapping[str, Any]) -> Path:
    """KIT-ML as unpacked, and the table of its motions in AMASS."""
    folder.mkdir(parents=True, exist_ok=True)
    for identifier, texts in sentences.items():
        (folder / f"{identifier}_annotations.json").write_text(json.dumps(list(texts)), encoding="utf-8")
        about = {"source": {"institution": {"identifier": "kit"}}, "nb_annotations": len(texts)}
        (folder / f"{identifier}_meta.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "amass-paths.json").write_text(json.dumps(paths), encoding="utf-8")
    return folder


WALK, SIT = "CMU/CMU/01/01_01_poses.npz", "ACCAD/ACCAD/Female1_c3d/B1_poses.npz"


def write_small_set(folder: Path) -> Path:
    """BABEL's annotations of two recordings of 8 s, one in each split, and AMASS's files below `amass`."""
    labels = [
        label("t-pose", 0, 0.5),
        label("walk", 0.4, 3.0, raw_label="walks forth"),
        label("transition", 2.9, 3.5),
        label("sit down", 3.4, 7.5, raw_label="sits down"),
    ]
    for seed, path in enumerate((WALK, SIT)):
        write_amass(folder / "amass" / path, 960, seed=seed)
    train, val = (sequence(number, path, 8.0, labels) for number, path in ((12, WALK), (7, SIT)))
    return write_babel(folder, train=[train], val=[val])
