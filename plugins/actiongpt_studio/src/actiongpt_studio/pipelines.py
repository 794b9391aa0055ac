"""The pipelines of studio and service: built once for each set of choices, shared by all clients."""

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
        self._locks: dict[Choices, threading.Lock] = {}

    def warm_up(self, choices: Choices) -> None:
        """Build in the background, and generate once, so that the first click finds everything loaded."""
        threading.Thread(target=lambda: self.get(choices).generate("walk forward", seed=0), daemon=True).start()

    def get(self, choices: Choices) -> Pipeline:
        """The pipeline of these choices.

        Raises:
            ActionGPTError: As `Pipeline`.
        """
        with self._locks.setdefault(choices, threading.Lock()):  # others than these are not kept waiting
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


def named(choices: Choices) -> Choices:
    """The choices with the defaults by name, as the widgets of a new tab show them."""
    backbone, llm, aggregator = (getattr(choices, kind) or names(kind)[0] for kind in ("backbone", "llm", "aggregator"))
    return attrs.evolve(choices, backbone=backbone, llm=llm, aggregator=aggregator)
