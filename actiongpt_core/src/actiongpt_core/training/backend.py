"""The one place that imports Lightning (extra: train)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from actiongpt_core.errors import MissingAssetError
from actiongpt_core.torchvision_shim import ensure_torchvision

if TYPE_CHECKING:
    import lightning
else:
    ensure_torchvision()  # Lightning's metrics import torchvision where it is installed
    try:
        lightning: Any = importlib.import_module("lightning")
    except ModuleNotFoundError as error:
        raise MissingAssetError("Training needs Lightning: pip install 'actiongpt-core[train]'.") from error

__all__ = ["lightning"]
