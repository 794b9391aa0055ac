"""TEACH with described actions, top to bottom.

Athanasiou et al., "TEACH: Temporal Action Composition for 3D Humans", 3DV 2022, with the description front end of
Kalakonda et al., "Action-GPT", ICME 2023. What differs from them stands in docs/explanation/differences.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from actiongpt_core.checkpoints import load_weights, read_config, resolve_text_encoder, write_checkpoint
from actiongpt_core.errors import ConfigError
from actiongpt_core.features.base import Normalizer
from actiongpt_core.features.root_velocity_rot6d import RootVelocityRot6d
from actiongpt_core.geometry.clips import CANONICAL_FACING, facing, heading
from actiongpt_core.geometry.joining import join_actions, start_frames
from actiongpt_core.geometry.rotations import rot6d_to_matrix
from actiongpt_core.interfaces import TextEncoder
from actiongpt_core.nn.basis import MotionBasis
from actiongpt_core.nn.distributions import DiagonalGaussian
from actiongpt_core.nn.generation import ActionModel, check_sequences, draw_noise, pad_texts
from actiongpt_core.nn.keywords import KeywordPool
from actiongpt_core.nn.masks import padding_logits
from actiongpt_core.nn.positional import PositionalEncoding
from actiongpt_core.nn.sequence import SequenceDecoder, SequenceEncoder, SequenceTransformer
from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY, SMPL_REST_PELVIS
from actiongpt_core.types.text import TextFeatures
from actiongpt_teach.config import BACKBONE, TeachConfig

#: The checkpoint that ships with this package.
DEFAULT_CHECKPOINT = Path(__file__).parent / "checkpoints" / "default"


class TextHistoryEncoder(nn.Module):
    """An action's text and the end of the action before it to a Gaussian over latents.

    TEACH's past-conditioned text encoder.
    """

    def __init__(self, config: TeachConfig, num_features: int) -> None:
        super().__init__()
        dim = config.latent_dim
        self.additive_padding = config.padding == "additive"
        self.mu_token = nn.Parameter(torch.randn(dim))
        self.logvar_token = nn.Parameter(torch.randn(dim))
        self.separation_token = nn.Parameter(torch.randn(dim))
        self.text_projection = nn.Sequential(nn.ReLU(), nn.Linear(config.text_dim, dim))
        self.history_projection = nn.Linear(num_features, dim)
        self.keywords = (
            KeywordPool(config.text_dim, config.keyword_detectors, dim) if config.keyword_detectors else None
        )
        self.position = PositionalEncoding(dim, config.dropout)
        self.transformer = SequenceTransformer(
            dim, config.num_heads, config.text_layers, config.ff_size, config.dropout
        )

    def encode_history(self, history: Tensor) -> Tensor:
        """Normalised features (B, H, F) -> tokens (B, H, D).

        The same transformer that later sees the whole sequence encodes the history first, as in the original.
        """
        return self.transformer(self.position(self.history_projection(history)))

    def forward(
        self, tokens: Tensor, mask: Tensor, history: Tensor | None = None, previous_latent: Tensor | None = None
    ) -> DiagonalGaussian:
        """Encode aggregated text.

        Args:
            tokens: Aggregated token states, (B, L, C).
            mask: (B, L), True for real tokens.
            history: Last frames of the previous action, normalised features (B, H, F); None for a first action.
            previous_latent: Latent of the previous action, (B, D); the published model does not use it.
        """
        batch = len(tokens)

        def repeat(token: Tensor) -> Tensor:
            return token.expand(batch, 1, -1)

        parts = [repeat(self.mu_token), repeat(self.logvar_token)]
        if history is not None:
            parts.append(self.encode_history(history))
        if previous_latent is not None:
            parts.append(previous_latent[:, None])
        parts.append(repeat(self.separation_token))
        num_extra = sum(part.shape[1] for part in parts)
        x = torch.cat([*parts, self.position(self.text_projection(tokens))], dim=1)
        real = torch.cat([mask.new_ones(batch, num_extra), mask], dim=1)
        out = self.transformer(x, self._padding(real, x.dtype), first=2)
        mu = out[:, 0] if self.keywords is None else out[:, 0] + self.keywords(tokens, mask)
        return DiagonalGaussian(mu, out[:, 1])

    def _padding(self, real: Tensor, dtype: torch.dtype) -> Tensor:
        return padding_logits(real, dtype) if self.additive_padding else ~real


class Teach(ActionModel, nn.Module):
    """TEACH: text features of a sequence of actions to one motion."""

    config: TeachConfig
    skeleton = SMPL_BODY

    def __init__(self, config: TeachConfig, text_encoder: TextEncoder | None = None) -> None:
        super().__init__()
        self.config = config
        self.features = RootVelocityRot6d(self.skeleton.num_joints, canonicalise=config.heading == "axis_angle")
        num_features = self.features.num_features
        sizes: dict[str, Any] = {"num_heads": config.num_heads, "ff_size": config.ff_size, "dropout": config.dropout}
        sizes["frames_per_token"] = config.frames_per_token
        basis = None
        if config.basis_components:
            basis = MotionBasis(config.latent_dim, config.basis_components, config.max_frames, num_features)
        self.text_history_encoder = TextHistoryEncoder(config, num_features)
        self.motion_encoder = SequenceEncoder(num_features, config.latent_dim, num_layers=config.motion_layers, **sizes)
        self.motion_decoder = SequenceDecoder(
            num_features, config.latent_dim, num_layers=config.decoder_layers, basis=basis, **sizes
        )
        self.normalizer = Normalizer.identity(num_features)
        self._text_encoder = text_encoder
        self._text_source: str | Path = config.text_encoder

    # --- checkpoints ------------------------------------------------------------------------------------------------

    @classmethod
    def from_checkpoint(
        cls, path: Path | None = None, *, text_encoder: str | Path | None = None, stats: Path | None = None
    ) -> Teach:
        """Build the model from a checkpoint folder, ours or a published experiment's.

        Args:
            path: The folder; None for the checkpoint that ships.
            text_encoder: Folder, package or hub name of the text model, instead of the checkpoint's own.
            stats: Mean and std of the features, needed by published folders; ours hold their own.

        Raises:
            CheckpointError: The folder is missing, truncated, of another backbone, unsafe, or holds NaN.
            ConfigError: `stats` was given for a folder of ours.
        """
        path = DEFAULT_CHECKPOINT if path is None else Path(path)
        if (path / ".hydra").is_dir():
            from actiongpt_teach.convert import load_published  # a reader that few need

            return load_published(path, text_encoder=text_encoder, stats=stats)
        config = TeachConfig.from_dict(read_config(path, BACKBONE))
        if stats is not None:
            raise ConfigError(
                f"{path} holds its own statistics, and only published folders need others: leave stats out."
            )
        source = text_encoder if text_encoder is not None else resolve_text_encoder(config.text_encoder, path)
        model = cls(config)
        model._text_source = source
        load_weights(model, path)
        return model.eval()

    def save(self, path: Path) -> Path:
        """Write config.json and model.safetensors (half precision) into a folder."""
        return write_checkpoint(self, path, BACKBONE, self.config)

    @property
    def text_encoder(self) -> TextEncoder:
        """The frozen text model, loaded when first asked for."""
        if self._text_encoder is None:
            self._text_encoder = TransformersTextEncoder(self._text_source)
        return self._text_encoder

    # --- the parts --------------------------------------------------------------------------------------------------

    def encode_text(self, tokens: Tensor, mask: Tensor, history: Tensor | None = None) -> DiagonalGaussian:
        """Aggregated text (B, L, C), mask (B, L), history (B, H, F) or None -> Gaussian over latents (B, D)."""
        return self.text_history_encoder(tokens, mask, history)

    def encode_motion(self, features: Tensor, lengths: Tensor) -> DiagonalGaussian:
        """Normalised features (B, T, F) -> Gaussian over latents (B, D)."""
        return self.motion_encoder(features, lengths if self.config.motion_lengths else None)

    def decode(self, latent: Tensor, lengths: Tensor) -> Tensor:
        """Latent (B, D), lengths (B,) -> normalised features (B, T, F), zero beyond each length."""
        return self.motion_decoder(latent, lengths)

    # --- generation -------------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def generate_batch(
        self,
        features: Sequence[Sequence[TextFeatures]],
        lengths: Sequence[Sequence[int]],
        *,
        generators: Sequence[torch.Generator | None] | None = None,
        noise_scale: float | None = None,
    ) -> list[Motion]:
        """Many sequences, of different numbers of actions and lengths, one pass through the network per action index.

        Args:
            features: For each sequence, for each action, the aggregated text: tokens (L, C), mask (L,).
            lengths: For each sequence, for each action, its number of frames.
            generators: One source of noise a sequence, so that a sequence is the same alone and in a batch.
            noise_scale: Factor on the noise of the latents; None for the checkpoint's own.

        Raises:
            ConfigError: A length is outside the checkpoint's range.
            ShapeError: A sequence is empty, or has another number of lengths than of actions.
        """
        check_sequences(
            features,
            lengths,
            min_frames=self.min_frames,
            max_frames=self.max_frames,
            fps=self.fps,
            text_dim=self.config.text_dim,
        )
        scale = self.config.noise_scale if noise_scale is None else noise_scale
        generators = [None] * len(features) if generators is None else list(generators)
        blocks: list[list[Tensor]] = [[] for _ in features]
        for step in range(max(map(len, features))):
            active = [index for index, actions in enumerate(features) if len(actions) > step]
            # Past the first action the transition's frames are not generated but interpolated: zero rows hold their
            # place.
            gap = self.config.transition_frames if step else 0
            history = self._history([blocks[index][-1] for index in active]) if step else None
            latent = self._sample([features[i][step] for i in active], history, [generators[i] for i in active], scale)
            wanted = torch.tensor([lengths[index][step] - gap for index in active], device=latent.device)
            for index, rows, count in zip(active, self.decode(latent, wanted), wanted.tolist(), strict=True):
                blocks[index].append(torch.cat([rows.new_zeros(gap, rows.shape[1]), rows[:count]]))
        return [self._motion(actions) for actions in blocks]

    def _sample(
        self,
        features: Sequence[TextFeatures],
        history: Tensor | None,
        generators: Sequence[torch.Generator | None],
        noise_scale: float,
    ) -> Tensor:
        tokens, mask = pad_texts(features, self.normalizer.mean.device)
        noise = draw_noise(generators, self.config.latent_dim)
        return self.encode_text(tokens, mask, history).sample(noise=noise, noise_scale=noise_scale)

    def _history(self, blocks: Sequence[Tensor]) -> Tensor:
        """The last frames of each block, (B, H, F)."""
        return self.prepare_history(torch.stack([block[-self.config.hist_frames :] for block in blocks]))

    def prepare_history(self, history: Tensor) -> Tensor:
        """Normalised features (B, H, F) as the text encoder is to see them.

        With `heading="facing"` they are turned so that the last frame faces the canonical direction.
        """
        if self.config.heading == "axis_angle":
            return history
        features = self.normalizer.denormalise(history)
        root = rot6d_to_matrix(features[:, -1, 3:9])
        return self.normalizer.normalise(self.features.turn(features, facing(root) - CANONICAL_FACING))

    # --- joining ----------------------------------------------------------------------------------------------------

    def _motion(self, blocks: Sequence[Tensor]) -> Motion:
        rotations, translation = self.join(blocks)
        if self.config.root == "smpl":
            translation = translation + translation.new_tensor(SMPL_REST_PELVIS)
        return Motion(
            rotations=rotations.cpu(),
            translation=translation.cpu(),
            fps=self.fps,
            skeleton=self.skeleton,
            starts=start_frames(blocks),
        )

    def join(self, blocks: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Consecutive blocks of normalised features to one motion: align each to what precedes it, bridge the gaps.

        Args:
            blocks: (T_i, F) each; all but the first begin with `transition_frames` zero rows.

        Returns:
            rotations (T, J, 3, 3) and translation (T, 3) of the root that the features speak of.
        """
        rotations, translation = self.features.decode(self.normalizer.denormalise(torch.cat(list(blocks))))
        return join_actions(
            rotations,
            translation,
            start_frames(blocks),
            gap=self.config.transition_frames,
            align=self.config.align,
            heading=facing if self.config.heading == "facing" else heading,
        )
