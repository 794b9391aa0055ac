"""AMASS with BABEL's labels: what a recording holds, what is left out and why, files as people have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from babel_files import label, sequence, write_amass, write_babel

from actiongpt_core.data.babel import BabelSource
from actiongpt_core.data.babel_files import BabelFolder
from actiongpt_core.data.prepare import prepare
from actiongpt_core.data.prepared import PreparedSet
from actiongpt_core.data.recording import Recording
from actiongpt_core.errors import ConfigError, DataError, MissingAssetError, RejectedRecording

WALK = "CMU/CMU/01/01_01_poses.npz"
SIT = "ACCAD/ACCAD/Female1_c3d/B1_poses.npz"
FRAMES = [
    label("t-pose", 0, 0.5),
    label("walk", 0.4, 2.0, raw_label="walking forth", act_cat=["walk", "forward movement"]),
    label("transition", 1.9, 2.5),
    label("sit down", 2.4, 9.0),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_amass(tmp_path / "amass" / WALK, 480)
    write_amass(tmp_path / "amass" / SIT, 360, seed=1)
    return write_babel(
        tmp_path, train=[sequence(12, WALK, 4.0, FRAMES)], val=[sequence(7, SIT, 3.0, whole=[label("sit")])]
    )


def read_all(source: BabelSource) -> dict[str, Recording]:
    return {identifier: read() for identifier, read in source.recordings()}


def test_segments_are_the_actions_by_their_processed_label(folder: Path) -> None:
    recording = read_all(BabelSource(folder, whole=True))["12"]
    assert recording.num_frames == 120
    assert [(item.start, item.end, item.texts, item.categories) for item in recording.segments] == [
        (12, 60, ("walk",), ("walk", "forward movement")),
        (72, 120, ("sit down",), ("sit down",)),
    ]
    assert {item.scope for item in recording.segments} == {"segment"}
    assert (recording.split, recording.subject) == ("train", "CMU/01")


def test_pairs_are_two_actions_with_the_transition_between(folder: Path) -> None:
    (pair,) = read_all(BabelSource(folder, whole=True))["12"].pairs
    assert (pair.start, pair.end, pair.texts) == (12, 120, (("walk",), ("sit down",)))
    assert pair.durations == (46, 14, 48)  # 12 to 57, 58 to 71, 72 to 119: the last frame is not used


def test_a_recording_that_is_labelled_as_a_whole_is_left_out_unless_asked_for(folder: Path) -> None:
    with pytest.raises(RejectedRecording, match="as a whole only"):
        read_all(BabelSource(folder))
    recording = read_all(BabelSource(folder, whole=True))["7"]
    assert [(item.start, item.end, item.texts, item.scope) for item in recording.segments] == [
        (0, 90, ("sit",), "clip")
    ]
    assert recording.pairs == ()


def test_what_lasts_no_frame_or_has_no_text_is_no_segment(tmp_path: Path) -> None:
    write_amass(tmp_path / "amass" / WALK, 480)
    labels = [label("hop", 1.0, 1.01), label("late", 7, 8), label("", 0, 3, proc_label=None), label("walk", 0, 2)]
    write_babel(tmp_path, train=[sequence(12, WALK, 4.0, labels)], val=[])
    assert [item.texts for item in read_all(BabelSource(tmp_path))["12"].segments] == [("walk",)]


def test_the_prepared_set_holds_what_was_read_and_counts_the_rest(folder: Path, tmp_path: Path) -> None:
    lost = "CMU/CMU/02/02_01_poses.npz"
    entries = [sequence(12, WALK, 4.0, FRAMES), sequence(13, lost, 4.0, FRAMES)]
    report = prepare(BabelSource(write_babel(folder, train=entries)), tmp_path / "out")
    assert dict(report.rejected) == {"labelled as a whole only": 1}
    assert list(report.damaged) == ["13"]
    assert lost in report.damaged["13"]
    made = PreparedSet(tmp_path / "out")
    assert [item.key for item in made.segments("train")] == ["12-1", "12-3"]
    assert [item.key for item in made.pairs("train")] == ["12-pair0"]


def test_files_of_labels_that_are_missing_are_told(tmp_path: Path) -> None:
    write_amass(tmp_path / "amass" / WALK, 480)
    lines = BabelSource(tmp_path).missing()
    assert len(lines) == 2
    assert all("babel.is.tue.mpg.de" in line for line in lines)


def test_a_missing_data_set_stops_unless_it_is_allowed(folder: Path) -> None:
    write_babel(folder, val=[sequence(7, "KIT/KIT/3/a_poses.npz", 3.0, FRAMES)])
    (line,) = BabelSource(folder).missing()
    assert "KIT" in line
    with pytest.raises(MissingAssetError, match="KIT"):
        prepare(BabelSource(folder), folder / "out")
    report = prepare(BabelSource(folder, allow_missing=True), folder / "out")
    assert dict(report.rejected) == {"of KIT, which is not among the AMASS files": 1}


def test_both_places_of_the_annotations_are_found(folder: Path) -> None:
    for version in ("babel_v1.0_release", "babel_v2.1"):
        (folder / version).mkdir()
        for split in ("train", "val"):
            (folder / f"{split}.json").replace(folder / version / f"{split}.json")
        assert BabelSource(folder).missing() == []
        assert list(read_all(BabelSource(folder, whole=True))) == ["12", "7"]
        for split in ("train", "val"):
            (folder / version / f"{split}.json").replace(folder / f"{split}.json")
        if version == "babel_v1.0_release":
            (folder / version).rmdir()


def test_several_versions_side_by_side_have_to_be_told_apart(tmp_path: Path) -> None:
    for version in ("babel_v1.0_release", "babel_v2.1"):
        write_babel(tmp_path / version, train=[], val=[])
    with pytest.raises(ConfigError, match=r"babel_v1\.0_release, babel_v2\.1"):
        BabelSource(tmp_path).missing()


@pytest.mark.parametrize("place", ["amass-path2babel.json", "id2fname/amass-path2babel.json"])
def test_the_table_of_paths_goes_before_the_annotations(folder: Path, place: str) -> None:
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text(json.dumps({SIT: "12"}), encoding="utf-8")
    assert [entry.path for entry in BabelFolder(folder).entries] == [SIT, SIT]


@pytest.mark.parametrize(
    "changes",
    [
        {"feat_p": None},
        {"dur": "4"},
        {"dur": 0},
        {"frame_ann": {"labels": None}},
        {"frame_ann": {"labels": [label("walk")]}},
        {"frame_ann": {"labels": [label("walk", 0, float("nan"))]}},
        {"frame_ann": {"labels": [label("walk", 0, 1, act_cat="walk")]}},
        {"frame_ann": {"labels": [label("walk", 0, 1, proc_label=3)]}},
    ],
)
def test_a_damaged_entry_is_told_and_the_others_are_read(folder: Path, changes: dict[str, Any]) -> None:
    write_babel(folder, train=[sequence(1, WALK, 4.0, FRAMES) | changes, sequence(2, WALK, 4.0, FRAMES)])
    first, second, _ = (read for _, read in BabelSource(folder).recordings())
    with pytest.raises(DataError, match="sequence 1"):
        first()
    assert second().num_frames == 120


@pytest.mark.parametrize("content", ["{", "[]", '{"1": 3}'])
def test_a_file_of_labels_that_is_none_is_told(folder: Path, content: str) -> None:
    (folder / "val.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"val\.json"):
        list(BabelSource(folder).recordings())


def test_a_table_of_paths_that_is_none_is_told(folder: Path) -> None:
    (folder / "amass-path2babel.json").write_text('{"a.npz": [1]}', encoding="utf-8")
    with pytest.raises(DataError, match="amass-path2babel"):
        list(BabelSource(folder).recordings())
