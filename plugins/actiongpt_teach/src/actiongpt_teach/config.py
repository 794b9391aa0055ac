"""Settings of TEACH."""

from __future__ import annotations

from typing import Any, Literal

import attrs
from attrs.validators import ge, gt, in_

from actiongpt_core.checkpoints import config_from_dict

BACKBONE = "teach"


@attrs.frozen(kw_only=True)
class TeachConfig:
    """Settings of `Teach`; the defaults are those of the published model.

    Attributes that the original does not have (or decides otherwise) say so.
    """

    latent_dim: int = attrs.field(default=256, validator=gt(0))
    #: the original's config also has a number of heads, which its classes ignore: 4 are used
    num_heads: int = attrs.field(default=4, validator=gt(0))
    text_layers: int = attrs.field(default=6, validator=gt(0))
    motion_layers: int = attrs.field(default=6, validator=gt(0))
    decoder_layers: int = attrs.field(default=6, validator=gt(0))
    ff_size: int = attrs.field(default=1024, validator=gt(0))
    dropout: float = attrs.field(default=0.1, validator=[ge(0.0)])
    #: channels of the text model's token states
    text_dim: int = attrs.field(default=768, validator=gt(0))
    #: frames of the previous action that the text encoder sees
    hist_frames: int = attrs.field(default=5, validator=gt(0))
    fps: float = attrs.field(default=30.0, validator=gt(0))
    #: Where the text model is found: a folder, "package:NAME", or a hub name.
    text_encoder: str = "distilbert-base-uncased"
    #: Padding of the text in a batch. "bool" leaves it out. "additive" repeats what the original did by accident (an
    #: inverted integer mask that adds 1 to the attention logits of padding); batches then depend on their longest text.
    padding: Literal["bool", "additive"] = attrs.field(default="bool", validator=in_(("bool", "additive")))
    #: Training: does the motion encoder know where a motion of the batch ends? The original did not tell it.
    motion_lengths: bool = False
    #: What feature 0..2 speak of: SMPL's translation (published checkpoints) or the pelvis joint.
    root: Literal["smpl", "pelvis"] = attrs.field(default="smpl", validator=in_(("smpl", "pelvis")))
    #: How a heading is measured when actions are joined: the originals' axis-angle component, or the true facing
    #: direction; with "facing" the history is also turned to the canonical direction before it is encoded, so that a
    #: model trained on pairs sees the third action as it saw the second.
    heading: Literal["axis_angle", "facing"] = attrs.field(
        default="axis_angle", validator=in_(("axis_angle", "facing"))
    )
    #: ours: frames that one token of the motion encoder and decoder holds
    frames_per_token: int = attrs.field(default=1, validator=gt(0))
    #: ours: components of the decoder's linear basis, 0 for none
    basis_components: int = attrs.field(default=0, validator=ge(0))
    #: ours: learned word detectors whose strongest responses are added to mu, 0 for none
    keyword_detectors: int = attrs.field(default=0, validator=ge(0))
    #: shortest and longest action, frames
    min_frames: int = attrs.field(default=15, validator=gt(0))
    max_frames: int = attrs.field(default=750, validator=gt(0))
    #: interpolated frames between two actions, taken from the later one
    transition_frames: int = attrs.field(default=8, validator=ge(0))
    align: Literal["full", "translation", "none"] = attrs.field(
        default="full", validator=in_(("full", "translation", "none"))
    )
    #: default factor on the noise of the latent
    noise_scale: float = attrs.field(default=1.0, validator=ge(0.0))
    default_seconds: float = attrs.field(default=4.0, validator=gt(0))
    #: ours: the prompt strategy that suits the texts of its training; None for the language model's own
    strategy: str | None = None

    @classmethod
    def tiny(cls, **changes: Any) -> TeachConfig:
        """A model for tests: 2 layers, runs in milliseconds."""
        small: dict[str, Any] = {"latent_dim": 16, "text_layers": 2, "motion_layers": 2, "decoder_layers": 2}
        return cls(**(small | {"ff_size": 32, "text_dim": 8, "root": "pelvis"} | changes))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TeachConfig:
        """Settings from a checkpoint's JSON.

        Raises:
            ConfigError: A key is unknown, or a value has the wrong type or range.
        """
        return config_from_dict(cls, values)
