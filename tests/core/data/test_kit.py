"""KIT-ML on AMASS: sentences, table, splits, frame rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from babel_files import smplh_motion, write_amass, write_kit

from actiongpt_core.data.kit import KitSource
from actiongpt_core.data.prepare import prepare
from actiongpt_core.data.recording import Recording
from actiongpt_core.errors import ConfigError, DataError

KICK, WAVE = "KIT/3/kick01_poses.npz", "KIT/3/wave01_poses.npz"
SENTENCES = {"00001": ["A human kicks.", " Someone kicks "], "00002": ["A human waves."], "00003": []}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_amass(tmp_path / "amass" / KICK, 205, fps=100)
    write_amass(tmp_path / "amass/KIT" / WAVE, 205, fps=100, seed=1)
    return write_kit(tmp_path, SENTENCES, {"00001": KICK, "00002": {"path": WAVE, "identifier": "kit"}})


def read_all(source: KitSource) -> dict[str, Recording]:
    return {identifier: read() for identifier, read in list(source.recordings())[:2]}


def test_a_motion_is_one_segment_with_all_its_sentences(folder: Path) -> None:
    recordings = read_all(KitSource(folder))
    assert [item.texts for item in recordings["00001"].segments] == [("A human kicks.", "Someone kicks")]
    assert [(item.start, item.end, item.scope) for item in recordings["00002"].segments] == [(0, 26, "clip")]
    assert {item.split for item in recordings.values()} == {"train"}


def test_every_eighth_frame_stays_at_the_rate_of_the_original(folder: Path) -> None:
    recording = read_all(KitSource(folder))["00001"]
    full, _ = smplh_motion(205)
    np.testing.assert_allclose(recording.poses, full[::8, :66].reshape(-1, 22, 3), atol=1e-6)


def test_thirty_frames_a_second_are_chosen_as_for_babel(folder: Path) -> None:
    source = KitSource(folder, fps=30)
    assert source.fps == 30
    assert read_all(source)["00001"].num_frames == int(30 / 100 * 205)


def test_another_frame_rate_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"12\.5, 30"):
        KitSource(folder, fps=20)


def test_files_of_splits_are_followed(folder: Path) -> None:
    (folder / "train.txt").write_text("00002\n")
    (folder / "test.txt").write_text("00003\n")
    report = prepare(KitSource(folder), folder / "out")
    assert dict(report.recordings) == {"train": 1}
    assert dict(report.rejected) == {"in no split": 1, "without a sentence": 1}


def test_a_motion_in_two_splits_is_an_error(folder: Path) -> None:
    for split in ("train", "val"):
        (folder / f"{split}.txt").write_text("00002\n")
    with pytest.raises(DataError, match="00002"):
        list(KitSource(folder).recordings())


def test_motions_that_are_not_in_amass_are_counted_by_who_recorded_them(folder: Path) -> None:
    write_kit(folder, SENTENCES, {"00001": KICK, "00002": {"path": None}})
    report = prepare(KitSource(folder), folder / "out")
    assert dict(report.rejected) == {"not in the table of AMASS's files, from kit": 1, "without a sentence": 1}


def test_what_is_missing_says_where_to_get_it(tmp_path: Path) -> None:
    sentences, table, amass = KitSource(tmp_path).missing()
    assert "motion-annotation.humanoids.kit.edu" in sentences
    assert "-O paths=FILE" in table
    assert "amass.is.tue.mpg.de" in amass


def test_a_missing_data_set_stops_unless_it_is_allowed(folder: Path) -> None:
    write_kit(folder, SENTENCES, {"00001": KICK, "00002": "CMU/01/01_01_poses.npz"})
    (line,) = KitSource(folder).missing()
    assert "CMU, of which 1 recordings" in line
    report = prepare(KitSource(folder, allow_missing=True), folder / "out")
    assert dict(report.recordings) == {"train": 1}
    assert report.rejected["of CMU, which is not among the AMASS files"] == 1


@pytest.mark.parametrize("table", [{"00001": 3}, {"00001": {"path": 3}}, ["a"]])
def test_a_table_that_is_none_is_told(folder: Path, table: Any) -> None:
    write_kit(folder, SENTENCES, table)
    with pytest.raises(DataError, match="amass-paths"):
        list(KitSource(folder).recordings())


def test_damaged_sentences_are_told(folder: Path) -> None:
    (folder / "00001_annotations.json").write_text('{"a": 1}')
    report = prepare(KitSource(folder), folder / "out")
    assert list(report.damaged) == ["00001"]
    assert "list of sentences" in report.damaged["00001"]
