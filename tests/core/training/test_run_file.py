"""The record of a run: what makes it another run, and what does not."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from actiongpt_core.errors import ConfigError, DataError
from actiongpt_core.training.card import write_card
from actiongpt_core.training.run_file import RunFile, read_run

RUN = RunFile(
    backbone="any",
    preset="tiny",
    settings={"model": {"sizes": (1, 2)}, "training": {"max_steps": 5, "learning_rate": 0.1, "log_every": 1}},
    data={"name": "set", "fps": 30.0, "options": {}},
    told_by={"provider": "pack", "model": None, "strategy": None, "aggregator": "mean"},
)


def _with(**training: Any) -> RunFile:
    return attrs.evolve(RUN, settings={**RUN.settings, "training": {**RUN.settings["training"], **training}})


def test_a_record_comes_back_from_its_file(tmp_path: Path) -> None:
    RUN.write(tmp_path)
    found = read_run(tmp_path)
    assert found is not None
    RUN.require_same(found, tmp_path)
    assert (found.backbone, found.versions, found.result) == (RUN.backbone, RUN.versions, {})


def test_there_is_no_record_in_a_new_folder(tmp_path: Path) -> None:
    assert read_run(tmp_path) is None


@pytest.mark.parametrize("changes", [{"max_steps": 9}, {"log_every": 7}])
def test_how_far_it_goes_and_what_is_written_may_change(tmp_path: Path, changes: dict[str, int]) -> None:
    _with(**changes).require_same(RUN, tmp_path)


def test_another_setting_is_another_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"settings\.training\.learning_rate: 0\.2, was 0\.1"):
        _with(learning_rate=0.2).require_same(RUN, tmp_path)


def test_another_teller_is_another_run(tmp_path: Path) -> None:
    other = attrs.evolve(RUN, told_by={**RUN.told_by, "aggregator": "first"})
    with pytest.raises(ConfigError, match=r"told_by\.aggregator: 'first', was 'mean'"):
        other.require_same(RUN, tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1, "wrong": 2}'])
def test_a_damaged_record_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="damaged"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"steps": 5, "best_step": 3, "best_loss": 0.5}, "those of step 3"),
        ({"steps": 5}, "no split `val`"),
    ],
)
def test_the_card_says_whose_weights_they_are(tmp_path: Path, result: dict[str, Any], told: str) -> None:
    settings = {"training": {"ema": None, "batch_size": 2, "seed": 0}}
    counts = {"phrases": 3, "phrases_with_descriptions": 2, "clips": 4, "parameters": 5}
    run = attrs.evolve(RUN, settings=settings, counts=counts, result=result)
    text = write_card(run, tmp_path / "card.md").read_text(encoding="utf-8")
    assert told in text
    assert "2 of 3 phrases have descriptions" in text
