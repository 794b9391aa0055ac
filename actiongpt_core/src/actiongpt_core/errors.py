"""The one exception family of the library.

Every error that a caller can meet is an `ActionGPTError` and also the builtin that fits, so both styles of handling
work. A message says what was wrong, what was expected, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ActionGPTError(Exception):
    """Base of all errors that this library and its plugins raise on purpose."""


class ConfigError(ActionGPTError, ValueError):
    """A setting, an argument or a config file has a value that cannot work."""


class PromptError(ActionGPTError, ValueError):
    """The user's text cannot be turned into actions: empty, too long, without letters, too many actions."""


class ShapeError(ActionGPTError, ValueError):
    """A tensor has another shape than the function needs."""


class PluginError(ActionGPTError, RuntimeError):
    """A plugin is broken, blocked, or two plugins claim one name."""


class UnknownPluginError(PluginError, LookupError):
    """No LLM provider, aggregator or other plugin part has this name."""


class UnknownBackboneError(UnknownPluginError):
    """No motion model has this name."""


class ProviderError(ActionGPTError, RuntimeError):
    """A language-model provider could not answer."""


class BudgetError(ProviderError):
    """A language model is not asked any more, because the limit that the user set is reached."""


class ServiceError(ActionGPTError, ConnectionError):
    """A service of `actiongpt serve` cannot be reached, is too busy, refuses the token, or failed.

    Args:
        message: What happened.
        status: Of its HTTP answer; None if there was none.
        kind: What the service calls it; None if it does not say.
    """

    def __init__(self, message: str, status: int | None = None, kind: str | None = None) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class CacheError(ActionGPTError, RuntimeError):
    """The description cache is not there, damaged, of a newer version, or cannot be read or written."""


class CheckpointError(ActionGPTError, RuntimeError):
    """A checkpoint is missing, truncated, unsafe, of another backbone, or does not fit."""


class MissingAssetError(ActionGPTError, FileNotFoundError):
    """A file that the user has to supply (body model, text model, data set) is not there."""


class DataError(ActionGPTError, ValueError):
    """A file of a data set is damaged, or not what its format promises."""


class RejectedRecording(DataError):  # noqa: N818
    """A recording is left out by its data set's own rules; the message is the reason, the same for all alike."""


class ExportError(ActionGPTError, OSError):
    """A motion cannot be written: unknown suffix, or the path is not writable."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A suggestion to append to an error message.

    Returns:
        `" Did you mean 'x'?"` for the closest known name, or an empty string if none is close.
    """
    by_lower = {item.lower(): item for item in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return f" Did you mean {by_lower[close[0]]!r}?" if close else ""
