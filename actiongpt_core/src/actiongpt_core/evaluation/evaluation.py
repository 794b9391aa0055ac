"""The result of an evaluation: numbers with intervals, and all that is needed to compare them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from actiongpt_core.errors import ActionGPTError, ConfigError, MissingAssetError
from actiongpt_core.evaluation.bootstrap import Array, Interval, intervals
from actiongpt_core.evaluation.protocol import require_same
from actiongpt_core.registry import get_registry

_TABLES, _NAMES = ("metrics", "real", "nearest_text"), ("keys", "texts", "pair_keys")


@attrs.frozen(eq=False, kw_only=True)
class Evaluation:
    """What was measured of a model on a split. Units and definitions: docs/reference/metrics.md."""

    protocol: str  #: how it was measured; see `protocol.Protocol`
    metrics: dict[str, Interval]
    real: dict[str, Interval]  #: of the real clips: what needs no reference
    nearest_text: dict[str, Interval]  #: of the training clips with the nearest texts; empty where not measured
    model: dict[str, Any]  #: what the motions depend on
    seeds: dict[str, Any]
    counts: dict[str, int]  #: clips of the split, those left out by reason, those cut
    versions: dict[str, str]
    keys: tuple[str, ...]  #: of the clips
    texts: tuple[str, ...]
    pair_keys: tuple[str, ...]  #: of the pairs that the transition distance was measured on
    per_clip: dict[str, Array]  #: name of a metric, or "frames" -> one number a clip
    per_pair: dict[str, Array]

    def to_dict(self) -> dict[str, Any]:
        """For JSON; a number that a clip does not have is None."""
        values = attrs.asdict(self, recurse=False)
        for name in _TABLES:
            values[name] = {metric: attrs.asdict(interval) for metric, interval in values[name].items()}
        for name in ("per_clip", "per_pair"):
            values[name] = {metric: _plain(column) for metric, column in values[name].items()}
        return values | {name: list(getattr(self, name)) for name in _NAMES}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Evaluation:
        """From JSON.

        Raises:
            ConfigError: It is not what `to_dict` gives.
        """
        try:
            found = {field.name: values[field.name] for field in attrs.fields(cls)}
            for name in _TABLES:
                found[name] = {metric: Interval(**interval) for metric, interval in found[name].items()}
            for name in ("per_clip", "per_pair"):
                found[name] = {metric: np.array(column, dtype=np.float64) for metric, column in found[name].items()}
            return cls(**(found | {name: tuple(found[name]) for name in _NAMES}))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"This is not a result of `actiongpt evaluate` ({error!r}).") from None


@attrs.frozen(kw_only=True)
class Difference:
    """One metric of two results."""

    first: Interval
    second: Interval
    change: Interval | None  #: second minus first, of the same clips drawn together; None where that is not known


def compare(first: Evaluation, second: Evaluation) -> dict[str, Difference]:
    """The metrics that two results share, and how far they are apart.

    Both are measured on the same clips, so the interval of a difference draws clips and takes both results' numbers of
    them. A difference whose interval holds 0 may be chance. For diversity, in which each number is of pairs of clips,
    no interval is given. The transition distance is left out where it was measured on other pairs.

    Raises:
        ConfigError: The protocols differ; the message names what differs.
    """
    require_same(first.protocol, second.protocol)
    others = set() if first.pair_keys == second.pair_keys else first.per_pair.keys() | second.per_pair.keys()
    shared = [name for name in first.metrics if name in second.metrics and name not in others]
    return {
        name: Difference(first=first.metrics[name], second=second.metrics[name], change=_change(first, second, name))
        for name in shared
    }


def read_evaluation(path: Path) -> Evaluation:
    """A result that `actiongpt evaluate --json` wrote.

    Raises:
        MissingAssetError: There is no such file.
        ConfigError: It is something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingAssetError(f"Cannot read {path}: {error.strerror or error}.") from None
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON ({error}). Give a file that `actiongpt evaluate --json` wrote.") from None
    try:
        return Evaluation.from_dict(content)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def versions(backbone: str | None) -> dict[str, str]:
    """Of this library, of the backbone's package, and of what computes."""
    found = {name: metadata.version(name) for name in ("actiongpt-core", "torch", "numpy")}
    try:
        plugin = get_registry().part("backbone", backbone).plugin if backbone else None
    except ActionGPTError:  # the model was given itself, and has no package that is known
        plugin = None
    return found | ({plugin.distribution: plugin.version} if plugin else {})


def _change(first: Evaluation, second: Evaluation, name: str) -> Interval | None:
    table = "per_clip" if name in first.per_clip else "per_pair"
    ours, theirs = (getattr(result, table).get(name) for result in (first, second))
    if name == "diversity" or ours is None or theirs is None or len(ours) != len(theirs):
        return None
    weights = {name: first.per_clip["frames"]} if "APE_" in name else {}
    return intervals({name: theirs - ours}, weights).get(name)


def _plain(column: Array) -> list[float | None]:
    return [None if math.isnan(value) else value for value in column.tolist()]
