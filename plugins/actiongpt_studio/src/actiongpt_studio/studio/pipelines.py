"""The pipelines of the studio: built once for each set of choices, shared by all clients."""

from __future__ import annotations

import threading

import attrs

from actiongpt_core import Pipeline, get_registry


@attrs.frozen(kw_only=True)
class Choices:
    """What a pipeline is built from; None for the library's default."""

    backbone: str | None = None
    checkpoint: str | None = None
    llm: str | None = None
    strategy: str | None = None
    aggregator: str | None = None
    k: int = 4


class Pipelines:
    """Pipelines by choices. Safe for several threads; two that ask for the same one wait for one build."""

    def __init__(self) -> None:
        self._built: dict[Choices, Pipeline] = {}
        self._lock = threading.Lock()

    def get(self, choices: Choices) -> Pipeline:
        """The pipeline of these choices.

        Raises:
            ActionGPTError: As `Pipeline`.
        """
        with self._lock:
            if choices not in self._built:
                self._built[choices] = Pipeline(**attrs.asdict(choices))
            return self._built[choices]


def names(kind: str) -> tuple[str, ...]:
    """What users may choose of a kind ("backbone", "llm", "aggregator"), the default first."""
    registry = get_registry()
    default = registry.default(kind)
    labels = registry.labels(kind)
    first = [label for label, part in labels if part is default]
    return (*first, *(label for label, part in labels if part is not default))
