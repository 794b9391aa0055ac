"""AMASS with the labels of BABEL, as the originals prepare it: single actions, and pairs of consecutive ones.

Source: `reference/teach.md`, section 8; `reference/temos.md`, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from actiongpt_core.data.amass import FPS, FRAME_RATES, AmassTree, corrected_rates, dataset_of, read_motion, subject_of
from actiongpt_core.data.babel_files import BabelEntry, BabelFolder
from actiongpt_core.data.babel_pairs import Span, cut, pairs, spans
from actiongpt_core.data.recording import Recording
from actiongpt_core.data.selection import NO_ACTIONS
from actiongpt_core.errors import RejectedRecording
from actiongpt_core.types.segments import Pair, Scope, Segment


class BabelSource:
    """A segment is called by BABEL's processed label ("proc_label"); calibration poses and transitions are none.

    How long a segment or a pair may be is left to who draws samples.

    Args:
        folder: BABEL's annotations; see `BabelFolder`.
        amass: AMASS's files; the folder `amass` in that of the annotations if not given.
        allow_missing: Go on although data sets of AMASS are missing altogether; their recordings are left out.
        whole: Give recordings too that have labels of the whole only: a segment of scope "clip" for each label.
        frame_rates: See `AmassSource`.
    """

    name = "babel"
    fps = FPS

    def __init__(
        self,
        folder: str | Path,
        *,
        amass: str | Path | None = None,
        allow_missing: bool = False,
        whole: bool = False,
        frame_rates: Mapping[str, float] = FRAME_RATES,
    ) -> None:
        self._babel, self._tree = BabelFolder(folder), AmassTree(amass or Path(folder) / "amass")
        self._allow_missing, self._whole, self._rates = allow_missing, whole, corrected_rates(frame_rates)

    def missing(self) -> list[str]:
        """What has to be downloaded; a line for each."""
        return missing_files(self._babel, self._tree, allow_missing=self._allow_missing)

    def depends_on(self) -> dict[str, str]:
        """The labels as they are now: each file and its hash."""
        return self._babel.depends_on()

    def recordings(self) -> Iterator[tuple[str, Callable[[], Recording]]]:
        """Every annotated recording, by BABEL's number.

        Raises:
            DataError: A file of labels cannot be read.
        """
        for entry in self._babel.entries:
            yield entry.number, partial(self._read, entry)

    def _read(self, entry: BabelEntry) -> Recording:
        told = entry.read()
        scope: Scope = "clip" if told.frame_labels is None else "segment"
        if told.frame_labels is None and not self._whole:
            raise RejectedRecording("labelled as a whole only")
        poses, translation = read_motion(self._tree.file(entry.path, entry.number), entry.path, self._rates)
        labels = told.sequence_labels if told.frame_labels is None else told.frame_labels
        known = spans(labels, FPS, len(poses))
        return Recording(
            poses=poses,
            translation=translation,
            split=entry.split,
            subject=subject_of(entry.path),
            segments=tuple(_segments(entry.number, known, scope)),
            pairs=tuple(_pairs(entry.number, known)) if scope == "segment" else (),
        )


def missing_files(
    babel: BabelFolder, tree: AmassTree, *, allow_missing: bool, datasets: Collection[str] | None = None
) -> list[str]:
    """What has to be downloaded before AMASS can be read with BABEL's labels; a line for each.

    Args:
        babel: The annotations.
        tree: The motion files.
        allow_missing: Data sets of AMASS may be missing, as long as there is any.
        datasets: Only these are needed; None for all.
    """
    if lines := [*babel.missing(), *tree.missing()]:
        return lines
    paths = [entry.path for entry in babel.entries if datasets is None or dataset_of(entry.path) in datasets]
    return [] if allow_missing else tree.missing(path for path in paths if path)


def _segments(number: str, known: Sequence[Span], scope: Scope) -> Iterator[Segment]:
    for index, span in enumerate(known):
        if span.start < span.end and span.text and span.text not in NO_ACTIONS:
            yield Segment(
                key=f"{number}-{index}",
                recording=number,
                start=span.start,
                end=span.end,
                texts=(span.text,),
                scope=scope,
                categories=span.label.categories,
            )


def _pairs(number: str, known: Sequence[Span]) -> Iterator[Pair]:
    for index, found in enumerate(pairs(known)):
        made = cut([span.frames for span in found])
        first, between, second = made.durations
        # The middle of two labels of which one hardly lasts may lie outside both: nothing is left of an action.
        if min(first, second) >= 1 and between >= 0 and found[0].text and found[-1].text:
            yield Pair(
                key=f"{number}-pair{index}",
                recording=number,
                start=made.start,
                durations=made.durations,
                texts=((found[0].text,), (found[-1].text,)),
            )
