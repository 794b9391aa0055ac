"""Action-GPT-MotionCLIP: a described action to 3D human motion, through a text model's pooled space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actiongpt_motionclip.config import MotionClipConfig
    from actiongpt_motionclip.model import MotionClip

__all__ = ["MotionClip", "MotionClipConfig"]


def __getattr__(name: str) -> Any:
    # Lazy: the hooks are reached through this package, and listing plugins must not pay for torch.
    if name == "MotionClip":
        from actiongpt_motionclip.model import MotionClip

        return MotionClip
    if name == "MotionClipConfig":
        from actiongpt_motionclip.config import MotionClipConfig

        return MotionClipConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
