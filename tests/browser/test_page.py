"""The page that plays motions, as a user meets it: in Chromium, from the disk, without a network."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from PIL import Image

from actiongpt_core import Motion
from actiongpt_core.export import save

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def one(walk: Motion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(walk, tmp_path_factory.mktemp("page") / "walk.html")


@pytest.fixture
def still(open_file: Open, one: Path) -> Any:
    """The page, waiting at its first frame: who asks for less motion is not played to unasked."""
    return open_file(one, reduced_motion="reduce")


def seconds(page: Any) -> float:
    return float(page.locator("#clock").inner_text().split("/")[0])


def seek(page: Any, time: float) -> None:
    page.locator("#time").evaluate("(bar, time) => { bar.value = time; bar.dispatchEvent(new Event('input')); }", time)
    painted(page)


def painted(page: Any) -> None:
    """Wait until what was asked for is on the screen."""
    page.evaluate("() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


def picture(page: Any, selector: str = "#stage") -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.locator(selector).screenshot())).convert("RGB")).astype(int)


def orange(pixels: np.ndarray) -> np.ndarray:
    """Where left limbs are."""
    return pixels[..., 0] - pixels[..., 2] > 80


def blue(pixels: np.ndarray) -> np.ndarray:
    """Where right limbs are."""
    return pixels[..., 2] - pixels[..., 0] > 60


def now(page: Any) -> str:
    return page.locator("#panels .now").first.inner_text()


# --- playing -----------------------------------------------------------------------------------------------------


def test_it_plays_at_once_and_the_body_moves(open_file: Open, one: Path) -> None:
    page = open_file(one)
    page.wait_for_function("parseFloat(document.getElementById('clock').textContent) > 0.2")
    before, start = picture(page), seconds(page)
    page.wait_for_function(f"parseFloat(document.getElementById('clock').textContent) > {start + 0.3}")
    after = picture(page)
    assert orange(before).sum() > 1000
    assert blue(before).sum() > 1000
    assert (np.abs(before - after).max(-1) > 60).sum() > 500


def test_it_starts_again_after_the_end(open_file: Open, one: Path) -> None:
    page = open_file(one)
    seek(page, 3.9)
    page.locator("#play").click()
    page.wait_for_function("parseFloat(document.getElementById('clock').textContent) < 1", timeout=15_000)
    assert page.locator("#play").inner_text() == "Pause"


def test_pause_stops_time_and_play_goes_on(open_file: Open, one: Path) -> None:
    page = open_file(one)
    page.get_by_role("button", name="Pause").click()
    painted(page)
    stopped, shown = seconds(page), picture(page)
    page.wait_for_timeout(400)
    assert seconds(page) == stopped
    np.testing.assert_array_equal(picture(page), shown)
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"parseFloat(document.getElementById('clock').textContent) != {stopped}")


def test_who_asks_for_less_motion_finds_it_paused(still: Any) -> None:
    still.wait_for_timeout(300)
    assert seconds(still) == 0.0
    assert still.locator("#play").inner_text() == "Play"


def test_scrubbing_shows_that_time_and_pauses(open_file: Open, one: Path) -> None:
    page = open_file(one)
    seek(page, 4.0)
    assert (seconds(page), page.locator("#play").inner_text()) == (4.0, "Play")
    raised = np.argwhere(orange(picture(page)))[:, 0].min()
    seek(page, 1.0)
    assert raised < np.argwhere(orange(picture(page)))[:, 0].min() - 40  # the left hand is higher than the shoulder was


def test_half_the_speed_takes_about_twice_the_time(still: Any) -> None:
    def rate(speed: str) -> float:
        still.select_option("#speed", speed)
        seek(still, 0.0)
        return still.evaluate(
            """() => new Promise((done) => {
                const [clock, play] = ["time", "play"].map((id) => document.getElementById(id));
                play.click();
                setTimeout(() => {
                    const [from, start] = [Number(clock.value), performance.now()];
                    setTimeout(() => {
                        done((Number(clock.value) - from) / (performance.now() - start) * 1000);
                        play.click();
                    }, 900);
                }, 200);
            })"""
        )

    assert rate("2") > 1.5 * rate("0.5")


# --- what is shown -----------------------------------------------------------------------------------------------


def test_captions_follow_the_action(still: Any) -> None:
    current = still.locator("#captions li[aria-current]")
    assert (now(still), current.count()) == ("walk forward", 1)
    assert "Puts one foot first." in current.inner_text()
    seek(still, 2.0)
    assert (now(still), current.count()) == ("raise the left arm", 1)
    assert "Holds it up." in current.inner_text()
    assert not still.get_by_text("Puts one foot first.").is_visible()


def test_a_click_on_an_action_goes_to_its_start(still: Any) -> None:
    still.get_by_role("button", name="raise the left arm").click()
    painted(still)
    assert seconds(still) == 2.0


def test_skeleton_and_body_can_each_be_seen(still: Any) -> None:
    covered = {}
    for shown in ("body", "skeleton", "both"):
        still.select_option("#show", shown)
        painted(still)
        pixels = picture(still)
        covered[shown] = (orange(pixels) | blue(pixels)).sum()
    assert 500 < covered["skeleton"] < covered["body"] / 2
    assert covered["both"] > covered["skeleton"]


def test_the_path_is_drawn_behind_the_body_and_can_be_hidden(still: Any) -> None:
    seek(still, 2.5)
    with_path = picture(still)
    still.locator("#path").uncheck()
    painted(still)
    changed = np.abs(with_path - picture(still)).max(-1) > 60
    assert changed.sum() > 200
    red = with_path[changed]
    assert (red[:, 0] - red[:, 1] > 60).mean() > 0.9


# --- the camera --------------------------------------------------------------------------------------------------


def test_dragging_turns_the_view_and_reset_brings_it_back(still: Any) -> None:
    first = picture(still)
    box = still.locator("#stage").bounding_box()
    still.mouse.move(box["x"] + 300, box["y"] + 200)
    still.mouse.down()
    still.mouse.move(box["x"] + 500, box["y"] + 240, steps=4)
    still.mouse.up()
    painted(still)
    assert (np.abs(picture(still) - first).max(-1) > 60).sum() > 5000
    still.get_by_role("button", name="Reset view").click()
    still.mouse.move(0, 0)
    painted(still)
    assert np.abs(picture(still) - first).max() < 8


def test_the_wheel_comes_nearer(still: Any) -> None:
    before = orange(picture(still)).sum()
    still.locator("#stage").hover()
    still.mouse.wheel(0, -400)
    painted(still)
    assert orange(picture(still)).sum() > 1.4 * before


def test_two_fingers_zoom(open_file: Open, one: Path) -> None:
    page = open_file(one, 390, 844, has_touch=True, reduced_motion="reduce")
    before = orange(picture(page)).sum()
    box = page.locator("#stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    painted(page)
    assert orange(picture(page)).sum() > 1.4 * before


def test_the_keyboard_does_it_all(still: Any) -> None:
    still.keyboard.press("Tab")
    assert still.evaluate("document.activeElement.id") == "stage"
    first = picture(still)
    still.keyboard.press("ArrowLeft")
    still.keyboard.press("ArrowUp")
    painted(still)
    assert (np.abs(picture(still) - first).max(-1) > 60).sum() > 1000
    still.keyboard.press("0")
    painted(still)
    assert np.abs(picture(still) - first).max() < 8
    still.keyboard.press(".")
    still.keyboard.press(".")
    painted(still)
    assert float(still.locator("#time").input_value()) == pytest.approx(0.1)
    still.keyboard.press(",")
    painted(still)
    assert float(still.locator("#time").input_value()) == pytest.approx(0.05)
    still.keyboard.press("b")
    assert still.locator("#show").input_value() == "skeleton"
    still.keyboard.press("Space")
    assert still.locator("#play").inner_text() == "Pause"


def test_every_control_can_be_reached_by_tab(still: Any) -> None:
    reached = []
    for _ in range(12):
        still.keyboard.press("Tab")
        reached.append(still.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert [name for name in reached if name.islower()][:7] == [
        *("stage", "play", "time", "speed", "show", "path", "reset")
    ]
    assert reached.count("BUTTON") >= 2  # the actions
    assert "SUMMARY" in reached


# --- anywhere ----------------------------------------------------------------------------------------------------


def test_a_phone_needs_no_sideways_scrolling(walk: Motion, open_file: Open, tmp_path: Path) -> None:
    for count in (1, 3):
        page = open_file(save([walk] * count, tmp_path / f"{count}.html"), 390, 844, reduced_motion="reduce")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("#play").bounding_box()["width"] > 40
        assert orange(picture(page)).sum() > 300


def test_who_stays_on_the_spot_has_no_path(walk: Motion, open_file: Open, tmp_path: Path) -> None:
    page = open_file(save(walk[45:], tmp_path / "stand.html"), reduced_motion="reduce")
    seek(page, 1.5)
    before = picture(page)
    page.locator("#path").uncheck()
    painted(page)
    assert np.abs(picture(page) - before).max() < 8


def test_motions_side_by_side_share_clock_and_camera(walk: Motion, open_file: Open, tmp_path: Path) -> None:
    slow = attrs.evolve(walk, fps=10.0, descriptions=())
    page = open_file(save([walk, slow], tmp_path / "two.html"), reduced_motion="reduce")
    assert page.locator("#clock").inner_text().endswith("/ 8.0 s")
    seek(page, 2.0)
    assert page.locator("#panels .now").all_inner_texts() == ["raise the left arm", "action 1"]
    left, right = np.array_split(picture(page), 2, axis=1)
    for half in (left, right):
        assert orange(half).sum() > 500
    page.locator("#stage").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    painted(page)
    for before, after in zip((left, right), np.array_split(picture(page), 2, axis=1), strict=True):
        assert (np.abs(before - after).max(-1) > 60).sum() > 500


def test_a_dark_desktop_has_a_dark_page(open_file: Open, one: Path) -> None:
    light, dark = (
        picture(open_file(one, color_scheme=scheme, reduced_motion="reduce")) for scheme in ("light", "dark")
    )
    assert light[:20].mean() > 220
    assert dark[:20].mean() < 60


def test_a_body_far_away_or_of_one_frame_is_in_the_picture(walk: Motion, open_file: Open, tmp_path: Path) -> None:
    far = attrs.evolve(walk, translation=walk.translation + walk.translation.new_tensor([400.0, -300.0, 0.0]))
    for name, motion in (("far", far), ("short", walk[:1])):
        page = open_file(save(motion, tmp_path / f"{name}.html"), reduced_motion="reduce")
        assert orange(picture(page)).sum() > 1000


def test_without_webgl_the_page_says_so_and_keeps_its_texts(chromium: Any, one: Path) -> None:
    context = chromium.new_context(reduced_motion="reduce")
    context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null;")
    page = context.new_page()
    page.goto(one.as_uri())
    assert "WebGL is missing or switched off" in page.get_by_role("alert").inner_text()
    assert page.get_by_text("Puts one foot first.").is_visible()
    context.close()


def test_a_cell_of_a_notebook_plays_it_inside_a_frame(walk: Motion, open_file: Open, tmp_path: Path) -> None:
    cell = tmp_path / "cell.html"
    cell.write_text(f"<!doctype html><meta charset='utf-8'><p>Out[1]:</p>{walk._repr_html_()}", encoding="utf-8")
    page = open_file(cell)
    inside = page.frame_locator("iframe")
    inside.get_by_role("button", name="Pause").click()
    assert inside.locator("#panels .now").inner_text() == "walk forward"
    assert orange(picture(page, "iframe")).sum() > 1000


def test_a_film_plays_in_the_browser_for_as_long_as_the_motion(walk: Motion, open_file: Open, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="pip install av")
    page = open_file(save(walk[:30], tmp_path / "walk.mp4"))
    # A film has no page of its own here: the browser makes one with a video in it.
    page.wait_for_function("document.querySelector('video')?.readyState > 0")
    assert page.evaluate("document.querySelector('video').duration") == pytest.approx(30 / 20, abs=0.06)
    assert page.evaluate("document.querySelector('video').videoWidth") == 480
