"""The page: its numbers are those of the files, it needs nothing else, and it plays."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browser import after_scripts, find_browser
from small_study import STRIDE, write_grid

from actiongpt_core.study.grid_file import read_grid
from actiongpt_core.study.running import run
from actiongpt_core.study.statistics import paired_gain

VOID = {"meta", "br", "input", "line", "circle"}
PROBE = """<script>
const player = window.studyPlayer;
const shown = () => player.panels.map(({ canvas }) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.some((value) => value > 0);
});
const first = document.getElementById("canvas-told").toDataURL();
document.getElementById("scrub").value = "0.3";
document.getElementById("scrub").dispatchEvent(new Event("input"));
const told = {
  drawn: shown(), moved: first !== document.getElementById("canvas-told").toDataURL(),
  captions: ["real", "phrase", "told"].map((id) => document.getElementById(`caption-${id}`).textContent),
  texts: document.querySelectorAll("#texts li").length,
  clips: document.querySelectorAll("#clip option").length,
};
document.getElementById("play").click();
setTimeout(() => {
  told.time = player.view.now;
  const place = document.createElement("p");
  place.id = "told-by-test"; place.textContent = JSON.stringify(told); document.body.append(place);
}, 1000);
</script>"""


class Outline(HTMLParser):
    """Checks that tags are closed in turn, and notes what the page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        values = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name in ("src", "href") if (value := values.get(name))]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def studied(install: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.getbasetemp() / "small-study"
    if not (folder / "out" / "index.html").is_file():  # once for all tests of this file
        install("stride", STRIDE)
        models = [
            {"name": "ours", "backbone": "stride", "versus": "raw", "about": "</script><b>"},
            {"name": "raw", "backbone": "stride"},
        ]
        run(read_grid(write_grid(folder, models=models, k=[2, 1])), folder / "out", device="cpu")
    return folder / "out"


@pytest.fixture
def page(studied: Path) -> str:
    return (studied / "index.html").read_text(encoding="utf-8")


def cell(studied: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((studied / "cells" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_its_tags_are_closed_its_ids_are_single_and_it_loads_nothing(page: str) -> None:
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    assert len(set(outline.ids)) == len(outline.ids)
    assert outline.links == []
    assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttpRequest", page)


def test_the_gains_of_the_page_are_those_of_the_cells_files(studied: Path, page: str) -> None:
    base, told = (cell(studied, f"ours--{name}--mean")["evaluation"] for name in ("phrase-alone--k1", "pack--k2"))
    for measure in ("APE_root", "APE_mean_pose"):
        pairs = zip(base["per_clip"][measure], told["per_clip"][measure], strict=True)
        gain = paired_gain([before - after for before, after in pairs], base["per_clip"]["frames"], base["texts"])
        shown = f"{gain.value:+.3f}<br><small>{gain.low_95:+.3f} to {gain.high_95:+.3f}</small>"
        assert shown in page, measure


def test_the_value_of_every_cell_stands_on_the_page(studied: Path, page: str) -> None:
    for file in (studied / "cells").glob("*.json"):
        metrics = json.loads(file.read_text(encoding="utf-8"))["evaluation"]["metrics"]
        assert f"{metrics['APE_root']['value']:.3f}" in page, file.name


def test_protocol_versions_seeds_and_counts_are_named(studied: Path, page: str) -> None:
    text = unescape(page)
    evaluation = cell(studied, "ours--pack--k2--mean")["evaluation"]
    assert evaluation["protocol"] in text
    assert all(f"{name} {version}" in text for name, version in evaluation["versions"].items())
    assert f"{evaluation['counts']['evaluated']} evaluated" in text
    assert "2 motions a clip" in text
    assert "seed 0" in text


def test_an_interval_with_zero_in_it_is_called_so(page: str, studied: Path) -> None:
    results = json.loads((studied / "results.json").read_text(encoding="utf-8"))
    gains = [gain for it in results["cells"] for gain in it["gains"] if gain["answers"]]
    own = [gain for gain in gains if gain["against"].startswith("ours")]
    for gain in gains:
        if gain["low_95"] <= 0 <= gain["high_95"]:
            assert gain["verdict"] == "no difference shown"
    for gain in own:
        includes = "includes 0" if gain["low_95"] <= 0 <= gain["high_95"] else "hint"
        word = includes if gain["verdict"] == "no difference shown" else gain["verdict"]
        shown = f"{gain['value']:+.3f}<br><small>{gain['low_95']:+.3f} to {gain['high_95']:+.3f}</small>"
        assert re.search(re.escape(shown) + rf'<br><span class="\w+">{word}</span>', page), gain


def test_what_a_grid_says_cannot_become_part_of_the_page(page: str) -> None:
    assert "</script><b>" not in page
    assert page.count("</script>") == 2, "the motions' and the player's"


@pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")
def test_in_a_browser_three_bodies_move_and_the_descriptions_are_shown(
    page: str, studied: Path, tmp_path: Path
) -> None:
    probed = tmp_path / "page.html"
    probed.write_text(page.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    html = after_scripts(probed, tmp_path / "profile")
    found = re.search(r'id="told-by-test">(.*?)</p>', html)
    assert found, html[-2000:]
    told = json.loads(unescape(found[1]))
    assert told["drawn"] == [True, True, True]
    assert told["moved"]
    assert told["captions"][0] == "Real clip"
    assert [text.split(",")[0] for text in told["captions"][1:]] == ["Phrase alone", "pack"]
    real = json.loads((studied / "examples" / "real.json").read_text(encoding="utf-8"))["motions"]
    assert (told["texts"], told["clips"]) == (2, len(real))
    assert told["time"] > 0.3


@pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")
def test_without_the_real_clips_the_page_plays_and_holds_none_of_their_frames(
    install: Callable[..., None], studied: Path, tmp_path: Path
) -> None:
    install("stride", STRIDE)
    real = json.loads((studied / "examples" / "real.json").read_text(encoding="utf-8"))["motions"]
    run(read_grid(write_grid(tmp_path, play_real=False)), tmp_path / "out", device="cpu")
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert not any(motion["joints"] in page for motion in real.values())
    probe = PROBE.replace('["real", "phrase", "told"]', '["phrase", "told"]')
    (tmp_path / "page.html").write_text(page.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    found = re.search(r'id="told-by-test">(.*?)</p>', after_scripts(tmp_path / "page.html", tmp_path / "profile"))
    assert found
    told = json.loads(unescape(found[1]))
    assert told["drawn"] == [True, True]
    assert [text.split(",")[0] for text in told["captions"]] == ["Phrase alone", "pack"]
