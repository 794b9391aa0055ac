"""The BVH reader: every hierarchy and channel order, and files that are no BVH."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mocap_files import Bvh, motionbuilder

from actiongpt_core.data.bvh import read_bvh_mocap
from actiongpt_core.errors import DataError, MissingAssetError

ORDERS = ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"]
FAST = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(folder: Path, text: str) -> Path:
    path = folder / "a.bvh"
    path.write_bytes(text.encode())
    return path


@st.composite
def trees(draw: st.DrawFn) -> Bvh:
    count = draw(st.integers(1, 7))
    # Each joint hangs on the one before it or on one of that one's ancestors: the order of a file.
    parents = [-1]
    for joint in range(1, count):
        line, place = [joint - 1], joint - 1
        while parents[place] >= 0:
            place = parents[place]
            line.append(place)
        parents.append(draw(st.sampled_from(line)))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    orders = [draw(st.sampled_from(ORDERS)) for _ in range(count)]
    orders = [order[: draw(st.integers(1, 3))] for order in orders]
    names = [f"joint {number}" for number in range(count)]
    frames = draw(st.integers(1, 4))
    return Bvh(
        joints=names,
        parents=parents,
        offsets=rng.uniform(-5, 5, (count, 3)),
        ends={name: rng.uniform(-5, 5, 3) for number, name in enumerate(names) if number not in parents},
        orders=orders,
        angles=rng.uniform(-200, 200, (frames, count, 3)),
        root=rng.uniform(-50, 50, (frames, 3)),
    )


@given(tree=trees())
@FAST
def test_every_tree_and_order_of_channels_is_read_as_scipy_turns_it(
    tree: Bvh, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mocap = read_bvh_mocap(written(tmp_path_factory.mktemp("bvh"), tree.text()))
    assert (mocap.joints, mocap.parents) == (tuple(tree.joints), tuple(tree.parents))
    np.testing.assert_allclose(mocap.rotations, tree.rotations, atol=1e-9)
    np.testing.assert_allclose(mocap.root, tree.root)
    np.testing.assert_allclose(mocap.offsets, tree.offsets)
    assert mocap.ends.keys() == tree.ends.keys()


@pytest.mark.parametrize(
    ("written_as", "fps"),
    [
        (".0083333", 120.0),
        ("0.00833333", 120.0),
        ("0.0166667", 60.0),
        ("0.016666", 60.0),
        ("0.0333333", 30.0),
        ("0.033333333333333333333333333333333333333", 30.0),
        ("4.166667e-02", 24.0),
        ("0.01", 100.0),
        (repr(1 / 29.97), 29.97),
        (repr(1 / 12.5), 12.5),
    ],
)
def test_a_rounded_frame_time_means_the_rate_that_it_was_rounded_from(
    tmp_path: Path, written_as: str, fps: float
) -> None:
    assert read_bvh_mocap(written(tmp_path, motionbuilder(2).text(written_as))).fps == fps


@pytest.mark.parametrize("time", ["0", "-0.01", "nan", "inf", "1e-400", "1e-999999999", "120", "fast"])
def test_a_frame_time_that_is_none_is_told_with_its_line(tmp_path: Path, time: str) -> None:
    lines = motionbuilder(2).text("TIME").split("\n")
    number = next(n for n, line in enumerate(lines, start=1) if "TIME" in line)
    with pytest.raises(DataError, match=rf"a\.bvh, line {number}: a frame time"):
        read_bvh_mocap(written(tmp_path, motionbuilder(2).text(time)))


@pytest.mark.parametrize(
    "dialect", ["\r\n", "blank lines", "tabs", "byte order mark", "braces beside names", "comments"]
)
def test_what_programs_write_differently_is_read_alike(tmp_path: Path, dialect: str) -> None:
    text = motionbuilder(3).text()
    plain = read_bvh_mocap(written(tmp_path, text))
    text = {
        "\r\n": text.replace("\n", "\r\n"),
        "blank lines": text.replace("\n", "\n\n"),
        "tabs": text.replace("Frames: ", "Frames:\t").replace("Frame Time: ", "Frame Time:\t"),
        "byte order mark": "\ufeff" + text,
        "braces beside names": text.replace("\n{", " {"),
        "comments": "# made by hand\n" + text,
    }[dialect]
    again = read_bvh_mocap(written(tmp_path, text))
    np.testing.assert_array_equal(again.rotations, plain.rotations)
    assert (again.joints, again.fps) == (plain.joints, plain.fps)


def test_position_channels_below_the_root_do_not_shift_the_others(tmp_path: Path) -> None:
    text = """HIERARCHY
