"""The table of errors of estimated seconds, worked out by hand."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from actiongpt_core.data.lengths import RealLength
from actiongpt_core.testing.fakes import FakeTextEncoder


@pytest.fixture(scope="module")
def script() -> ModuleType:
    file = Path(__file__).parents[2] / "benchmarks" / "durations.py"
    spec = importlib.util.spec_from_file_location("benchmark_durations", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CLIPS = [
    RealLength("walk", 4.0, "1"),
    RealLength("Walking", 2.0, "1"),
    RealLength("run", 1.0, "2"),
    RealLength("jump", 3.0, "3"),
]


def test_each_clip_is_judged_once_by_a_table_that_has_not_seen_its_group(script: ModuleType) -> None:
    for key, groups in ((lambda clip: clip.subject, 3), (lambda clip: clip.text[0].casefold(), 3)):
        folds = list(script.leave_out(CLIPS, key, (), FakeTextEncoder()))
        assert len(folds) == groups
        assert sorted(clip.text for fold in folds for clip in fold.unseen) == sorted(clip.text for clip in CLIPS)
        for fold in folds:
            assert not {clip.text for clip in fold.unseen} & set(fold.table.texts)


def test_errors_count_clips_and_texts(script: ModuleType) -> None:
    fold = script.make_fold(CLIPS[3:], CLIPS[:3], (), FakeTextEncoder())
    found = script.errors([fold], lambda fold: [3.0] * len(fold.unseen))
    # |3 - 4|, |3 - 2| of "walk", |3 - 1| of "run"; only 3 of 4 is within a factor of 1.5, and 3 of 2 just so.
    assert (found.num_clips, found.num_texts) == (3, 2)
    assert found.mean == pytest.approx(4 / 3)
    assert found.median == 1.0
    assert found.mean_of_texts == pytest.approx(1.5)
    assert found.share == pytest.approx(2 / 3)


def test_the_estimate_stands_beside_constants_and_the_nearest_text(script: ModuleType) -> None:
    folds = list(script.leave_out(CLIPS, lambda clip: clip.subject, (), FakeTextEncoder()))
    found = script.table_of_errors(folds, FakeTextEncoder())
    assert [how.split(" (")[0] for how in found] == [
        "always 4 s",
        "always the median of the training clips",
        "the nearest text alone",
        "estimate",
    ]
    assert all(errors.num_clips == len(CLIPS) for errors in found.values())


def test_without_the_set_the_script_says_what_it_needs(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTIONGPT_CMU", raising=False)
    monkeypatch.setattr("sys.argv", ["durations.py"])
    with pytest.raises(SystemExit, match="--cmu FOLDER"):
        script.main()
