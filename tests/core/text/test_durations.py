"""Seconds from words: properties of the estimate, and the table that ships."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from actiongpt_core.errors import MissingAssetError
from actiongpt_core.interfaces import TextEncoder
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.text import durations, text_models
from actiongpt_core.text.durations import DurationEstimator, DurationTable, Length, estimate_seconds
from actiongpt_core.text.sides import mirror_text
from actiongpt_core.text.vectors import embedding_key, unit_vectors

TABLE = DurationTable.load()
#: In the table, and not; the last two are no English.
PHRASES = [
    "walk",
    "turn left",
    "jump",
    "climb a ladder",
    "juggle three balls",
    "asdf qwer",
    "跳舞",
    "sit down",
    "Run to Quick Stop",
]


@pytest.fixture(scope="module")
def estimator(embedded_encoder: TextEncoder) -> DurationEstimator:
    return DurationEstimator(embedded_encoder)


def seconds(estimator: DurationEstimator, phrase: str) -> float:
    found = estimator.seconds(phrase)
    assert found is not None
    return found


# --- what a phrase says itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("walk for 5 seconds slowly", 5.0),
        ("for 2.5 s turn left twice", 2.5),
        ("walk for half a minute", 30.0),
        ("walk for a minute", 60.0),
        ("jump for a second and land", 1.0),
        ("clap for twenty-five seconds", 25.0),
        ("wave for about one and a half seconds", 1.5),
        ("a five-second walk", 5.0),
        ("walk quickly (7s)", 7.0),
        ("walk for 2 seconds and wave for 3 seconds", 5.0),
    ],
)
def test_a_length_that_is_said_wins_exactly(phrase: str, said: float) -> None:
    assert estimate_seconds([phrase]) == [said]


@pytest.mark.parametrize(
    "phrase",
    [
        "jump for a second time",
        "in a second jump",
        "walk after 3 seconds",
        "clap every 2 seconds",
        "walk for 0 seconds",
    ],
)
def test_moments_ordinals_and_rates_are_no_lengths(estimator: DurationEstimator, phrase: str) -> None:
    assert 2.0 < seconds(estimator, phrase) < 6.0


def test_a_length_that_is_said_and_impossible_is_replaced_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="actiongpt_core"):
        assert estimate_seconds(["walk for 20 seconds", "walk for a long time"], bounds=(0.5, 6.0))[0] == 6.0
    assert "'walk for 20 seconds' asks for 20 s; 0.5 to 6 s are possible: taking 6 s." in caplog.text
    assert len(caplog.records) == 1


# --- words that change a length --------------------------------------------------------------------------------------


@pytest.mark.parametrize("phrase", [*PHRASES, *TABLE.texts[::7]])
def test_slower_and_longer_take_more_time_quicker_and_shorter_less(estimator: DurationEstimator, phrase: str) -> None:
    plain = seconds(estimator, phrase)
    for more in ("slowly", "at a slow pace", "for a long time", "for a while", "twice", "many times"):
        assert seconds(estimator, f"{phrase} {more}") > plain, more
    for less in ("quickly", "very fast", "briefly", "for a moment"):
        assert seconds(estimator, f"{phrase} {less}") < plain, less


@pytest.mark.parametrize("phrase", PHRASES)
def test_every_further_time_takes_longer(estimator: DurationEstimator, phrase: str) -> None:
    said = ["once", "twice", "three times", "several times", "5 times", "a dozen times"]
    found = [seconds(estimator, f"{phrase} {times}") for times in said]
    assert found == sorted(found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jump a couple of times", "jump twice"),
        ("slow walk", "walk slowly"),
        ("a brisk walk", "walk quickly"),
        ("two jumps", "jump 2 times"),
        ("a long walk", "walk for a long time"),
        ("jump once", "jump"),
        ("jump, slowly", "slowly jump"),
    ],
)
def test_two_ways_to_say_the_same_take_the_same_time(estimator: DurationEstimator, one: str, other: str) -> None:
    assert seconds(estimator, one) == seconds(estimator, other)


@pytest.mark.parametrize("phrase", ["wave both hands", "hop on one leg", "wave twice a second", "make a long jump"])
def test_numbers_of_limbs_rates_and_distances_change_nothing(estimator: DurationEstimator, phrase: str) -> None:
    assert 2.5 <= seconds(estimator, phrase) <= 4.5


# --- the nearest texts -----------------------------------------------------------------------------------------------


def test_a_batch_is_its_phrases_one_by_one_and_every_time_the_same(estimator: DurationEstimator) -> None:
    phrases = [*PHRASES, "climb a ladder slowly", "walk for 3 s", "climb a ladder"]
    found = estimator.batch(phrases)
    assert found == [estimator.seconds(phrase) for phrase in phrases]
    assert found == estimate_seconds(phrases)
    assert estimator.batch([]) == []


@pytest.mark.parametrize(
    "phrase", [*PHRASES, "", "slowly", "!?", "walk " * 200, "跳" * 900, "9" * 900 + " times", "9" * 900 + " s"]
)
def test_whatever_is_said_the_estimate_is_within_bounds(estimator: DurationEstimator, phrase: str) -> None:
    for bounds in ((0.5, 6.0), (2.0, 2.0), (0.1, 0.2), (30.0, 40.0)):
        found = estimator.seconds(phrase, bounds)
        assert found is not None
        assert bounds[0] <= found <= bounds[1]


def test_a_phrase_takes_the_time_of_texts_that_mean_the_same(estimator: DurationEstimator) -> None:
    assert seconds(estimator, "A person is walking.") == seconds(estimator, "walk")
    assert abs(seconds(estimator, "somebody strolls along") - seconds(estimator, "walk")) < 0.5
    assert seconds(estimator, "keep on running straight ahead") < seconds(estimator, "balance on one leg, arms out")


@pytest.mark.parametrize(
    "phrase", ["turn left", "raise the left arm", "run to the left", "Left-handed throw", "step leftwards carefully"]
)
def test_both_sides_take_the_same_time(estimator: DurationEstimator, phrase: str) -> None:
    assert seconds(estimator, phrase) == seconds(estimator, mirror_text(phrase))


def test_what_resembles_nothing_takes_the_typical_time(estimator: DurationEstimator) -> None:
    assert abs(seconds(estimator, "xyzzy plugh") - TABLE.typical) < 0.2


def test_of_a_text_with_many_clips_one_neighbour_hardly_matters() -> None:
    encoder = FakeTextEncoder()
    lengths = (Length(text="a b c", seconds=2.0, clips=100), Length(text="a b d", seconds=20.0, clips=1))
    table = DurationTable(lengths=lengths, typical=4.0, short=0.8, long=1.4)
    assert DurationEstimator(encoder, table=table).seconds("a b c") == pytest.approx(2.0, abs=0.11)


def test_another_encoder_measures_in_its_own_space() -> None:
    found = estimate_seconds(["turn left", "left turn now"], FakeTextEncoder())
    assert all(value is not None and 1.0 < value < 12.0 for value in found)


# --- without a text model --------------------------------------------------------------------------------------------


def test_a_phrase_of_the_table_needs_no_text_model() -> None:
    code = (
        "import sys; from actiongpt_core.text.durations import estimate_seconds\n"
        "print(estimate_seconds(['walks', 'A person is jumping slowly', 'turn to the left', 'clap for 2 s']))\n"
        "assert not {'torch', 'transformers'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "None" not in done.stdout


def _raise(_: Any) -> str:
    raise MissingAssetError("its file is damaged")


@pytest.mark.parametrize("find", [lambda _: "some/hub-name", _raise], ids=["not installed", "damaged"])
def test_without_the_text_model_only_the_table_and_the_words_speak(
    find: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(text_models, "find", find)
    durations._tell_once.cache_clear()
    phrases = ["juggle", "walk", "juggle for 3 s", "juggle slowly", "walk slowly"]
    with caplog.at_level(logging.WARNING, logger="actiongpt_core"):
        found = DurationEstimator().batch(phrases)
        DurationEstimator().batch(["juggle"])
    assert found[0] is None
    assert found[1] == estimate_seconds(["walk"])[0]
    assert found[2] == 3.0
    assert found[3] is not None
    assert found[3] > TABLE.typical
    assert found[4] == estimate_seconds(["walk slowly"])[0]
    assert len(caplog.records) == 1


# --- the table that ships --------------------------------------------------------------------------------------------


def test_the_vectors_that_ship_are_those_of_the_texts(embedded_encoder: TextEncoder) -> None:
    assert TABLE.key == embedding_key(TABLE.texts, embedded_encoder.name), "run benchmarks/durations.py --write"
    assert TABLE.vectors is not None
    # Half precision of numbers below 1.
    np.testing.assert_allclose(TABLE.vectors, unit_vectors(embedded_encoder, TABLE.texts), atol=1e-3)


def test_the_table_holds_lengths_that_a_body_can_take() -> None:
    assert all(0.5 < length.seconds < 15 for length in TABLE.lengths)
    assert 0.5 < TABLE.short < 1 < TABLE.long < 2
    assert 2 < TABLE.typical < 6


@pytest.mark.cmu
@pytest.mark.skipif("ACTIONGPT_CMU" not in os.environ, reason="ACTIONGPT_CMU is not set")
def test_the_table_that_ships_is_what_the_training_clips_give(embedded_encoder: TextEncoder, tmp_path: Path) -> None:
    from actiongpt_core.data.cmu import CmuSet
    from actiongpt_core.data.lengths import (
        duration_table,
        parametric_lengths,
        real_lengths,
        with_vectors,
        write_duration_table,
    )

    made = with_vectors(duration_table(real_lengths(CmuSet(), "train"), parametric_lengths()), embedded_encoder)
    json_file, vectors = write_duration_table(made, tmp_path / "durations.json")
    assert json_file.read_text("utf-8") == durations.SHIPPED.read_text("utf-8")
    written = DurationTable.load(json_file)
    assert vectors.is_file()
    assert (written.key, written.lengths) == (TABLE.key, TABLE.lengths)
    assert attrs.asdict(written).keys() == attrs.asdict(made).keys()
    np.testing.assert_allclose(written.vectors, TABLE.vectors, atol=1e-3)  # type: ignore[arg-type]
