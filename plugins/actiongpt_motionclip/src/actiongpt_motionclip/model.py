"""MotionCLIP with described actions, top to bottom.

Tevet et al., "MotionCLIP: Exposing Human Motion Generation to CLIP Space", ECCV 2022, in the form of Kalakonda et al.,
"Action-GPT", ICME 2023: the decoder reads the mean of the K descriptions' pooled text vectors. What differs from them
stands in docs/explanation/differences.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from actiongpt_core.checkpoints import load_weights, read_config, resolve_text_encoder, write_checkpoint
from actiongpt_core.errors import ConfigError, ShapeError
from actiongpt_core.features.base import Normalizer
from actiongpt_core.features.pose_rot6d import PoseRot6d, to_rows
from actiongpt_core.geometry.joining import join_actions, start_frames
from actiongpt_core.interfaces import TextEncoder
from actiongpt_core.nn.basis import MotionBasis
from actiongpt_core.nn.generation import ActionModel, check_sequences
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.nn.positional import PositionalEncoding
from actiongpt_core.nn.sequence import SequenceDecoder, SequenceTransformer, patch_frames, start_with
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL, SMPL_BODY
from actiongpt_core.types.text import TextFeatures
from actiongpt_motionclip.config import BACKBONE, MotionClipConfig
from actiongpt_motionclip.layout import encode_in_place, stand_in_place, turn_root
from actiongpt_motionclip.published import is_published
from actiongpt_motionclip.text_spaces import load_text_encoder, require_space
from actiongpt_motionclip.whitening import Whitening

#: The checkpoint that ships with this package.
DEFAULT_CHECKPOINT = Path(__file__).parent / "checkpoints" / "default"


class MotionEncoder(nn.Module):
    """A motion to its latent: the output at a learned token that stands before the frames.

    Positions are added to the whole sequence; with a second token, as upstream has it, frames stand one further along.
    """

    def __init__(self, config: MotionClipConfig, num_features: int) -> None:
        super().__init__()
        dim = config.latent_dim
        self.frames_per_token = config.frames_per_token
        self.mu_token = nn.Parameter(torch.randn(1, dim))
        self.sigma_token = nn.Parameter(torch.randn(1, dim)) if config.motion_tokens == "mu_sigma" else None
        self.motion_projection = nn.Linear(num_features * self.frames_per_token, dim)
        self.position = PositionalEncoding(dim, config.dropout)
        self.transformer = SequenceTransformer(dim, config.num_heads, config.num_layers, config.ff_size, config.dropout)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Normalised features (B, T, F), lengths (B,) in frames -> (B, D)."""
        tokens = self.motion_projection(patch_frames(features, self.frames_per_token))
        start = self.mu_token if self.sigma_token is None else torch.cat([self.mu_token, self.sigma_token])
        x, padding = start_with(start, tokens, lengths, self.frames_per_token)
        out: Tensor = self.transformer(self.position(x), padding, first=1)
        return out[:, 0]


