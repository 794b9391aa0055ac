"""TEMOS with described actions, top to bottom.

Petrovich et al., "TEMOS: Generating diverse human motions from textual descriptions", ECCV 2022, in the form that
Kalakonda et al., "Action-GPT", ICME 2023, trained: SMPL features of BABEL actions, text averaged over K descriptions.
What differs from them stands in docs/explanation/differences.md.
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
from actiongpt_core.geometry.joining import join_actions, start_frames
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
from actiongpt_temos.config import BACKBONE, TemosConfig

#: The checkpoint that ships with this package.
DEFAULT_CHECKPOINT = Path(__file__).parent / "checkpoints" / "default"


class ActionTextEncoder(nn.Module):
    """An action's text to a Gaussian over latents.

    Two learned tokens stand before the projected token states; positions are added to the whole sequence; outputs 0
    and 1 are mu and logvar.
    """

    def __init__(self, config: TemosConfig) -> None:
        super().__init__()
        dim = config.latent_dim
        self.additive_padding = config.padding == "additive"
        self.mu_token = nn.Parameter(torch.randn(dim))
        self.logvar_token = nn.Parameter(torch.randn(dim))
        self.text_projection = nn.Sequential(nn.ReLU(), nn.Linear(config.text_dim, dim))
        self.keywords = (
            KeywordPool(config.text_dim, config.keyword_detectors, dim) if config.keyword_detectors else None
        )
        self.position = PositionalEncoding(dim, config.dropout)
        self.transformer = SequenceTransformer(
            dim, config.num_heads, config.text_layers, config.ff_size, config.dropout
        )

    def forward(self, tokens: Tensor, mask: Tensor) -> DiagonalGaussian:
        """Aggregated token states (B, L, C), mask (B, L), True for real tokens -> Gaussian over latents (B, D)."""
        first = torch.stack([self.mu_token, self.logvar_token]).expand(len(tokens), 2, -1)
        x = self.position(torch.cat([first, self.text_projection(tokens)], dim=1))
        real = torch.cat([mask.new_ones(len(tokens), 2), mask], dim=1)
        padding = padding_logits(real, x.dtype) if self.additive_padding else ~real
        out = self.transformer(x, padding, first=2)
        mu = out[:, 0] if self.keywords is None else out[:, 0] + self.keywords(tokens, mask)
        return DiagonalGaussian(mu, out[:, 1])


class Temos(ActionModel, nn.Module):
    """TEMOS: the text features of an action to one motion; several actions are generated apart and joined."""

    config: TemosConfig
    skeleton = SMPL_BODY

    def __init__(self, config: TemosConfig, text_encoder: TextEncoder | None = None) -> None:
        super().__init__()
        self.config = config
        self.features = RootVelocityRot6d(self.skeleton.num_joints, canonicalise=config.canonicalise)
        num_features = self.features.num_features
        sizes: dict[str, Any] = {"num_heads": config.num_heads, "ff_size": config.ff_size, "dropout": config.dropout}
        sizes["frames_per_token"] = config.frames_per_token
        basis = None
        if config.basis_components:
            basis = MotionBasis(config.latent_dim, config.basis_components, config.max_frames, num_features)
        self.action_text_encoder = ActionTextEncoder(config)
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
    ) -> Temos:
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
            from actiongpt_temos.convert import load_published  # a reader that few need

            return load_published(path, text_encoder=text_encoder, stats=stats)
        config = TemosConfig.from_dict(read_config(path, BACKBONE))
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

    def encode_text(self, tokens: Tensor, mask: Tensor) -> DiagonalGaussian:
        """Aggregated text (B, L, C), mask (B, L) -> Gaussian over latents (B, D)."""
        return self.action_text_encoder(tokens, mask)

    def encode_motion(self, features: Tensor, lengths: Tensor) -> DiagonalGaussian:
        """Normalised features (B, T, F), lengths (B,) -> Gaussian over latents (B, D)."""
        return self.motion_encoder(features, lengths)

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
        """Many sequences, of different numbers of actions and lengths, all actions in one pass through the network.

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
        generators = [None] * len(features) if generators is None else generators
        sources = [source for source, actions in zip(generators, features, strict=True) for _ in actions]
        latent = self._sample([item for actions in features for item in actions], sources, noise_scale)
        # Past an action the frames of the transition are not generated but interpolated.
        gap = self.config.transition_frames
        wanted = [count - gap * (index > 0) for counts in lengths for index, count in enumerate(counts)]
        decoded = self.decode(latent, torch.tensor(wanted, device=latent.device))
        blocks = [rows[:count] for rows, count in zip(decoded, wanted, strict=True)]
        return [self._joined([blocks.pop(0) for _ in actions]) for actions in features]

    def _sample(
        self,
        features: Sequence[TextFeatures],
        generators: Sequence[torch.Generator | None],
        noise_scale: float | None,
    ) -> Tensor:
        tokens, mask = pad_texts(features, self.normalizer.mean.device)
        noise = draw_noise(generators, self.config.latent_dim)
        scale = self.config.noise_scale if noise_scale is None else noise_scale
        return self.encode_text(tokens, mask).sample(noise=noise, noise_scale=scale)

    def _joined(self, blocks: Sequence[Tensor]) -> Motion:
        """Generated actions to one motion: each is aligned to what precedes it, and the gaps are bridged.

        Args:
            blocks: Normalised features, (T_i, F) each; all but the first without the frames of their transition.
        """
        gap = self.config.transition_frames
        held = [blocks[0], *(torch.cat([rows.new_zeros(gap, rows.shape[1]), rows]) for rows in blocks[1:])]
        starts = start_frames(held)
        rotations, translation = self.features.decode(self.normalizer.denormalise(torch.cat(held)))
        rotations, translation = join_actions(rotations, translation, starts, gap=gap, align=self.config.align)
        if self.config.root == "smpl":
            translation = translation + translation.new_tensor(SMPL_REST_PELVIS)
        return Motion(
            rotations=rotations.cpu(),
            translation=translation.cpu(),
            fps=self.fps,
            skeleton=self.skeleton,
            starts=starts,
        )
