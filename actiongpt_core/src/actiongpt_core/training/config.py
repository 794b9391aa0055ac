"""Settings of the trainer, whatever is trained."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import ge, gt, in_, optional


@attrs.frozen(kw_only=True)
class TrainingConfig:
    """Settings of a run; see docs/reference/training.md."""

    max_steps: int = attrs.field(default=10_000, validator=gt(0))  #: optimiser steps in all
    batch_size: int = attrs.field(default=32, validator=gt(0))  #: samples of a step, over all devices
    learning_rate: float = attrs.field(default=8e-4, validator=gt(0.0))
    weight_decay: float = attrs.field(default=0.01, validator=[ge(0.0)])
    #: "constant", or warm-up, plateau and linear decay to zero over the last `decay_steps`
    schedule: Literal["constant", "warmup-decay"] = attrs.field(
        default="constant", validator=in_(("constant", "warmup-decay"))
    )
    warmup_steps: int = attrs.field(default=200, validator=ge(0))
    decay_steps: int = attrs.field(default=2_000, validator=ge(0))
    gradient_clip: float | None = attrs.field(default=None, validator=optional(gt(0.0)))  #: largest norm; None: none
    ema: float | None = attrs.field(default=None, validator=optional(gt(0.0)))  #: decay of the averaged weights
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = attrs.field(
        default="32-true", validator=in_(("32-true", "bf16-mixed", "16-mixed"))
    )
    seed: int = attrs.field(default=0, validator=ge(0))
    # --- how actions are told ---
    k: int = attrs.field(default=4, validator=gt(0))  #: descriptions of an action
    min_k: int | None = attrs.field(default=None, validator=optional(gt(0)))  #: with it, min_k to k of them are drawn
    all_k_share: float = attrs.field(default=1.0, validator=[ge(0.0)])  #: with min_k: how often all K are taken
    description_share: float = attrs.field(default=1.0, validator=[ge(0.0)])  #: told by descriptions, not by the phrase
    first_text_share: float = attrs.field(default=0.0, validator=[ge(0.0)])  #: of raw phrases: the first one
    states: Literal["float16", "float32"] = attrs.field(default="float16", validator=in_(("float16", "float32")))
    # --- what is written ---
    save_every: int = attrs.field(default=250, validator=gt(0))
    log_every: int = attrs.field(default=50, validator=gt(0))
    validate_every: int = attrs.field(default=500, validator=gt(0))
    pictures_every: int = attrs.field(default=2_000, validator=ge(0))  #: sample clips as pictures; 0 for none
