"""What generating from a list of actions needs in every backbone: checks, noise, padded texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError, ShapeError
from actiongpt_core.nn.masks import pad
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import TextFeatures


class ActionSettings(Protocol):
    """The settings that every model of actions has; lengths in frames."""

    @property
    def fps(self) -> float: ...  # noqa: D102
    @property
    def min_frames(self) -> int: ...  # noqa: D102
    @property
    def max_frames(self) -> int: ...  # noqa: D102
    @property
    def transition_frames(self) -> int: ...  # noqa: D102
    @property
    def default_seconds(self) -> float: ...  # noqa: D102
    @property
    def strategy(self) -> str | None: ...  # noqa: D102


class ActionModel:
    """What models that generate action by action have in common: `config` says their limits, a batch does the work."""

    config: ActionSettings

    @property
    def fps(self) -> float:
        """Frames a second of the motions."""
        return self.config.fps

    @property
    def min_frames(self) -> int:
        """Shortest action: two frames must be left of it beside a transition."""
        return max(self.config.min_frames, self.config.transition_frames + 2)

    @property
    def max_frames(self) -> int:
        """Longest action."""
        return self.config.max_frames

    @property
    def default_seconds(self) -> float:
        """Length of an action when nobody says one."""
        return self.config.default_seconds

    @property
    def strategy(self) -> str | None:
        """The prompt strategy that suits the texts of its training; None for the language model's own."""
        return self.config.strategy

    def generate(
        self,
        features: Sequence[TextFeatures],
        lengths: Sequence[int],
        *,
        generator: torch.Generator | None = None,
        noise_scale: float | None = None,
    ) -> Motion:
        """One motion from one sequence of actions; see `MotionModel.generate`."""
        generators = None if generator is None else [generator]
        return self.generate_batch([features], [lengths], generators=generators, noise_scale=noise_scale)[0]

    def generate_batch(
        self,
        features: Sequence[Sequence[TextFeatures]],
        lengths: Sequence[Sequence[int]],
        *,
        generators: Sequence[torch.Generator | None] | None = None,
        noise_scale: float | None = None,
    ) -> list[Motion]:
        """Many sequences, of different numbers of actions and lengths.

        Args:
            features: For each sequence, for each action, the aggregated text.
            lengths: For each sequence, for each action, its number of frames.
            generators: One source of noise a sequence, so that a sequence is the same alone and in a batch.
            noise_scale: Factor on the noise of the latents; None for the checkpoint's own.

        Raises:
            ConfigError: A length is outside the checkpoint's range.
            ShapeError: A sequence is empty, or has another number of lengths than of actions.
        """
        raise NotImplementedError


def check_sequences(
    features: Sequence[Sequence[TextFeatures]],
    lengths: Sequence[Sequence[int]],
    *,
    min_frames: int,
    max_frames: int,
    fps: float,
    text_dim: int | None = None,
) -> None:
    """Stop before anything is computed if a sequence cannot be generated.

    Args:
        features: For each sequence, for each action, its aggregated text.
        lengths: For each sequence, for each action, its number of frames.
        min_frames: Shortest action.
        max_frames: Longest action.
        fps: Frames a second, for the message.
        text_dim: C of the tokens that the model reads; None for a model that reads any, or none.

    Raises:
        ShapeError: A sequence is empty, has another number of lengths than of actions, or its texts have another C.
        ConfigError: A length is outside the range.
    """
    if not features or any(not actions for actions in features):
        raise ShapeError("A sequence needs at least one action; there is none, or an empty one.")
    actions, counts = [len(texts) for texts in features], [len(frames) for frames in lengths]
    if actions != counts:
        raise ShapeError(f"Every action needs one length; the sequences have {actions} actions and {counts} lengths.")
    for text in (text for texts in features for text in texts if text_dim is not None):
        if text.tokens.shape[-1] != text_dim:
            raise ShapeError(
                f"This checkpoint reads text of {text_dim} channels, got {text.tokens.shape[-1]}: "
                f"encode with the text encoder that its config.json names."
            )
    for wanted in lengths:
        check_lengths(wanted, min_frames=min_frames, max_frames=max_frames, fps=fps)


def check_lengths(lengths: Sequence[int], *, min_frames: int, max_frames: int, fps: float) -> None:
    """Stop if one of a sequence's lengths cannot be made; arguments as for `check_sequences`.

    Raises:
        ConfigError: A length is outside the range.
    """
    for frames in lengths:
        if not min_frames <= frames <= max_frames:
            cure = "longer motion name the action twice" if frames > max_frames else "shorter one cut it: motion[:10]"
            raise ConfigError(
                f"This checkpoint makes actions of {min_frames / fps:.2g} to {max_frames / fps:.3g} seconds, "
                f"got {frames / fps:.3g}. For a {cure}."
            )


def draw_noise(generators: Sequence[torch.Generator | None], latent_dim: int) -> Tensor:
    """Unit normal noise, (B, D), on the CPU; row i from generator i (None: the global one).

    One draw of shape (1, D) a row: the order of the originals' draws, and the same alone and in a batch.
    """
    return torch.cat([torch.randn(1, latent_dim, generator=generator) for generator in generators])


def pad_texts(features: Sequence[TextFeatures], device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Aggregated texts, tokens (L_i, C) and mask (L_i,) -> tokens (B, L, C) and mask (B, L)."""
    tokens = pad([item.tokens.to(device) for item in features])
    return tokens, pad([item.mask.to(device) for item in features])
