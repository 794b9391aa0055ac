"""How far are estimated seconds from real ones? On clips that the table has not seen, beside constants.

Needs the prepared CMU set (ACTIONGPT_CMU, or --cmu). --tune compares settings, on the training split alone; --write
makes the table that ships.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch
from rich.console import Console
from rich.table import Table

from actiongpt_core.data.cmu import ENVIRONMENT, CmuSet
from actiongpt_core.data.lengths import (
    RealLength,
    duration_table,
    parametric_lengths,
    real_lengths,
    with_vectors,
    write_duration_table,
)
from actiongpt_core.interfaces import TextEncoder
from actiongpt_core.text.durations import DurationEstimator, DurationTable, Length, Neighbourhood
from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_core.text.folding import fold as folded
from actiongpt_core.types.text import TextFeatures

_CONSTANT = 4.0
_FACTOR = 1.5
#: What is left out of the training clips together, so that it is unseen.
_GROUPS: dict[str, Callable[[RealLength], str]] = {
    "train, subject left out": lambda clip: clip.subject,
    "train, text left out": lambda clip: folded(clip.text),
}
_GRID = {
    "size": (1, 3, 5, 8, 12, 20),
    "temperature": (0.03, 0.05, 0.07, 0.1),
    "count_power": (0.0, 0.5, 1.0),
    "prior": (0.2, 0.4, 0.6, 0.7),
}


@attrs.frozen(eq=False, kw_only=True)
class Fold:
    """A table, and clips that it has not seen."""

    table: DurationTable
    middle: float  #: median of the clips that it has seen, seconds
    unseen: list[RealLength]


#: Seconds of the unseen clips.
Method = Callable[[Fold], list[float]]


@attrs.frozen(kw_only=True)
class Errors:
    """How far a method is from real lengths."""

    num_clips: int
    num_texts: int
    mean: float  #: absolute error, seconds
    median: float
    mean_of_texts: float  #: every text counts the same, however many clips it has
    share: float  #: of the clips, within a factor of 1.5
    log_error: float  #: mean of the errors' logarithm, of clips and of texts, halved: what --tune looks at


class _Remembering:
    """A text encoder that encodes each text once: tables of many folds share most of theirs."""

    def __init__(self) -> None:
        self._encoder = TransformersTextEncoder()
        self.name, self.dim = self._encoder.name, self._encoder.dim
        self._known: dict[str, TextFeatures] = {}

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """Pooled vectors; the token states are those of each text's first token."""
        for text in texts:
            if text not in self._known:
                self._known[text] = self._encoder.encode([text])
        found = [self._known[text] for text in texts]
        return TextFeatures(
            tokens=torch.cat([one.tokens[:, :1] for one in found]),
            mask=torch.cat([one.mask[:, :1] for one in found]),
            pooled=torch.cat([one.pooled for one in found if one.pooled is not None]),
        )


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cmu", type=Path, help=f"folder of the prepared CMU set (default: {ENVIRONMENT})")
    parser.add_argument("--write", action="store_true", help="write the table that ships, and stop")
    parser.add_argument("--tune", action="store_true", help="compare settings on the training split, and stop")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    if arguments.cmu is None and not os.environ.get(ENVIRONMENT):
        raise SystemExit(f"The prepared CMU set is needed: --cmu FOLDER, or {ENVIRONMENT}.")
    cmu, encoder = CmuSet(arguments.cmu), _Remembering()
    train, parametric = real_lengths(cmu, "train"), parametric_lengths()
    if arguments.write:
        for file in write_duration_table(with_vectors(duration_table(train, parametric), encoder)):
            Console().print(f"wrote {file}")
        return
    folds = {name: list(leave_out(train, key, parametric, encoder)) for name, key in _GROUPS.items()}
    if arguments.tune:
        _print_settings(tune(folds, encoder))
        return
    folds = held_out(make_fold(train, real_lengths(cmu, "val", "test"), parametric, encoder)) | folds
    result = {name: table_of_errors(fold, encoder) for name, fold in folds.items()}
    _print(result)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        numbers = {name: {how: attrs.asdict(it) for how, it in found.items()} for name, found in result.items()}
        arguments.json.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


def make_fold(
    seen: Sequence[RealLength], unseen: list[RealLength], parametric: Sequence[Length], encoder: TextEncoder
) -> Fold:
    """What is known of some clips, and others to try it on."""
    table = with_vectors(duration_table(seen, parametric), encoder)
    return Fold(table=table, middle=statistics.median(clip.seconds for clip in seen), unseen=unseen)


