"""The reader of ASF and AMC: axes of bones, degrees and radians, and files that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mocap_files import Acclaim, acclaim

from actiongpt_core.data.asf_amc import read_asf_amc
from actiongpt_core.data.mocap import Mocap
from actiongpt_core.errors import DataError, MissingAssetError

FAST = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def capture() -> Acclaim:
    return acclaim(5)


def read(folder: Path, asf: str, amc: str) -> Mocap:
    (folder / "02.asf").write_bytes(asf.encode())
    (folder / "02_01.amc").write_bytes(amc.encode())
    return read_asf_amc(folder / "02.asf", folder / "02_01.amc")


@pytest.mark.parametrize("seed", range(4))
def test_bones_turn_about_their_own_axes_as_scipy_turns_them(tmp_path: Path, seed: int) -> None:
    capture = acclaim(6, seed=seed)
    mocap = read(tmp_path, capture.asf(), capture.amc())
    for name, rotations in capture.rotations.items():
        np.testing.assert_allclose(mocap.rotations[:, mocap.joints.index(name)], rotations, atol=1e-9)
    np.testing.assert_allclose(mocap.root, capture.values["root"][:, :3])
    assert mocap.fps == 120


def test_a_joint_stands_where_its_bone_starts(tmp_path: Path, capture: Acclaim) -> None:
    rest = read(tmp_path, capture.asf(), capture.amc()).rest_positions()
    for name, (parent, direction, length, _, _) in capture.bones.items():
        end = rest[name] + np.array(direction) * length
        for child in (other for other, bone in capture.bones.items() if bone[0] == name):
            np.testing.assert_allclose(rest[child], end)
        if parent == "root":
            np.testing.assert_allclose(rest[name], 0)
    np.testing.assert_allclose(rest["head end"] - rest["head"], [0, 1.6, 0])


@pytest.mark.parametrize("unit", ["deg", "rad"])
@pytest.mark.parametrize("is_degrees", [True, False])
def test_degrees_and_radians_are_the_same_motion(tmp_path: Path, capture: Acclaim, unit: str, is_degrees: bool) -> None:
    expected = read(tmp_path, capture.asf(), capture.amc()).rotations
    found = read(tmp_path, capture.asf(unit=unit), capture.amc(is_degrees=is_degrees))
    np.testing.assert_allclose(found.rotations, expected, atol=1e-9)


def test_without_a_header_line_the_skeletons_unit_counts(tmp_path: Path, capture: Acclaim) -> None:
    expected = read(tmp_path, capture.asf(), capture.amc()).rotations
    bare = capture.amc(is_degrees=False).replace(":RADIANS\n", "").replace(":FULLY-SPECIFIED\n", "")
    np.testing.assert_allclose(read(tmp_path, capture.asf(unit="rad"), bare).rotations, expected, atol=1e-9)


def test_a_motion_may_tell_its_rate(tmp_path: Path, capture: Acclaim) -> None:
    assert read(tmp_path, capture.asf(), capture.amc(":SAMPLES-PER-SECOND 60")).fps == 60


def test_windows_line_ends_and_comments_change_nothing(tmp_path: Path, capture: Acclaim) -> None:
    expected = read(tmp_path, capture.asf(), capture.amc())
    asf, amc = (text.replace("\n", "\r\n") for text in (capture.asf() + "# the end\n", capture.amc() + "# the end\n"))
    found = read(tmp_path, asf, amc)
    np.testing.assert_array_equal(found.rotations, expected.rotations)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("asf", ":hierarchy", ":hierarchies", "no ASF: it has no section ':hierarchy'"),
        ("asf", "  angle deg", "  angle grad", "angles in 'deg' or 'rad' were expected, found 'grad'"),
        ("asf", "   order TX TY TZ", "   order TX TX TZ", "in any order were expected"),
        ("asf", "   orientation 0 0 0", "   orientation 0 90 0", "orientation of 0 0 0 was expected"),
        ("asf", "   position 0 0 0", "   position 0 0", r"3 number\(s\) were expected, found '0 0'"),
        ("asf", "     length 2.0", "     length long", r"1 number\(s\) were expected, found 'long'"),
        ("asf", "     length 2.0\n", "", "does not tell its 'length'"),
        ("asf", "     name upperback", "     name lowerback", "there is a bone 'lowerback' already"),
        ("asf", "    dof rx ry rz", "    dof rx ry tx", "of rx, ry and rz each at most once"),
        ("asf", "  end\n", "", "'begin' was not expected here"),
        ("asf", "    lowerback upperback", "    lowerback upperbach", "there is no bone 'upperbach'"),
        ("asf", "    lowerback upperback\n", "", "'upperback' must hang on a bone"),
        ("asf", "    upperneck head", "    upperneck head\n    thorax head", "'head' hangs on 'upperneck' already"),
        ("asf", "    upperneck head\n", "", "these bones hang on nothing: head"),
        ("amc", ":FULLY-SPECIFIED", ":PARTLY-SPECIFIED", "':PARTLY-SPECIFIED' is not known"),
        ("amc", "\n1\n", "\n", "the number of the first frame was expected"),
        ("amc", "\n3\n", "\n4\n", "frame 3 was expected, found 4"),
        ("amc", "\nlfemur ", "\nlfemurs ", "does not tell of lfemur"),
        ("amc", "\nlfemur ", "\ntail 1 2\nlfemur ", "has no bone 'tail'"),
        ("amc", "\nlfemur ", "\nlfemur 1.5 ", r"3 number\(s\) of 'lfemur', once"),
        ("amc", "\nhead ", "\nhead 1 2 3\nhead ", r"3 number\(s\) of 'head', once"),
    ],
)
def test_what_is_wrong_is_told_with_the_file(
    tmp_path: Path, capture: Acclaim, file: str, old: str, new: str, message: str
) -> None:
    texts = {"asf": capture.asf(), "amc": capture.amc()}
    assert old in texts[file]
    texts[file] = texts[file].replace(old, new, 1)
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path, texts["asf"], texts["amc"])
    assert {"asf": "02.asf", "amc": "02_01.amc"}[file] in str(error.value)


@pytest.mark.parametrize("value", ["nan", "-1.#IND", "inf", "x"])
def test_a_value_that_is_no_number_is_told_with_its_line(tmp_path: Path, capture: Acclaim, value: str) -> None:
    lines = capture.amc().split("\n")
    number = [n for n, line in enumerate(lines) if line.startswith("ltibia")][2]
    lines[number] = f"ltibia {value}"
    with pytest.raises(DataError, match=rf"02_01\.amc, line {number + 1}: 1 number\(s\).*'{value}'"):
        read(tmp_path, capture.asf(), "\n".join(lines))


@given(share=st.floats(0, 1, exclude_max=True))
@FAST
def test_a_motion_that_is_cut_off_inside_a_frame_is_refused(
    share: float, capture: Acclaim, tmp_path_factory: pytest.TempPathFactory
) -> None:
    amc = capture.amc()
    start, end = amc.index("\n5\n") + 3, amc.rstrip("\n").rindex("\n")
    cut = amc[: start + int(share * (end - start))]
    with pytest.raises(DataError, match=r"02_01\.amc, line \d+"):
        read(tmp_path_factory.mktemp("cut"), capture.asf(), cut)


@given(share=st.floats(0, 1, exclude_max=True))
@FAST
def test_a_skeleton_that_is_cut_off_is_refused(
    share: float, capture: Acclaim, tmp_path_factory: pytest.TempPathFactory
) -> None:
    asf = capture.asf()
    cut = asf[: int(share * asf.rindex("  end"))]
    with pytest.raises(DataError, match=r"02\.asf"):
        read(tmp_path_factory.mktemp("cut"), cut, capture.amc())


@pytest.mark.parametrize("gone", ["02.asf", "02_01.amc"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, capture: Acclaim, gone: str) -> None:
    read(tmp_path, capture.asf(), capture.amc())
    (tmp_path / gone).unlink()
    with pytest.raises(MissingAssetError, match=gone.replace(".", r"\.")):
        read_asf_amc(tmp_path / "02.asf", tmp_path / "02_01.amc")
