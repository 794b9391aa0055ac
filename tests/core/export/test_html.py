"""The page that plays motions holds the motion whole and names no host. How it plays is in tests/browser."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from actiongpt_core.body.stick import StickBody
from actiongpt_core.export import save
from actiongpt_core.export.html import page
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import quaternion_to_matrix
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import Action, Descriptions


class Reader(HTMLParser):
    """The texts of a page's elements, and the addresses that its elements name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inside = ""
        self.texts: dict[str, str] = {}
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = dict(attrs).get("id") or tag
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        self.texts[self.inside] = self.texts.get(self.inside, "") + data


def data_of(text: str) -> dict[str, Any]:
    return json.loads(Reader(text).texts["motions"])


def unpacked(text: str, kind: str, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), dtype=kind).astype(np.float64).reshape(shape))


@pytest.fixture
def told(motion: Motion) -> Motion:
    texts = ("One </script><script>alert(1)</script> & more.", "See https://example.org//x, {{three}} too.")
    return attrs.evolve(
        motion,
        descriptions=(
            Descriptions(action=Action("walk <b>"), texts=texts, source="llm"),
            Descriptions(action=Action("wave"), texts=("Waves.",), source="pack"),
        ),
    )


def test_a_page_holds_the_motion_as_it_is(motion: Motion) -> None:
    held = data_of(page([motion]))["motions"][0]
    assert (held["fps"], held["starts"]) == (30.0, [0, 25])
    turns = unpacked(held["rotations"], "<i2", 40, 22, 4)
    rotations = quaternion_to_matrix(torch.roll(turns, 1, dims=-1))
    assert (rotations - motion.rotations).abs().max() < 1e-4
    translation = unpacked(held["translation"], "<f4", 40, 3)
    torch.testing.assert_close(translation.float(), motion.translation, rtol=0, atol=0)


def test_the_parts_of_the_page_s_body_moved_by_its_joints_are_the_stick_body(smpl_motion: Motion) -> None:
    body = data_of(page([smpl_motion]))["bodies"][0]
    joints, turns = forward_kinematics(smpl_motion.rotations, smpl_motion.translation, smpl_motion.skeleton)
    vertices, faces, count = [], [], 0
    for part in body["parts"]:
        rest = unpacked(part["vertices"], "<f4", -1, 3).float()
        vertices.append(rest @ turns[7, part["joint"]].mT + joints[7, part["joint"]])
        faces.append(unpacked(part["faces"], "<u2", -1, 3).long() + count)
        count += len(rest)
    expected, corners = StickBody(smpl_motion.skeleton).mesh(smpl_motion)
    torch.testing.assert_close(torch.cat(vertices), expected[7], rtol=0, atol=1e-5)
    assert set(map(tuple, torch.cat(faces).tolist())) == set(map(tuple, corners.tolist()))
    assert body["parents"] == list(smpl_motion.skeleton.parents)
    assert body["sides"][-2:] == ["left", "right"]


def test_a_page_names_no_host_even_where_the_user_s_texts_do(told: Motion) -> None:
    text = page([told], title="http://example.org/title")
    assert not re.search(r"https?://|//example", text)
    assert Reader(text).addresses == ["data:,"]  # the icon: empty, so that no browser asks for one
    assert "url(" not in Reader(text).texts["style"]
    assert Reader(text).texts["title"] == "http://example.org/title"


def test_texts_arrive_as_they_were_written_and_run_nothing(told: Motion) -> None:
    text = page([told])
    captions = data_of(text)["motions"][0]["captions"]
    assert [tuple(item["texts"]) for item in captions] == [item.texts for item in told.descriptions]
    assert captions[0]["phrase"] == "walk <b>"
    assert text.count("<script") == text.count("</script>") == 3
    assert Reader(text).texts["title"] == "walk <b>, then wave"


def test_the_title_names_each_text_once(told: Motion, motion: Motion) -> None:
    assert Reader(page([told, told])).texts["title"] == "walk <b>, then wave"
    assert Reader(page([motion])).texts["title"] == "Motion"
    assert Reader(page([told], title="Mine & yours")).texts["title"] == "Mine & yours"


def test_bodies_are_sent_once_for_all_motions_of_a_skeleton(motion: Motion, smpl_motion: Motion) -> None:
    data = data_of(page([motion, smpl_motion, motion]))
    assert [item["body"] for item in data["motions"]] == [0, 1, 0]
    assert len(data["bodies"]) == 2
    assert len(page([motion] * 3)) - len(page([motion] * 2)) < 20_000


def test_saving_takes_one_motion_or_several_and_a_title(motion: Motion, tmp_path: Path) -> None:
    one = save(motion, tmp_path / "one.html", title="Mine").read_text(encoding="utf-8")
    assert Reader(one).texts["h1"] == "Mine"
    two = save([motion, motion], tmp_path / "two.html").read_text(encoding="utf-8")
    assert len(data_of(two)["motions"]) == 2


def test_a_page_names_the_library_that_draws_it_with_its_licence(motion: Motion) -> None:
    text = page([motion])
    assert "three.js authors" in text
    assert "The above copyright notice and this permission notice shall be included" in text
