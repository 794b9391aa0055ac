"""Action-GPT-TEACH: sequences of described actions to 3D human motion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actiongpt_teach.config import TeachConfig
    from actiongpt_teach.model import Teach

__all__ = ["Teach", "TeachConfig"]


def __getattr__(name: str) -> Any:
    # Lazy: the hooks are reached through this package, and listing plugins must not pay for torch.
    if name == "Teach":
        from actiongpt_teach.model import Teach

        return Teach
    if name == "TeachConfig":
        from actiongpt_teach.config import TeachConfig

        return TeachConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
