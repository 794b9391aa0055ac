"""Descriptions of many phrases: the same as one by one, in order, kept as they come, whatever fails."""

from __future__ import annotations

import json
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actiongpt_core.bulk.annotate import GIVE_UP_AFTER, LocalEngine, Tally, annotate, failed_file, in_order
from actiongpt_core.bulk.asker import Asking
from actiongpt_core.errors import ConfigError, UnknownPluginError
from actiongpt_core.registry import get_registry
from actiongpt_core.text.describe import describe
from actiongpt_core.types.text import Action

PHRASES = [f"walk {number} steps" for number in range(30)]


@pytest.fixture
def run(tmp_path: Path, scripted: Any) -> Callable[..., Tally]:
    """Annotates phrases into out.json."""

    def annotated(phrases: list[str], *, report: Any = lambda tally: None, **asking: Any) -> Tally:
        source = tmp_path / "phrases.txt"
        source.write_text("\n".join(phrases), encoding="utf-8")
        engine = LocalEngine(Asking(**{"llm": "scripted", "k": 2, **asking}))
        return annotate(source, tmp_path / "out.json", engine, report)

    return annotated


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_descriptions_are_those_of_describe_in_the_order_of_the_input(
    run: Callable[..., Tally], tmp_path: Path
) -> None:
    phrases = sorted(PHRASES, key=lambda phrase: phrase[::-1])
    tally = run(phrases)
    found = describe([Action(phrase) for phrase in phrases], get_registry().build_provider("scripted"), k=2)
    written = read(tmp_path / "out.json")
    assert written == {item.phrase: list(item.texts) for item in found}
    assert list(written) == phrases
    assert (tally.annotated, tally.is_complete, dict(tally.sources)) == (30, True, {"llm": 30})
    assert not failed_file(tmp_path / "out.json").exists()


def test_a_second_run_asks_nothing_and_writes_the_same_file(
    run: Callable[..., Tally], tmp_path: Path, scripted: Any
) -> None:
    run(PHRASES)
    first, num_asked = (tmp_path / "out.json").read_bytes(), len(scripted.asked)
    assert dict(run(PHRASES).sources) == {"cache": 30}
    assert len(scripted.asked) == num_asked == 30
    assert (tmp_path / "out.json").read_bytes() == first


def test_more_descriptions_of_the_same_phrases_ask_only_for_those_that_are_missing(
    run: Callable[..., Tally], scripted: Any
) -> None:
    run(["walk"], k=2)
    run(["walk"], k=3)
    assert [draws for _, draws in scripted.asked] == [(0, 1), (2,)]


def test_duplicates_are_asked_for_once(run: Callable[..., Tally], tmp_path: Path, scripted: Any) -> None:
    tally = run(["walk", "run", "walk", "walk"])
    assert (tally.survey.duplicates, len(scripted.asked), list(read(tmp_path / "out.json"))) == (2, 2, ["walk", "run"])


def test_no_more_phrases_are_asked_for_at_once_than_the_provider_allows(
    run: Callable[..., Tally], scripted: Any
) -> None:
    run(PHRASES)
    assert 1 < scripted.most_busy <= 4


def test_what_fails_is_told_with_its_reason_and_the_rest_is_kept(run: Callable[..., Tally], tmp_path: Path) -> None:
    tally = run(["walk", "fail", "123", "crash", "x" * 2000, "run"])
    output = tmp_path / "out.json"
    assert list(read(output)) == ["walk", "run"]
    assert (tally.annotated, tally.failed, tally.left, tally.is_complete) == (2, 4, 0, False)
    failed = read(failed_file(output))
    assert list(failed) == ["fail", "123", "crash", "x" * 2000]
    assert failed == tally.problems
    for reason, told in zip(["is down", "no letters", "KeyError", "2000 characters"], failed.values(), strict=True):
        assert reason in told


def test_the_file_of_failed_phrases_is_an_input_and_goes_away_when_nothing_fails(
    run: Callable[..., Tally], tmp_path: Path
) -> None:
    run(["walk", "fail"])
    failed = failed_file(tmp_path / "out.json")
    engine = LocalEngine(Asking(llm="passthrough", k=1))
    assert annotate(failed, tmp_path / "again.json", engine).is_complete
    assert read(tmp_path / "again.json") == {"fail": ["fail"]}
    run(["walk"])
    assert not failed.exists()


def test_a_provider_that_is_down_is_given_up_and_what_is_in_the_cache_is_still_written(
    run: Callable[..., Tally], tmp_path: Path, scripted: Any
) -> None:
    run(["sit", "stand"])
    num_before = len(scripted.asked)
    scripted.is_down = True
    tally = run(["sit", *(f"walk {number} steps on" for number in range(300)), "stand"])
    assert tally.given_up
    assert list(read(tmp_path / "out.json")) == ["sit", "stand"]
    # Those that were waiting for a thread when the last of the row failed are asked too.
    assert GIVE_UP_AFTER <= len(scripted.asked) - num_before < GIVE_UP_AFTER + 4 * 4 + 4
    assert tally.failed + tally.left == 300
    assert tally.left > 200


