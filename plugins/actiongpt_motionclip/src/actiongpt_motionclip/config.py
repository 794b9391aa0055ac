"""Settings of MotionCLIP."""

from __future__ import annotations

from typing import Any, Literal

import attrs
from attrs.validators import ge, gt, in_, le

from actiongpt_core.checkpoints import config_from_dict

BACKBONE = "motionclip"


@attrs.frozen(kw_only=True)
class MotionClipConfig:
    """Settings of `MotionClip`; the defaults are those of the model published with Action-GPT.

    Attributes that the original does not have (or decides otherwise) say so.
    """

    #: D, of the motion latent and of the text's: the decoder reads either
    latent_dim: int = attrs.field(default=512, validator=gt(0))
    #: C, channels of a pooled text vector
    text_dim: int = attrs.field(default=512, validator=gt(0))
    #: ours: are pooled text vectors centred and whitened? Without, a text's latent is its pooled vector.
    whiten: bool = False
    num_layers: int = attrs.field(default=8, validator=gt(0))
    num_heads: int = attrs.field(default=4, validator=gt(0))
    ff_size: int = attrs.field(default=1024, validator=gt(0))
    dropout: float = attrs.field(default=0.1, validator=ge(0.0))
    #: Learned tokens before the frames: Action-GPT's variant has one; upstream MotionCLIP has a second one whose output
    #: is not used, but which moves every frame's position by one.
    motion_tokens: Literal["mu", "mu_sigma"] = attrs.field(default="mu", validator=in_(("mu", "mu_sigma")))
    #: divide the motion's latent, or what the decoder reads, by its norm
    normalise_encoder_output: bool = False
    normalise_decoder_input: bool = False
    fps: float = attrs.field(default=30.0, validator=gt(0))
    #: longest motion seen in training; decoding more warns
    trained_frames: int = attrs.field(default=60, validator=gt(0))
    #: where the text model is found: "clip:MODEL/WEIGHTS", or "package:NAME" for the embedded one
    text_encoder: str = "clip:ViT-B-32/openai"
    #: The space of pooled text vectors that the latents were trained towards. A text encoder of another space is
    #: refused: vectors of another model are no directions of this one's.
    text_space: str = "clip:ViT-B-32"
    #: What the last row of a frame holds. "right_ankle", as published: the right ankle's way relative to a fixed
    #: pelvis, by a wrong index of the original; the motion stays in place. "pelvis", ours: the pelvis's path.
    row_24: Literal["right_ankle", "pelvis"] = attrs.field(
        default="right_ankle", validator=in_(("right_ankle", "pelvis"))
    )
    #: How the body is turned, see `MotionClip`: "upright" as the original shows it; "decoded" as the network says;
    #: "relative" the same, seen from an upright first frame (published experiments with align_pose_frontview).
    root_orientation: Literal["upright", "decoded", "relative"] = attrs.field(
        default="upright", validator=in_(("upright", "decoded", "relative"))
    )
    #: ours: frames that one token of the motion encoder and decoder holds
    frames_per_token: int = attrs.field(default=1, validator=gt(0))
    #: ours: components of the decoder's linear basis, 0 for none
    basis_components: int = attrs.field(default=0, validator=ge(0))
    #: ours: units of the network that corrects the basis's linear coefficients, 0 for none
    basis_hidden: int = attrs.field(default=0, validator=ge(0))
    #: shortest and longest action, frames
    min_frames: int = attrs.field(default=15, validator=gt(0))
    max_frames: int = attrs.field(default=750, validator=[gt(0), le(5000)])
    #: ours: how several actions are joined; the original could not do it. Interpolated frames between two actions,
    #: taken from the later one
    transition_frames: int = attrs.field(default=8, validator=ge(0))
    align: Literal["full", "translation", "none"] = attrs.field(
        default="full", validator=in_(("full", "translation", "none"))
    )
    default_seconds: float = attrs.field(default=2.0, validator=gt(0))
    #: ours: the prompt strategy that suits the texts of its training; None for the language model's own
    strategy: str | None = None

    def __attrs_post_init__(self) -> None:
        """Check that text and motion can share a space.

        Raises:
            ValueError: They cannot.
        """
        sizes = f"text_dim {self.text_dim} and latent_dim {self.latent_dim}"
        if self.text_dim < self.latent_dim or (self.text_dim != self.latent_dim and not self.whiten):
            raise ValueError(f"{sizes} must be equal, or text_dim the larger one and whiten true.")

    @classmethod
    def tiny(cls, **changes: Any) -> MotionClipConfig:
        """A model for tests: 2 layers, runs in milliseconds; its text space is that of the fake text encoder."""
        small: dict[str, Any] = {"latent_dim": 16, "text_dim": 16, "num_layers": 2, "ff_size": 32, "text_space": "fake"}
        return cls(**(small | {"row_24": "pelvis", "root_orientation": "decoded"} | changes))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MotionClipConfig:
        """Settings from a checkpoint's JSON.

        Raises:
            ConfigError: A key is unknown, or a value has the wrong type or range.
        """
        return config_from_dict(cls, values)
