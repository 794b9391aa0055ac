"""The backbone: look up the nearest text, stretch its clip, join the clips."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from actiongpt_core import SMPL_BODY, CheckpointError, ConfigError, MissingAssetError, Motion, TextFeatures
from actiongpt_core.checkpoints import config_from_dict, load_weights, read_config
from actiongpt_core.geometry.clips import align_full, bridge, facing
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, slerp
from actiongpt_core.nn.generation import check_sequences
from actiongpt_core.text.encoders import TransformersTextEncoder
from torch import Tensor

from actiongpt_retrieval.index import Index, RetrievalConfig, text_vector

_SEAM_SECONDS = 0.25  # the beginning of an action that leads over from the one before it
_LONGEST_SECONDS = 120

_Frames = tuple[Tensor, Tensor]  # rotations (T, 22, 3, 3), translation (T, 3)


class Retrieval:
    """The stored clip whose text is nearest.

    Noise picks among the nearest clips (`RetrievalConfig.num_nearest`); with `noise_scale` 0 it is the nearest one.
    """

    skeleton = SMPL_BODY
    strategy = "normalise"  # the stored texts are short labels
    min_frames = 1

    def __init__(self, config: RetrievalConfig, index: Index) -> None:
        self.config, self.index = config, index
        self.fps = config.fps
        self.max_frames = int(_LONGEST_SECONDS * config.fps)

    @classmethod
    def from_checkpoint(
        cls, path: str | Path | None, *, text_encoder: str | Path | None = None, stats: str | Path | None = None
    ) -> Retrieval:
        """The model of an index that `actiongpt retrieval build` wrote.

        Raises:
            MissingAssetError: No folder is given; none ships.
            CheckpointError: The folder is not there, damaged, or of another backbone.
            ConfigError: Another text encoder is asked for than the index was built with, or statistics are given.
        """
        if path is None:
            raise MissingAssetError(
                "The backbone 'retrieval' needs an index, and none ships. Build one and give it as the checkpoint:\n"
                "actiongpt retrieval build --data procedural --out index"
            )
        config = _read_config(Path(path))
        if text_encoder is not None and str(text_encoder) != config.text_encoder:
            raise ConfigError(
                f"The index {path} holds text vectors of {config.text_encoder}, which cannot be compared with those "
                f"of {text_encoder}. Leave out the text encoder."
            )
        if stats is not None:
            raise ConfigError("The backbone 'retrieval' has no feature statistics. Leave out stats.")
        index = Index(config)
        load_weights(index, Path(path))
        return cls(config, index)

    @cached_property
    def text_encoder(self) -> TransformersTextEncoder:
        """The text model that the index was built with."""
        return TransformersTextEncoder(self.config.text_encoder)

    def nearest_text(self, text: TextFeatures) -> str:
        """The stored text that is nearest to an aggregated one."""
        return self.config.texts[int((self.index.vectors @ text_vector(text)).argmax())]

    @torch.no_grad()
    def generate(
        self,
        features: Sequence[TextFeatures],
        lengths: Sequence[int],
        *,
        generator: torch.Generator | None = None,
        noise_scale: float | None = None,
    ) -> Motion:
        """One motion of all actions; see `MotionModel.generate`.

        Args:
            features: The aggregated text of each action: tokens (L, C), mask (L,).
            lengths: Frames of each action.
            generator: Picks among the nearest clips; None for torch's global one.
            noise_scale: Factor on the number of clips that are picked from; 0 for the nearest one, None for 1.

        Raises:
            ShapeError: There is no action, no length for each, or text of another width than the index has.
            ConfigError: A length is outside the range, or a text has no direction.
        """
        limits = {"min_frames": self.min_frames, "max_frames": self.max_frames}
        check_sequences([features], [lengths], fps=self.fps, text_dim=self.config.text_dim, **limits)
        reach = round(self.config.num_nearest * (1.0 if noise_scale is None else noise_scale))
        clips = [
            warp(self._pick(text, length, reach, generator), length)
            for text, length in zip(features, lengths, strict=True)
        ]
        rotations, translation = join(clips, seam=round(_SEAM_SECONDS * self.fps))
        starts = tuple(sum(lengths[:action]) for action in range(len(lengths)))
        return Motion(rotations=rotations, translation=translation, fps=self.fps, skeleton=self.skeleton, starts=starts)

    def _pick(self, text: TextFeatures, length: int, reach: int, generator: torch.Generator | None) -> _Frames:
        ranked = self.index.ranked(text_vector(text), length)
        # Drawn at every scale, so that later actions see the same chance whatever the scale is.
        chance = float(torch.rand((), generator=generator))
        clip = int(ranked[int(chance * min(max(reach, 1), len(ranked)))])
        start, end = self.index.bounds[clip], self.index.bounds[clip + 1]
        return axis_angle_to_matrix(self.index.poses[start:end]), self.index.translation[start:end]


def _read_config(path: Path) -> RetrievalConfig:
    settings = read_config(path, "retrieval")
    texts = settings.get("texts")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise CheckpointError(f"{path}/config.json has no list of texts. Build the index again.")
    return config_from_dict(RetrievalConfig, {**settings, "texts": tuple(texts)})  # JSON knows no tuples


def warp(clip: _Frames, length: int) -> _Frames:
    """A clip at another speed: from its first frame to its last in `length` frames."""
    rotations, translation = clip
    times = torch.linspace(0, len(translation) - 1, length, dtype=torch.float64)
    before = times.floor().long()
    after = (before + 1).clamp(max=len(translation) - 1)
    weights = (times - before).to(translation)
    turned = [slerp(rotations[a], rotations[b], w[None])[0] for a, b, w in zip(before, after, weights, strict=True)]
    return torch.stack(turned), torch.lerp(translation[before], translation[after], weights[:, None])


def join(clips: Sequence[_Frames], *, seam: int) -> _Frames:
    """One motion of several: each goes on where the one before it ended, and faces as it did.

    The first `seam` frames of each but the first lead over; no frame is added.
    """
    rotations, translation = clips[0]
    for next_rotations, next_translation in clips[1:]:
        turned, moved = align_full(next_rotations, next_translation, rotations[-1, 0], translation[-1], facing)
        width = min(seam, len(moved) - 1)
        if width > 0:
            poses, places = (rotations[-1], turned[width]), (translation[-1], moved[width])
            led, shifted = bridge(poses, places, width)
            turned, moved = torch.cat([led, turned[width:]]), torch.cat([shifted, moved[width:]])
        rotations, translation = torch.cat([rotations, turned]), torch.cat([translation, moved])
    return rotations, translation