def test_a_run_that_ends_early_leaves_an_older_file_as_it_is(
    run: Callable[..., Tally], tmp_path: Path, scripted: Any
) -> None:
    run(["sit", "stand"])
    scripted.is_down = True
    assert not run(["sit", *(f"walk {number} steps on" for number in range(100))]).is_written
    assert list(read(tmp_path / "out.json")) == ["sit", "stand"]
    (tmp_path / "out.json").unlink()
    assert run(["sit", *(f"walk {number} steps on" for number in range(100))]).is_written
    assert list(read(tmp_path / "out.json")) == ["sit"]


def test_phrases_that_cannot_be_asked_for_are_no_reason_to_give_up(run: Callable[..., Tally]) -> None:
    tally = run([*(str(number) for number in range(3 * GIVE_UP_AFTER)), "walk"])
    assert (tally.annotated, tally.failed, tally.left) == (1, 3 * GIVE_UP_AFTER, 0)


def test_an_interruption_leaves_the_old_file_and_keeps_the_answers(
    run: Callable[..., Tally], tmp_path: Path, scripted: Any
) -> None:
    output = tmp_path / "out.json"
    output.write_text("old")

    def interrupt(tally: Tally) -> None:
        if tally.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(PHRASES, report=interrupt)
    assert output.read_text() == "old"
    num_asked = len(scripted.asked)
    assert 5 <= num_asked < 30
    assert run(PHRASES).sources["cache"] == num_asked
    assert len(scripted.asked) == 30


def test_malformed_entries_make_an_annotation_incomplete(run: Callable[..., Tally], tmp_path: Path) -> None:
    source = tmp_path / "list.json"
    source.write_text('["walk", 3]')
    tally = annotate(source, tmp_path / "out.json", LocalEngine(Asking(llm="passthrough")))
    assert (tally.annotated, tally.failed, tally.is_complete) == (1, 0, False)


@pytest.mark.parametrize(
    ("asking", "message"),
    [
        ({"k": 0}, "k, the number"),
        ({"strategy": "no-such"}, "no-such"),
        ({"strategy": "decompose"}, "parts a text into actions"),
        ({"llm": "passthrough", "strategy": "action-gpt"}, "asks no language model"),
        ({"options": {"modell": "x"}}, "Did you mean 'model'"),
    ],
)
def test_settings_that_cannot_work_are_told_before_anything_is_written(
    run: Callable[..., Tally], tmp_path: Path, asking: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(["walk"], **asking)
    assert not (tmp_path / "out.json").exists()


def test_an_unknown_provider_is_our_error(run: Callable[..., Tally]) -> None:
    with pytest.raises(UnknownPluginError, match="Did you mean 'scripted'"):
        run(["walk"], llm="script")


def test_a_limit_needs_a_provider_that_counts() -> None:
    with pytest.raises(ConfigError, match=r"'passthrough' counts no requests"):
        LocalEngine(Asking(llm="passthrough"), max_requests=3)


def test_a_limit_does_not_raise_that_of_the_provider() -> None:
    options = {"base_url": "http://127.0.0.1:9/v1", "max_requests": 5}
    engine = LocalEngine(Asking(llm="openai", options=options), max_requests=50)
    assert engine.asker.provider.budget.max_requests == 5


def _peak(tmp_path: Path, num_phrases: int) -> int:
    source = tmp_path / "phrases.txt"
    source.write_text("".join(f"walk {number} steps {'and on ' * 60}\n" for number in range(num_phrases)))
    tracemalloc.start()
    try:
        tally = annotate(source, tmp_path / "out.json", LocalEngine(Asking(llm="passthrough", k=4)))
        assert tally.annotated == num_phrases
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_memory_for_a_phrase_is_a_digest_and_neither_its_words_nor_its_descriptions(tmp_path: Path) -> None:
    _peak(tmp_path, 50)  # what is imported and made once
    growth = (_peak(tmp_path, 5000) - _peak(tmp_path, 500)) / 4500
    # A phrase has 440 bytes. A digest has 49, and its place in a set, which grows in leaps, about 100.
    assert growth < 300


# --- in order --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_threads", [1, 3])
def test_results_come_in_the_order_of_the_items(num_threads: int) -> None:
    gates = [threading.Event() for _ in range(3)]

    def wait_for_the_next(number: int) -> int:
        if num_threads > 1 and number < 2:
            assert gates[number + 1].wait(timeout=10)
        gates[number].set()
        return number

    assert list(in_order(wait_for_the_next, range(3), num_threads)) == [0, 1, 2]


@pytest.mark.parametrize("num_threads", [1, 3])
def test_items_are_taken_as_they_are_needed(num_threads: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_order(abs, items(), num_threads)
    assert next(results) == 0
    assert len(taken) <= 4 * num_threads
    assert list(results) == list(range(1, 1000))


def test_what_was_not_begun_is_dropped_when_nobody_wants_the_rest() -> None:
    done: list[int] = []
    block = threading.Event()

    def work(number: int) -> int:
        if number:
            block.wait(timeout=10)
        done.append(number)
        return number

    results = in_order(work, range(1000), 2)
    assert next(results) == 0
    block.set()
    results.close()  # type: ignore[attr-defined]
    assert len(done) <= 8