class MotionClip(ActionModel, nn.Module):
    """MotionCLIP: a pooled text vector, or any other latent of its space, to one motion. No noise is drawn.

    Several actions are generated apart and joined.

    Root orientation (`config.root_orientation`): the original shows every generated motion with one fixed root
    orientation, so that its results never turn, bow or lie down. "upright" does the same: the body stands, facing the
    canonical direction. It stays the default for published weights: they were trained on clips with the heading of the
    recording, which a text says nothing about, and the mean of rotations that differ by a heading has no direction. A
    model that was trained on clips turned to the canonical direction, as the one that ships, uses "decoded": what the
    network says.

    Height (`config.row_24` "right_ankle"): published weights know no path and no height. The motion stays in place, and
    the pelvis is held so high that in each frame the skeleton's lowest joint is on the ground.
    """

    config: MotionClipConfig
    skeleton = SMPL

    def __init__(self, config: MotionClipConfig, text_encoder: TextEncoder | None = None) -> None:
        super().__init__()
        self.config = config
        self.features = PoseRot6d(self.skeleton.num_joints)
        num_features = self.features.num_features
        basis = None
        if config.basis_components:
            basis = MotionBasis(
                config.latent_dim, config.basis_components, config.max_frames, num_features, hidden=config.basis_hidden
            )
        self.motion_encoder = MotionEncoder(config, num_features)
        self.motion_decoder = SequenceDecoder(
            num_features,
            config.latent_dim,
            num_heads=config.num_heads,
            num_layers=config.num_layers,
            ff_size=config.ff_size,
            dropout=config.dropout,
            frames_per_token=config.frames_per_token,
            basis=basis,
        )
        self.whitening = Whitening(config.text_dim, config.latent_dim) if config.whiten else None
        self.normalizer = Normalizer.identity(num_features)
        if text_encoder is not None:
            require_space(text_encoder, config.text_space)
        self._text_encoder = text_encoder
        self._text_source: str | Path = config.text_encoder

    @property
    def trained_frames(self) -> int:
        """Longest motion of the training."""
        return self.config.trained_frames

    # --- checkpoints ------------------------------------------------------------------------------------------------

    @classmethod
    def from_checkpoint(
        cls,
        path: Path | None = None,
        *,
        text_encoder: str | Path | None = None,
        stats: Path | None = None,
        upstream: bool = False,
    ) -> MotionClip:
        """Build the model from a checkpoint folder, ours or a published experiment's.

        Args:
            path: The folder, or one checkpoint file of a published experiment; None for the checkpoint that ships.
            text_encoder: Where the text model is found, instead of the checkpoint's own place; of the same text space.
            stats: Has no use here: published experiments are not normalised, and our folders hold their statistics.
            upstream: The published experiment is of upstream MotionCLIP, whose encoder has a second token.

        Raises:
            CheckpointError: The folder is missing, truncated, of another backbone, unsafe, or holds NaN.
            ConfigError: `stats` was given.
        """
        path = DEFAULT_CHECKPOINT if path is None else Path(path)
        if is_published(path):
            from actiongpt_motionclip.convert import load_published  # a reader that few need

            return load_published(path, text_encoder=text_encoder, stats=stats, upstream=upstream)
        config = MotionClipConfig.from_dict(read_config(path, BACKBONE))
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
        """The frozen text model, loaded when first asked for.

        Raises:
            ConfigError: It is of another text space than the checkpoint, or its source cannot be understood.
        """
        if self._text_encoder is None:
            encoder = load_text_encoder(self._text_source)
            require_space(encoder, self.config.text_space)
            self._text_encoder = encoder
        return self._text_encoder

    # --- the parts --------------------------------------------------------------------------------------------------

    def read_motion(self, motion: Motion) -> Tensor:
        """The normalised features of a motion, (T, F), as `encode_motion` reads them.

        Args:
            motion: Of this model's frame rate; with SMPL's 24 joints, or its first 22: hands are then held straight.

        Warns:
            UserWarning: The motion is longer than those that the model was trained on.

        Raises:
            ConfigError: The motion has another frame rate, or more than `max_frames`.
            ShapeError: The motion has other joints.
        """
        if motion.fps != self.fps:
            raise ConfigError(f"This checkpoint reads {self.fps:g} frames a second; resample the {motion.fps:g} first.")
        if motion.skeleton.joint_names not in (self.skeleton.joint_names, SMPL_BODY.joint_names):
            raise ShapeError(f"This backbone reads SMPL's joints; the motion's skeleton is {motion.skeleton.name!r}.")
        self._check_readable(len(motion))
        num_missing = self.skeleton.num_joints - motion.skeleton.num_joints
        hands = torch.eye(3).expand(len(motion), num_missing, 3, 3)
        rotations = torch.cat([motion.rotations, hands.to(motion.rotations)], dim=1)
        if self.config.row_24 == "pelvis":
            features = self.features.encode(rotations, motion.translation)
        else:
            is_relative = self.config.root_orientation == "relative"
            features = encode_in_place(rotations, self.skeleton, relative=is_relative)
        return self.normalizer.normalise(features.to(self.normalizer.mean))

    def encode_motion(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Normalised features (B, T, F), lengths (B,) -> latents (B, D)."""
        latents: Tensor = self.motion_encoder(features, lengths)
        return _to_unit(latents) if self.config.normalise_encoder_output else latents

    def encode_text(self, features: Sequence[TextFeatures]) -> Tensor:
        """Aggregated texts -> latents (B, D): their pooled vectors, not normalised; whitened where the config says so.

        Raises:
            ConfigError: A text has no pooled vector.
            ShapeError: A pooled vector has another size than the checkpoint's text space.
        """
        size = self.config.text_dim
        for item in features:
            if item.pooled is None:
                raise ConfigError(
                    "This backbone reads one pooled vector a text, and the text encoder or the aggregator gave none. "
                    f"Use a text encoder of the space {self.config.text_space!r} and the aggregator 'mean'."
                )
            if item.pooled.shape != (size,):
                raise ShapeError(f"A pooled text vector must be ({size},), got {tuple(item.pooled.shape)}.")
        device = self.normalizer.mean.device
        pooled = [item.pooled.to(device).float() for item in features if item.pooled is not None]
        return self.text_latent(torch.stack(pooled))

    def text_latent(self, pooled: Tensor) -> Tensor:
        """Pooled vectors of aggregated texts (B, C) -> latents (B, D)."""
        return pooled if self.whitening is None else self.whitening(pooled)

    def decode(self, latent: Tensor, lengths: Tensor) -> Tensor:
        """Latents (B, D), lengths (B,) -> normalised features (B, T, F), zero beyond each length.

        Warns:
            UserWarning: A length is beyond the frames that the model was trained on.

        Raises:
            ConfigError: A length is beyond `max_frames`.
        """
        self._check_longest(int(lengths.max()))
        if self.config.normalise_decoder_input:
            latent = _to_unit(latent)
        out: Tensor = self.motion_decoder(latent, lengths)
        return out

    def _check_longest(self, longest: int) -> None:
        trained = self.config.trained_frames
        if longest > self.max_frames:
            raise ConfigError(
                f"This checkpoint makes actions of at most {self.max_frames} frames "
                f"({self.max_frames / self.fps:.3g} seconds), got {longest}. For a longer motion name the action twice."
            )
        if longest > trained:
            warnings.warn(
                f"{longest} frames were asked for, and this checkpoint was trained on {trained} "
                f"({trained / self.fps:.3g} seconds): what comes after them is a guess. Ask for at most "
                f"{trained / self.fps:.3g} seconds an action, or name the action twice.",
                stacklevel=3,
            )

    def _check_readable(self, count: int) -> None:
        trained = self.config.trained_frames
        if count > self.max_frames:
            raise ConfigError(
                f"This checkpoint reads motions of at most {self.max_frames} frames "
                f"({self.max_frames / self.fps:.3g} seconds at its {self.fps:g} a second), got {count}. Cut the motion."
            )
        if count > trained:
            warnings.warn(
                f"A motion of {count} frames was given, and this checkpoint was trained on {trained} "
                f"({trained / self.fps:.3g} seconds): its latent is a guess. Cut the motion.",
                stacklevel=3,
            )

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
            features: For each sequence, for each action, the aggregated text with its pooled vector (C,).
            lengths: For each sequence, for each action, its number of frames.
            generators: Without effect: the model is deterministic.
            noise_scale: Without effect.

        Raises:
            ConfigError: A length is outside the checkpoint's range, or a text has no pooled vector.
            ShapeError: A sequence is empty, has another number of lengths than of actions, or a pooled vector does not
                fit.
        """
        check_sequences(features, lengths, min_frames=self.min_frames, max_frames=self.max_frames, fps=self.fps)
        latents = self.encode_text([item for actions in features for item in actions])
        # Past an action the frames of the transition are not generated but interpolated.
        gap = self.config.transition_frames
        wanted = [count - gap * (index > 0) for counts in lengths for index, count in enumerate(counts)]
        poses = self._poses(latents, wanted)
        return [self._joined([poses.pop(0) for _ in actions]) for actions in features]

    @torch.inference_mode()
    def motions(self, latents: Tensor, lengths: Sequence[int] | Tensor) -> list[Motion]:
        """One motion for each latent: of a text, of a motion, or of anything between.

        Args:
            latents: (B, D).
            lengths: (B,), in frames, each at least 1.

        Raises:
            ConfigError: A length is beyond `max_frames`.
            ShapeError: The latents have another shape, there are not as many lengths, or one is below 1.
        """
        counts = torch.as_tensor(lengths)
        if latents.ndim != 2 or not len(latents) or latents.shape[1] != self.config.latent_dim:
            raise ShapeError(f"Latents must be (B, {self.config.latent_dim}), got {tuple(latents.shape)}.")
        if counts.shape != latents.shape[:1] or counts.is_floating_point() or int(counts.min()) < 1:
            raise ShapeError(
                f"Each of {len(latents)} latents needs a whole number of frames, at least 1; got {lengths}."
            )
        return [self._joined([pose]) for pose in self._poses(latents, counts.tolist())]

    @torch.inference_mode()
    def rows(self, latents: Tensor, lengths: Tensor) -> Tensor:
        """What the original code calls its output: decoded rows, (B, D) and (B,) -> (B, 25, 6, T).

        They are zero beyond each length. With the root orientation "upright" row 0 is the identity in all frames, those
        beyond a length too: SMPL's own axes, y up.
        """
        features = self.normalizer.denormalise(self.decode(latents, lengths))
        rows = to_rows(features * lengths_to_mask(lengths)[..., None])
        if self.config.root_orientation == "upright":
            rows[:, 0] = rows.new_tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])[:, None]
        return rows

    def _poses(self, latents: Tensor, lengths: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
        """Rotations (T_i, J, 3, 3) and pelvis positions (T_i, 3) of each latent."""
        decoded = self.decode(latents, torch.tensor(lengths, device=latents.device))
        rotations, translation = self.features.decode(self.normalizer.denormalise(decoded))
        rotations = turn_root(rotations, self.config.root_orientation)
        if self.config.row_24 == "right_ankle":
            translation = stand_in_place(rotations, self.skeleton)
        return [(r[:count], t[:count]) for r, t, count in zip(rotations, translation, lengths, strict=True)]

    def _joined(self, poses: Sequence[tuple[Tensor, Tensor]]) -> Motion:
        """Align each action to what precedes it and bridge the gaps."""
        gap = self.config.transition_frames
        held = [poses[0], *((_delayed(r, gap), _delayed(t, gap)) for r, t in poses[1:])]
        starts = start_frames([rotations for rotations, _ in held])
        rotations, translation = (torch.cat(parts) for parts in zip(*held, strict=True))
        rotations, translation = join_actions(rotations, translation, starts, gap=gap, align=self.config.align)
        return Motion(
            rotations=rotations.cpu(),
            translation=translation.cpu(),
            fps=self.fps,
            skeleton=self.skeleton,
            starts=starts,
        )


def _delayed(values: Tensor, gap: int) -> Tensor:
    """(T, ...) -> (gap + T, ...), zeros first."""
    return torch.cat([values.new_zeros(gap, *values.shape[1:]), values])


def _to_unit(latents: Tensor) -> Tensor:
    return latents / torch.linalg.vector_norm(latents, dim=-1, keepdim=True)
