"""The page with the real network."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from live_cam.sources.camera import CameraOptions
from live_cam.sources.demo import demo_frame
from live_cam.sources.demo_scenes import scene_at
from live_cam.sources.factory import create_source
from live_cam.types import Frame
from tests.web.browser import greenness, part, pick, unfold, wait_frames, wait_until

pytestmark = pytest.mark.slow

LEFT, RIGHT = (0.0, 0.5), (0.5, 1.0)


class DemoAtWill:
    """The demo at eight frames a second, of which it shows the end of what a test wants, a second apart.

    Attributes:
        until_s: Where it stops, in seconds after its start.
    """

    name, kind, frozen_after_s = "Demo", "demo", None

    def __init__(self) -> None:
        self.until_s = 5.5
        self._time_s = 0.0

    def open(self) -> DemoAtWill:
        return self

    def read(self) -> Frame:
        time.sleep(1 / 8)
        self._time_s = min(max(self._time_s + 1.0, self.until_s - 2.0), self.until_s)
        return Frame(demo_frame(self._time_s), time.monotonic_ns(), caption=scene_at(self._time_s)[0].caption)

    def close(self) -> None:
        """Does nothing."""


def test_the_demo_shows_a_lion_a_cheetah_and_a_lion_that_writing_turns_into_a_carton(
    serve_session, explainer, open_page
):
    demo = DemoAtWill()
    page = open_page(serve_session(demo, explainer).url)
    scene = part(page, "scene")
    expect(part(page, "label-0")).to_have_text("lion")
    expect(part(page, "source")).to_contain_text("Demo")
    expect(part(page, "percent-0")).to_have_text(re.compile("%$"))
    expect(part(page, "latency")).to_have_text(re.compile("ms$"))
    wait_until(page, lambda: greenness(page) > 3)

    pick(page, "live-target", "teapot")
    expect(part(page, "target")).to_have_text("teapot")
    expect(part(page, "verdict")).to_contain_text("no evidence")
    wait_until(page, lambda: greenness(page) < 1)
    pick(page, "live-target", "the top class")

    canvas = page.locator(".live-stage canvas")
    before = canvas.screenshot()
    demo.until_s = 11.0
    expect(part(page, "label-0")).to_have_text("cheetah")
    expect(part(page, "target")).to_have_text("cheetah")
    assert canvas.screenshot() != before
    expect(scene).to_be_hidden()

    demo.until_s = 20.0
    expect(part(page, "label-0")).to_have_text("carton")
    expect(scene).to_contain_text("Hide the writing with the pointer")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 0.14 * box["width"], box["y"] + 0.717 * box["height"])
    page.wait_for_function("""() => {
      const text = (name) => document.querySelector(`[data-live="${name}"]`).textContent;
      const rank = [0, 1, 2].find((rank) => text(`label-${rank}`) === "lion");
      return rank !== undefined && parseInt(text(`occluded-${rank}`).replace("→", "")) > 50;
    }""")

    demo.until_s = 33.0
    expect(part(page, "label-0")).to_have_text("espresso")
    expect(scene).to_be_hidden()


def test_the_map_moves_to_the_target_and_controls_act_on_a_still_image(
    serve_session, explainer, open_page, gradio_media, tmp_path
):
    images = [Image.open(gradio_media / "images" / name).convert("RGB") for name in ("lion.jpg", "cheetah1.jpg")]
    Image.fromarray(np.hstack([np.asarray(image.resize((400, 400))) for image in images])).save(tmp_path / "pair.png")
    page = open_page(serve_session(create_source(str(tmp_path / "pair.png"), CameraOptions()), explainer).url)
    unfold(page)
    pick(page, "live-target", "lion")
    wait_until(page, lambda: greenness(page, LEFT) > 1.5)
    on_the_cheetah = greenness(page, RIGHT)
    pick(page, "live-target", "cheetah")
    wait_until(page, lambda: greenness(page, RIGHT) > max(4, 2 * on_the_cheetah))
    wait_until(page, lambda: greenness(page, LEFT) < 1)
    pick(page, "live-target", "lion")
    wait_until(page, lambda: greenness(page, LEFT) > 1.5)
    opacity = page.locator("#live-opacity input[type=number]")
    for value, holds in (("0", lambda green: green < 0.5), ("0.7", lambda green: green > 1.5)):
        opacity.fill(value)
        opacity.press("Enter")
        wait_until(page, lambda holds=holds: holds(greenness(page, LEFT)))
    page.get_by_role("button", name="Stop").click()
    expect(part(page, "notice")).to_contain_text("press Start")
    page.get_by_role("button", name="Start").click()
    expect(part(page, "notice")).to_be_hidden()
    wait_frames(page, 1)
