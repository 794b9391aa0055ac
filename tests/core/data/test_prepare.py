"""Preparation: everything once, counted, whatever is damaged or stopped, and never two sets in one folder."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources import ListSource, content, recording

from actiongpt_core.data.prepare import PrepareReport, prepare
from actiongpt_core.data.prepared import PreparedSet, prepared_set
from actiongpt_core.data.prepared_writer import PreparedWriter
from actiongpt_core.errors import ConfigError, DataError, MissingAssetError, RejectedRecording


def source(count: int = 5) -> ListSource:
    return ListSource(
        {f"r{n}": recording(f"r{n}", 3 + 5 * n, seed=n, split=("train", "val")[n % 2]) for n in range(count)}
    )


def test_what_was_prepared_is_what_the_source_gave(tmp_path: Path) -> None:
    first, second = recording("a", 12, seed=1, extra=True), recording("b", 7, seed=2, split="test")
    prepare(ListSource({"a": first, "b": second}), tmp_path / "set")
    data = PreparedSet(tmp_path / "set")
    assert (data.name, data.fps, data.splits) == ("listed", 30.0, ("train", "test"))
    for name, split, item in (("a", "train", first), ("b", "test", second)):
        assert data.segments(split) == item.segments
        assert data.pairs(split) == item.pairs
        motion = data.motion(name, 2, item.num_frames)
        np.testing.assert_array_equal(motion.translation.numpy(), item.translation[2:])
    np.testing.assert_array_equal(data.extra("a", "hands", 3, 9), first.extra["hands"][3:9])


def test_rotations_turn_as_the_axis_angles_say(tmp_path: Path) -> None:
    item = recording("quarter", 1)
    item.poses[:] = 0
    item.poses[0, 0] = [0, 0, np.pi / 2]
    prepare(ListSource({"quarter": item}), tmp_path)
    root = PreparedSet(tmp_path).motion("quarter", 0, 1).rotations[0, 0]
    np.testing.assert_allclose(root.numpy() @ [1, 0, 0], [0, 1, 0], atol=1e-6)


def test_a_second_run_reads_nothing_again_and_changes_nothing(tmp_path: Path) -> None:
    prepare(source(), tmp_path)
    before = content(tmp_path)
    again = source()
    report = prepare(again, tmp_path)
    assert again.reads == []
    assert (report.before, report.done, report.total) == (5, 5, 5)
    assert content(tmp_path) == before


def test_new_recordings_of_a_source_are_added_and_only_they_are_read(tmp_path: Path) -> None:
    prepare(source(3), tmp_path)
    longer = source(5)
    prepare(longer, tmp_path)
    assert longer.reads == ["r3", "r4"]
    prepare(source(5), tmp_path / "at_once")
    assert [item.id for item in PreparedSet(tmp_path).recordings] == [f"r{n}" for n in range(5)]


@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_run_that_was_cut_at_any_byte_of_the_index_ends_in_the_same_set(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    prepare(mixed := source_with_rejection(), folder)
    whole = content(folder)
    index = folder / "index.jsonl"
    cut = data.draw(st.integers(0, index.stat().st_size), label="bytes that were written")
    index.write_bytes(whole["index.jsonl"][:cut])
    (folder / "recordings" / "000001.npy.part").write_bytes(b"begun")
    known = whole["index.jsonl"][:cut].count(b"\n")
    mixed.reads.clear()
    prepare(mixed, folder)
    (folder / "recordings" / "000001.npy.part").unlink(missing_ok=True)
    assert content(folder) == whole
    assert mixed.reads == list(mixed.items)[known:]


def source_with_rejection() -> ListSource:
    items = source(4)
    items.items["short"] = RejectedRecording("too short")
    items.items["last"] = recording("last", 4)
    return items


def test_what_is_left_out_is_counted_by_reason_and_never_read_again(tmp_path: Path) -> None:
    items = source_with_rejection()
    items.items["also"] = RejectedRecording("too short")
    report = prepare(items, tmp_path)
    assert report.rejected == {"too short": 2}
    items.reads.clear()
    assert prepare(items, tmp_path).rejected == {"too short": 2}
    assert items.reads == []


@pytest.mark.parametrize("error", [DataError("cut off"), MissingAssetError("not there"), OSError("disk")])
def test_a_damaged_recording_is_told_stops_no_other_and_is_tried_again(tmp_path: Path, error: Exception) -> None:
    items = source(3)
    items.items["r1"] = error
    report = prepare(items, tmp_path)
    assert report.damaged == {"r1": str(error)}
    assert json.loads((tmp_path / "prepared.json").read_text())["damaged"] == {"r1": str(error)}
    assert [item.id for item in PreparedSet(tmp_path).recordings] == ["r0", "r2"]
    items.items["r1"] = recording("r1", 9)
    items.reads.clear()
    assert prepare(items, tmp_path).damaged == {}
    assert items.reads == ["r1"]
    assert "r1" in {item.id for item in PreparedSet(tmp_path).recordings}


def test_an_error_that_is_not_of_the_files_stops_the_run_and_keeps_what_was_done(tmp_path: Path) -> None:
    items = source(3)
    items.items["r2"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        prepare(items, tmp_path)
    with pytest.raises(DataError, match="not finished"):
        PreparedSet(tmp_path)
    rest = source(3)
    prepare(rest, tmp_path)
    assert rest.reads == ["r2"]


def test_progress_is_told_after_every_recording(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def progress(report: PrepareReport) -> None:
        seen.append((report.done, report.total))

    prepare(source_with_rejection(), tmp_path, progress=progress)
    assert seen == [(n + 1, 6) for n in range(6)]


def test_the_report_counts_motion(tmp_path: Path) -> None:
    report = prepare(source(3), tmp_path)
    assert report.recordings == {"train": 2, "val": 1}
    assert report.seconds_of_motion == pytest.approx((3 + 8 + 13) / 30)
    assert report.speed > 0
    assert prepare(source(3), tmp_path).new_frames == 0


@pytest.mark.parametrize("changed", ["name", "fps", "settings", "depends_on"])
def test_a_folder_takes_no_second_set(tmp_path: Path, changed: str) -> None:
    prepare(source(), tmp_path, settings={"folder": "/a"})
    before = content(tmp_path)
    other = source()
    given_settings = {"folder": "/a"}
    if changed == "settings":
        given_settings = {"folder": "/b"}
    elif changed == "depends_on":
        other.depends_on = lambda: {"texts": "abc"}  # type: ignore[attr-defined]
    else:
        setattr(other, changed, {"name": "other", "fps": 20.0}[changed])
    with pytest.raises(ConfigError, match=r"begun otherwise.*another folder"):
        prepare(other, tmp_path, settings=given_settings)
    assert other.reads == []
    assert content(tmp_path) == before


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("no")
    with pytest.raises(ConfigError, match=r"thesis\.tex"):
        prepare(source(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_only_one_process_writes_a_set(tmp_path: Path) -> None:
    with PreparedWriter(tmp_path, source(), {}), pytest.raises(ConfigError, match="Another process"):
        prepare(source(), tmp_path)
    prepare(source(), tmp_path)


def test_a_source_that_lacks_files_says_so_and_nothing_is_written(tmp_path: Path) -> None:
    items = source()
    items.missing = lambda: ["Get a.zip at b.org.", "Get c.zip."]  # type: ignore[method-assign]
    with pytest.raises(MissingAssetError, match=r"a\.zip at b\.org\.\nGet c\.zip"):
        prepare(items, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_source_without_a_usable_recording_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match="no recording"):
        prepare(ListSource({}), tmp_path)
    items = ListSource({"a": RejectedRecording("no text"), "b": DataError("cut off")})
    with pytest.raises(DataError, match=r"(?s)1 left out: no text.*b: cut off"):
        prepare(items, tmp_path)


def test_recordings_that_claim_one_key_are_damage(tmp_path: Path) -> None:
    twin = recording("r0", 9)
    report = prepare(ListSource({"r0": recording("r0"), "r1": twin}), tmp_path)
    assert "another one: r0" in report.damaged["r1"]


@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_a_recording_that_was_harmed_afterwards_is_told_when_it_is_read(tmp_path: Path, harm: str) -> None:
    prepare(source(), tmp_path)
    data = PreparedSet(tmp_path)
    file = tmp_path / "recordings" / "000002.npy"
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"000002\.npy"):
        data.motion("r2", 0, 1)
    assert len(data.motion("r3", 0, 5)) == 5
    with pytest.raises(DataError, match=r"000002\.npy"):
        prepare(source(), tmp_path)


@pytest.mark.parametrize("line", [b"no json", b'{"id": "a"}', b"[]", b'{"id": "a", "file": 3}'])
def test_a_line_of_the_index_that_is_damaged_is_named(tmp_path: Path, line: bytes) -> None:
    prepare(source(3), tmp_path)
    index = tmp_path / "index.jsonl"
    lines = index.read_bytes().splitlines()
    index.write_bytes(b"\n".join([lines[0], line, lines[2]]) + b"\n")
    with pytest.raises(DataError, match="line 2"):
        PreparedSet(tmp_path)


def test_a_set_of_another_format_is_refused(tmp_path: Path) -> None:
    prepare(source(), tmp_path)
    header = tmp_path / "prepared.json"
    header.write_text(header.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(DataError, match="format 99"):
        PreparedSet(tmp_path)


def test_a_folder_without_a_set_says_how_one_is_made(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match="actiongpt data prepare"):
        PreparedSet(tmp_path)
    with pytest.raises(MissingAssetError, match="--data-dir"):
        PreparedSet(None)


def test_a_set_of_another_name_is_refused_where_a_name_is_asked_for(tmp_path: Path) -> None:
    prepare(source(), tmp_path)
    assert prepared_set("listed")(tmp_path).name == "listed"
    with pytest.raises(ConfigError, match="--data listed"):
        prepared_set("other")(tmp_path)


def test_what_is_asked_for_and_not_there_is_named(tmp_path: Path) -> None:
    prepare(ListSource({"a": recording("a", 9, extra=True)}), tmp_path)
    data = PreparedSet(tmp_path)
    with pytest.raises(ConfigError, match="it has hands"):
        data.extra("a", "feet", 0, 3)
    with pytest.raises(ConfigError, match="has 9 frames"):
        data.motion("a", 5, 10)
    with pytest.raises(ConfigError, match="has no split 'training': train"):
        data.segments("training")


def test_a_set_can_be_given_to_another_process(tmp_path: Path) -> None:
    prepare(source(), tmp_path)
    data = PreparedSet(tmp_path)
    other = pickle.loads(pickle.dumps(data))
    assert other.segments("train") == data.segments("train")
    assert np.array_equal(other.motion("r4", 3, 9).translation, data.motion("r4", 3, 9).translation)
