"""Which segments and pairs of a data set a training run can use, and what is said where there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import DataSet
from actiongpt_core.types.segments import Pair, Segment

#: What the originals leave out by its label, word for word: poses that calibrate, and transitions.
NO_ACTIONS = frozenset({"t-pose", "a-pose", "a pose", "t pose", "tpose", "apose", "transition"})


class Rejected:
    """What was left out of a split, counted by reason."""

    def __init__(self, data: DataSet, split: str, kind: str = "segment") -> None:
        self._data, self._split, self._kind = data, split, kind
        self.reasons: Counter[str] = Counter()

    def add(self, reason: str) -> None:
        """One more."""
        self.reasons[reason] += 1

    def error(self) -> ConfigError:
        """That nothing is left."""
        where = f"the split {self._split!r} of {self._data.name!r}"
        if not self.reasons:
            return ConfigError(f"There is no {self._kind} in {where}. Look at the set: actiongpt data show.")
        found = "; ".join(f"{count} {reason}" for reason, count in self.reasons.most_common())
        return ConfigError(
            f"No {self._kind} of {where} can be used. Left out: {found}. Change these limits (min_frames and "
            "max_frames are the model's settings, the others those of sampling), or take other data."
        )


def usable_segments(
    data: DataSet, split: str, *, min_frames: int, max_frames: int | None = None, actions_only: bool = False
) -> list[Segment]:
    """The segments of a split that are not doubted and have a fitting length, in the set's order.

    Args:
        data: The set.
        split: One of its splits.
        min_frames: Shortest.
        max_frames: Longest; None for any.
        actions_only: Leave out those that are called by one of `NO_ACTIONS`.

    Raises:
        ConfigError: None is left; the message counts what was left out and why.
    """
    kept, rejected = [], Rejected(data, split)
    for item in data.segments(split):
        if item.suspect:
            rejected.add("doubted by the set")
        elif actions_only and item.texts[0] in NO_ACTIONS:
            rejected.add("called a pose or a transition")
        elif reason := _misfit(item.num_frames, min_frames, max_frames):
            rejected.add(reason)
        else:
            kept.append(item)
    if not kept:
        raise rejected.error()
    return kept


def usable_pairs(data: DataSet, split: str, *, min_frames: int, max_frames: int) -> list[Pair]:
    """The pairs of a split whose two actions have fitting lengths, the transition counted to the second.

    Raises:
        ConfigError: None is left; the message counts what was left out and why.
    """
    known = getattr(data, "pairs", None)
    kept, rejected = [], Rejected(data, split, "pair")
    pairs: Sequence[Pair] = known(split) if known else ()
    if not pairs:
        raise ConfigError(
            f"The split {split!r} of {data.name!r} knows no pairs of consecutive actions, which this preset trains on. "
            "Take a set that has them (actiongpt data show counts them), or a preset that makes its own: --preset "
            "default."
        )
    for pair in pairs:
        first, *rest = pair.durations
        reasons = [reason for frames in (first, sum(rest)) if (reason := _misfit(frames, min_frames, max_frames))]
        if reasons:
            rejected.add(f"with an action {reasons[0]}")
        else:
            kept.append(pair)
    if not kept:
        raise rejected.error()
    return kept


def _misfit(frames: int, min_frames: int, max_frames: int | None) -> str | None:
    if frames < min_frames:
        return f"shorter than {min_frames} frames"
    return f"longer than {max_frames} frames" if max_frames is not None and frames > max_frames else None


def require_fps(data: DataSet, fps: float) -> None:
    """Stop if a set has another frame rate than the model.

    Raises:
        ConfigError: It has.
    """
    if data.fps != fps:
        raise ConfigError(
            f"{data.name!r} has {data.fps:g} frames a second, the model {fps:g}. Prepare the set at {fps:g} (where it "
            f"has the option: -O fps={fps:g}), or train a model of its rate: --set model.fps={data.fps:g}."
        )
