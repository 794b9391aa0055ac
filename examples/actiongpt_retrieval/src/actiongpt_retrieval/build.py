"""Write an index from a data set."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from actiongpt_core import CheckpointError, ConfigError, DataSet, Segment, TextFeatures
from actiongpt_core.checkpoints import write_checkpoint
from actiongpt_core.data.clip import face_canonically
from actiongpt_core.geometry.rotations import matrix_to_axis_angle
from actiongpt_core.text.encoders import TransformersTextEncoder
from torch import Tensor

from actiongpt_retrieval.index import EMBEDDED_ENCODER, Index, RetrievalConfig, text_vector


def build_index(data: DataSet, out: Path, *, split: str = "train", max_seconds: float = 6.0) -> RetrievalConfig:
    """Write the clips of a split and the vectors of their first texts as a checkpoint folder.

    Clips that the set calls suspect are left out; longer ones are cut. Each begins above the origin and faces -y.

    Args:
        data: The set.
        out: The folder; it appears whole.
        split: Whose clips answer.
        max_seconds: Longest clip.

    Raises:
        CheckpointError: The folder is there, or the one that it is to lie in is not.
        ConfigError: The set has no such split, or no clip in it; or `max_seconds` is not positive.
    """
    _check_target(out)
    longest = _longest(max_seconds, data.fps)
    segments = _segments(data, split)
    texts = tuple(sorted({segment.texts[0] for segment in segments}))
    vectors = _vectors(texts)
    clips = [_frames(data, segment, longest) for segment in segments]
    ends = torch.tensor([len(poses) for poses, _ in clips]).cumsum(dim=0)
    config = RetrievalConfig(
        texts=texts, num_clips=len(clips), num_frames=int(ends[-1]), text_dim=vectors.shape[1], fps=data.fps
    )
    index = Index(config)
    index.vectors.copy_(vectors)
    index.text_of.copy_(torch.tensor([texts.index(segment.texts[0]) for segment in segments]))
    index.bounds[1:] = ends
    index.poses.copy_(torch.cat([poses for poses, _ in clips]))
    index.translation.copy_(torch.cat([translation for _, translation in clips]))
    part = out.with_name(f"{out.name}.part")
    write_checkpoint(index, part, "retrieval", config, half=False)
    part.rename(out)
    return config


def _check_target(out: Path) -> None:
    if out.exists():
        raise CheckpointError(f"{out} is already there. Give a folder that is not, or remove it.")
    if not out.absolute().parent.is_dir():
        raise CheckpointError(f"There is no folder {out.absolute().parent} for the index to lie in. Make it first.")


def _longest(max_seconds: float, fps: float) -> int:
    if not (math.isfinite(max_seconds) and max_seconds * fps >= 1):
        raise ConfigError(f"max_seconds must be finite and at least one frame ({1 / fps:.3g} s), got {max_seconds}.")
    return int(max_seconds * fps)


def _segments(data: DataSet, split: str) -> list[Segment]:
    if split not in data.splits:
        raise ConfigError(f"{data.name} has no split '{split}'. It has: {', '.join(data.splits)}.")
    segments = [segment for segment in data.segments(split) if not segment.suspect]
    if not segments:
        raise ConfigError(f"The split '{split}' of {data.name} has no clip that is not suspect. Take another split.")
    return segments


def _vectors(texts: tuple[str, ...]) -> Tensor:
    """Unit vectors, (texts, C)."""
    encoded = TransformersTextEncoder(EMBEDDED_ENCODER).encode_batch([[text] for text in texts])
    return torch.stack([text_vector(TextFeatures(tokens=it.tokens[0], mask=it.mask[0], pooled=None)) for it in encoded])


def _frames(data: DataSet, segment: Segment, longest: int) -> tuple[Tensor, Tensor]:
    motion = data.motion(segment.recording, segment.start, min(segment.end, segment.start + longest))
    rotations, translation = face_canonically(motion.rotations, motion.translation)
    return matrix_to_axis_angle(rotations), translation
