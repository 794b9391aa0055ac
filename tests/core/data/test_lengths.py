"""Lengths by design, and how clips become a table; no data set is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from actiongpt_core.data.lengths import (
    RealLength,
    duration_table,
    parametric_lengths,
    with_vectors,
    write_duration_table,
)
from actiongpt_core.data.procedural import ACTIONS
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.text.durations import DurationTable, Length
from actiongpt_core.text.sides import mirror_text


@pytest.fixture(scope="module")
def by_design() -> dict[str, Length]:
    return {length.text: length for length in parametric_lengths()}


def test_every_parametric_action_has_a_length_that_its_design_allows(by_design: dict[str, Length]) -> None:
    assert {text for name in by_design for text in (name, mirror_text(name))} == set(ACTIONS)
    assert all(2.5 <= length.seconds <= 5.5 and length.clips == 0 for length in by_design.values())


def test_actions_that_end_are_as_long_as_they_need_others_have_the_middle(by_design: dict[str, Length]) -> None:
    assert by_design["wave with the left hand"].seconds == by_design["march in place"].seconds == 4.0
    assert by_design["turn left"].seconds < by_design["turn around"].seconds
    assert by_design["sit down"].seconds < by_design["bow"].seconds


def _clips(text: str, *seconds: float) -> list[RealLength]:
    return [RealLength(text, value, "1") for value in seconds]


def test_texts_that_fold_alike_are_one_and_count_with_their_median() -> None:
    table = duration_table([*_clips("walking", 3.0, 100.0), *_clips("Walk", 4.0), *_clips("run", 2.0)], ())
    assert table.lengths == (Length(text="Walk", seconds=4.0, clips=3), Length(text="run", seconds=2.0, clips=1))
    assert table.typical == 3.0


def test_a_real_length_is_preferred_to_one_by_design_and_keeps_its_wordings() -> None:
    designed = [
        Length(text="squat down", seconds=2.5, clips=0, wordings=("squat", "do a squat")),
        Length(text="jumping jacks", seconds=4.0, clips=0, wordings=("star jumps",)),
    ]
    table = duration_table([*_clips("squat", 5.0, 5.0, 6.0), *_clips("jumping jack", 3.0)], designed)
    assert {length.text: (length.seconds, length.wordings) for length in table.lengths} == {
        "squat": (5.0, ()),
        "jumping jack": (3.0, ("star jumps",)),
        "squat down": (2.5, ("do a squat",)),
    }


def test_short_and_long_say_how_much_clips_of_one_text_differ() -> None:
    even = duration_table(_clips("walk", 4.0, 4.0, 4.0), ())
    wide = duration_table([*_clips("walk", 2.0, 4.0, 8.0), *_clips("run", 1.0, 9.0)], ())
    assert even.short == even.long == 1.0
    assert wide.short < 0.7
    assert wide.long > 1.4


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    designed = [Length(text="bow", seconds=3.8, clips=0, wordings=("take a bow",))]
    table = with_vectors(duration_table(_clips("walk", 3.0, 4.0, 5.0), designed), FakeTextEncoder())
    write_duration_table(table, tmp_path / "lengths.json")
    read = DurationTable.load(tmp_path / "lengths.json")
    assert (read.lengths, read.typical, read.short, read.long) == (
        table.lengths,
        table.typical,
        table.short,
        table.long,
    )
    assert read.key == table.key
    assert read.vectors is not None
    assert table.vectors is not None
    assert read.vectors.tolist() == table.vectors.tolist()
