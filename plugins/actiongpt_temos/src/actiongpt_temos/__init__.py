"""Action-GPT-TEMOS: a described action to 3D human motion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actiongpt_temos.config import TemosConfig
    from actiongpt_temos.model import Temos

__all__ = ["Temos", "TemosConfig"]


def __getattr__(name: str) -> Any:
    # Lazy: the hooks are reached through this package, and listing plugins must not pay for torch.
    if name == "Temos":
        from actiongpt_temos.model import Temos

        return Temos
    if name == "TemosConfig":
        from actiongpt_temos.config import TemosConfig

        return TemosConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