def leave_out(
    clips: Sequence[RealLength],
    key: Callable[[RealLength], str],
    parametric: Sequence[Length],
    encoder: TextEncoder,
) -> Iterator[Fold]:
    """For each group of clips a table of all others."""
    for group in sorted({key(clip) for clip in clips}):
        seen, unseen = ([clip for clip in clips if (key(clip) == group) == is_in] for is_in in (False, True))
        yield make_fold(seen, unseen, parametric, encoder)


def held_out(whole: Fold) -> dict[str, list[Fold]]:
    """The clips of the other splits: all, those whose text the table has, and those whose text it has not."""
    known = {folded(text) for length in whole.table.lengths for text in (length.text, *length.wordings)}
    parts = {"": whole.unseen}
    for name, is_known in ((", texts of the table", True), (", other texts", False)):
        parts[name] = [clip for clip in whole.unseen if (folded(clip.text) in known) == is_known]
    return {f"val and test{name}": [attrs.evolve(whole, unseen=part)] for name, part in parts.items() if part}


def table_of_errors(folds: Sequence[Fold], encoder: TextEncoder) -> dict[str, Errors]:
    """Method -> errors."""
    nearest = Neighbourhood(size=1, prior=-1.0)
    methods: dict[str, Method] = {
        f"always {_CONSTANT:g} s": lambda fold: [_CONSTANT] * len(fold.unseen),
        "always the median of the training clips": lambda fold: [fold.middle] * len(fold.unseen),
        "the nearest text alone": estimate(encoder, nearest),
        "estimate": estimate(encoder),
    }
    return {name: errors(folds, method) for name, method in methods.items()}


def estimate(encoder: TextEncoder, neighbourhood: Neighbourhood | None = None) -> Method:
    """The estimator as a method."""

    def method(fold: Fold) -> list[float]:
        estimator = DurationEstimator(encoder, table=fold.table, neighbourhood=neighbourhood)
        found = estimator.batch([clip.text for clip in fold.unseen])
        return [seconds for seconds in found if seconds is not None]

    return method


def errors(folds: Iterable[Fold], method: Method) -> Errors:
    """Errors over the clips of all folds."""
    pairs = [pair for fold in folds for pair in zip(fold.unseen, method(fold), strict=True)]
    absolute = [abs(seconds - clip.seconds) for clip, seconds in pairs]
    logarithmic = [abs(math.log(seconds / clip.seconds)) for clip, seconds in pairs]
    texts = [folded(clip.text) for clip, _ in pairs]
    return Errors(
        num_clips=len(pairs),
        num_texts=len(set(texts)),
        mean=statistics.mean(absolute),
        median=statistics.median(absolute),
        mean_of_texts=_mean_of_groups(texts, absolute),
        share=statistics.mean(error <= math.log(_FACTOR) for error in logarithmic),
        log_error=(statistics.mean(logarithmic) + _mean_of_groups(texts, logarithmic)) / 2,
    )


def tune(folds: dict[str, list[Fold]], encoder: TextEncoder) -> list[tuple[float, Neighbourhood]]:
    """Settings from the best to the worst, by the mean of the logarithmic errors of both ways to leave out."""
    found = []
    for values in itertools.product(*_GRID.values()):
        settings: dict[str, Any] = dict(zip(_GRID, values, strict=True))
        neighbourhood = Neighbourhood(**settings)
        method = estimate(encoder, neighbourhood)
        score = statistics.mean(errors(fold, method).log_error for fold in folds.values())
        found.append((score, neighbourhood))
    return sorted(found, key=lambda item: item[0])


def _mean_of_groups(groups: Sequence[str], values: Sequence[float]) -> float:
    found: dict[str, list[float]] = defaultdict(list)
    for group, value in zip(groups, values, strict=True):
        found[group].append(value)
    return statistics.mean(map(statistics.mean, found.values()))


def _print(result: dict[str, dict[str, Errors]]) -> None:
    console = Console(width=None if Console().is_terminal else 140)
    for name, found in result.items():
        first = next(iter(found.values()))
        title = f"{name}: {first.num_clips} clips, {first.num_texts} texts; absolute error, s"
        table = Table("", "mean", "median", "mean of texts", f"within a factor {_FACTOR:g}", title=title)
        for how, it in found.items():
            table.add_row(how, f"{it.mean:.2f}", f"{it.median:.2f}", f"{it.mean_of_texts:.2f}", f"{it.share:.0%}")
        console.print(table)


def _print_settings(found: Sequence[tuple[float, Neighbourhood]]) -> None:
    table = Table("mean log error", *_GRID, title="Training split, subject or text left out: best, shipped, worst")
    shipped = [item for item in found if item[1] == Neighbourhood()]
    for score, neighbourhood in [*found[:10], *shipped, found[-1]]:
        table.add_row(f"{score:.4f}", *(f"{getattr(neighbourhood, name):g}" for name in _GRID))
    Console(width=None if Console().is_terminal else 140).print(table)


if __name__ == "__main__":
    main()