ROOT a
{
OFFSET 0 0 0
CHANNELS 6 Zrotation Yposition Xrotation Xposition Yrotation Zposition
JOINT b
{
OFFSET 0 1 0
CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
End Site
{
OFFSET 0 1 0
}
}
}
MOTION
Frames: 1
Frame Time: 0.01
90 2 0 1 0 3 7 7 7 0 90 0
"""
    mocap = read_bvh_mocap(written(tmp_path, text))
    np.testing.assert_allclose(mocap.root, [[1, 2, 3]])
    np.testing.assert_allclose(mocap.rotations[0, 0] @ [1, 0, 0], [0, 1, 0], atol=1e-12)  # about z
    np.testing.assert_allclose(mocap.rotations[0, 1] @ [0, 1, 0], [0, 0, 1], atol=1e-12)  # about x


def broken(old: str, new: str, frame: int | None = None) -> str:
    """A file with one change: of the first such text, or in a row of numbers."""
    text = motionbuilder(4).text()
    if frame is None:
        assert old in text
        return text.replace(old, new, 1)
    rows = text.rstrip("\n").split("\n")
    rows[frame - 4] = rows[frame - 4].replace(" ", new, 1) if old == " " else new
    return "\n".join(rows) + "\n"


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), start=1) if part in line)


@pytest.mark.parametrize(
    ("text", "message", "part"),
    [
        (broken("HIERARCHY", "HIERACHY"), "'HIERARCHY' was expected", "HIERACHY"),
        (broken("CHANNELS 6", "CHANNELS six"), "whole number was expected, found 'six'", "six"),
        (broken("Zrotation", "Wrotation"), "are no channels", "Wrotation"),
        (broken("Yrotation", "Zrotation"), "are no channels", "Zrotation Zrotation"),
        (broken("OFFSET 0.0 0.0", "OFFSET 0.0 up"), "three numbers were expected", "up"),
        (broken("End Site", "End"), "'Site' was expected", "{"),
        (broken("MOTION", "MOTIONS"), "'MOTION' was expected", "MOTIONS"),
        (broken("Frames: 4", "Frames: 5"), "5 frames are declared and 4 are there", "Frames: 5"),
        (broken("Frames: 4", "Frames: 3"), "3 frames are declared and 4 are there", "Frames: 3"),
        (broken(" ", " 1.5 ", frame=2), r"\d+ numbers were expected, one for each channel, found \d+", " 1.5 "),
        (broken("", "1 2 3", frame=1), r"numbers were expected, one for each channel, found 3", "1 2 3"),
    ],
)
def test_what_is_wrong_is_told_with_the_file_and_the_line(tmp_path: Path, text: str, message: str, part: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DataError, match=message) as error:
        read_bvh_mocap(path)
    found = int(str(error.value).partition("line ")[2].partition(":")[0])
    assert str(error.value).startswith(str(path))
    if part != "{":
        assert found == line_of(text, part)


@pytest.mark.parametrize("value", ["nan", "inf", "1.2.3", "-", "1e999"])
def test_a_value_that_is_no_number_is_told_with_its_line(tmp_path: Path, value: str) -> None:
    lines = motionbuilder(4).text().rstrip("\n").split("\n")
    words = lines[-2].split()
    words[10] = value
    lines[-2] = " ".join(words)
    with pytest.raises(DataError, match=rf"line {len(lines) - 1}: a number was expected, found '{value}'"):
        read_bvh_mocap(written(tmp_path, "\n".join(lines)))


@given(share=st.floats(0, 1, exclude_max=True))
@FAST
def test_a_file_that_is_cut_off_anywhere_is_refused(share: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = motionbuilder(4).text()
    # Up to the last row's last number, which may be shorter and still a number.
    last = whole.rstrip("\n").rindex(" ")
    with pytest.raises(DataError):
        read_bvh_mocap(written(tmp_path_factory.mktemp("cut"), whole[: int(share * last)]))


@given(content=st.binary(max_size=300), start=st.sampled_from(["", "HIERARCHY\nROOT a\n{\n", "MOTION\nFrames: 1\n"]))
@FAST
def test_whatever_the_bytes_are_the_error_is_the_librarys(
    content: bytes, start: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.bvh"
    path.write_bytes(start.encode() + content)
    with pytest.raises(DataError, match=r"a\.bvh"):
        read_bvh_mocap(path)


def test_two_joints_of_one_name_are_refused(tmp_path: Path) -> None:
    text = motionbuilder(2).text().replace("RightLeg", "LeftLeg")
    with pytest.raises(DataError, match="more than one joint is called LeftLeg"):
        read_bvh_mocap(written(tmp_path, text))


def test_a_thousand_nested_joints_are_an_error_and_no_crash(tmp_path: Path) -> None:
    joints = "".join(f"JOINT j{n}\n{{\nOFFSET 0 1 0\nCHANNELS 1 Xrotation\n" for n in range(3000))
    text = f"HIERARCHY\nROOT r\n{{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n{joints}{'}' * 3001}\nMOTION\n"
    with pytest.raises(DataError, match="nested"):
        read_bvh_mocap(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match=r"none\.bvh"):
        read_bvh_mocap(tmp_path / "none.bvh")
