"""Text to 3D human motion through descriptions that a language model writes.

The public names are imported when they are first used, so that `import actiongpt_core` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actiongpt_core.body.smpl import SmplBody
    from actiongpt_core.body.stick import StickBody
    from actiongpt_core.client import Client
    from actiongpt_core.data.recording import Recording
    from actiongpt_core.errors import (
        ActionGPTError,
        BudgetError,
        CacheError,
        CheckpointError,
        ConfigError,
        DataError,
        ExportError,
        MissingAssetError,
        PluginError,
        PromptError,
        ProviderError,
        RejectedRecording,
        ServiceError,
        ShapeError,
        UnknownBackboneError,
        UnknownPluginError,
    )
    from actiongpt_core.hookspecs import (
        AggregatorSpec,
        CommandSpec,
        DataSetSpec,
        LLMProviderSpec,
        MotionModelSpec,
        hookimpl,
    )
    from actiongpt_core.interfaces import (
        Aggregator,
        BodyModel,
        DataSet,
        DataSource,
        LanguageModel,
        LLMProvider,
        MotionModel,
        TextEncoder,
    )
    from actiongpt_core.pipeline import Pipeline
    from actiongpt_core.plugins import PluginInfo
    from actiongpt_core.registry import Registry, get_registry
    from actiongpt_core.text.actions import parse_actions
    from actiongpt_core.text.prompts import Strategy
    from actiongpt_core.types.motion import Motion
    from actiongpt_core.types.segments import Pair, Segment
    from actiongpt_core.types.skeleton import SMPL, SMPL_BODY, Skeleton
    from actiongpt_core.types.text import Action, Answer, Descriptions, Prompt, TextFeatures

    __version__: str

_HOMES = {
    "body.smpl": ["SmplBody"],
    "body.stick": ["StickBody"],
    "client": ["Client"],
    "data.recording": ["Recording"],
    "errors": [
        "ActionGPTError",
        "BudgetError",
        "CacheError",
        "CheckpointError",
        "ConfigError",
        "DataError",
        "ExportError",
        "MissingAssetError",
        "PluginError",
        "PromptError",
        "ProviderError",
        "RejectedRecording",
        "ServiceError",
        "ShapeError",
        "UnknownBackboneError",
        "UnknownPluginError",
    ],
    "hookspecs": ["AggregatorSpec", "CommandSpec", "DataSetSpec", "LLMProviderSpec", "MotionModelSpec", "hookimpl"],
    "interfaces": [
        "Aggregator",
        "BodyModel",
        "DataSet",
        "DataSource",
        "LLMProvider",
        "LanguageModel",
        "MotionModel",
        "TextEncoder",
    ],
    "pipeline": ["Pipeline"],
    "plugins": ["PluginInfo"],
    "registry": ["Registry", "get_registry"],
    "text.actions": ["parse_actions"],
    "text.prompts": ["Strategy"],
    "types.motion": ["Motion"],
    "types.segments": ["Pair", "Segment"],
    "types.skeleton": ["SMPL", "SMPL_BODY", "Skeleton"],
    "types.text": ["Action", "Answer", "Descriptions", "Prompt", "TextFeatures"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

# Written out for type checkers and editors; a test compares it with _HOMES.
__all__ = [
    "SMPL",
    "SMPL_BODY",
    "Action",
    "ActionGPTError",
    "Aggregator",
    "AggregatorSpec",
    "Answer",
    "BodyModel",
    "BudgetError",
    "CacheError",
    "CheckpointError",
    "Client",
    "CommandSpec",
    "ConfigError",
    "DataError",
    "DataSet",
    "DataSetSpec",
    "DataSource",
    "Descriptions",
    "ExportError",
    "LLMProvider",
    "LLMProviderSpec",
    "LanguageModel",
    "MissingAssetError",
    "Motion",
    "MotionModel",
    "MotionModelSpec",
    "Pair",
    "Pipeline",
    "PluginError",
    "PluginInfo",
    "Prompt",
    "PromptError",
    "ProviderError",
    "Recording",
    "Registry",
    "RejectedRecording",
    "Segment",
    "ServiceError",
    "ShapeError",
    "Skeleton",
    "SmplBody",
    "StickBody",
    "Strategy",
    "TextEncoder",
    "TextFeatures",
    "UnknownBackboneError",
    "UnknownPluginError",
    "__version__",
    "get_registry",
    "hookimpl",
    "parse_actions",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("actiongpt-core")
    elif name in _HOME_OF:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
