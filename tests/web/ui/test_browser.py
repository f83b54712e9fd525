"""The page with the real network, and with the real program behind it."""

from __future__ import annotations

import re
import signal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from live_cam.sources.camera import CameraOptions
from live_cam.sources.factory import create_source
from tests.web.browser import greenness, part, pick, unfold, wait_frames, wait_until

pytestmark = pytest.mark.slow

LEFT, RIGHT = (0.0, 0.5), (0.5, 1.0)


@pytest.fixture
def open_source(serve_session, explainer, open_page):
    """Opens the page of a source, explained by the real network."""
    return lambda source: open_page(serve_session(create_source(str(source), CameraOptions()), explainer).url)


def test_the_demo_moves_from_lion_to_cheetah_and_another_target_changes_its_map(open_source, eventually):
    page = open_source("demo")
    expect(part(page, "label-0")).to_have_text("lion")
    wait_until(page, lambda: greenness(page) > 3)
    unfold(page, "explain")
    pick(page, "live-target", "teapot")
    expect(part(page, "target")).to_have_text("teapot")
    expect(part(page, "no-evidence")).to_contain_text("no evidence")
    wait_until(page, lambda: greenness(page) < 1)
    pick(page, "live-target", "the top class")
    canvas = page.locator(".live-stage canvas")
    before = canvas.screenshot()
    wait_frames(page, 1)
    eventually(lambda: canvas.screenshot() != before)
    expect(part(page, "label-0")).to_have_text("cheetah")
    expect(part(page, "source")).to_contain_text("Demo")
    page.wait_for_function("""() => {
      const text = (name) => document.querySelector(`[data-live="${name}"]`).textContent;
      return text("target") === text("label-0");
    }""")
    expect(part(page, "percent-0")).to_have_text(re.compile("%$"))
    expect(part(page, "latency")).to_have_text(re.compile("ms$"))


def test_writing_turns_the_lion_of_the_demo_into_a_carton_and_hiding_it_brings_the_lion_back(open_source):
    page = open_source("demo")
    scene = part(page, "scene")
    expect(part(page, "label-0")).to_have_text("cheetah")
    expect(scene).to_be_hidden()
    expect(part(page, "label-0")).to_have_text("carton")
    expect(scene).to_contain_text("Hide the writing with the pointer")
    box = page.locator(".live-stage canvas").bounding_box()
    page.mouse.move(box["x"] + 0.14 * box["width"], box["y"] + 0.717 * box["height"])
    page.wait_for_function("""() => {
      const text = (name) => document.querySelector(`[data-live="${name}"]`).textContent;
      const rank = [0, 1, 2].find((rank) => text(`label-${rank}`) === "lion");
      return rank !== undefined && parseInt(text(`occluded-${rank}`).replace("→", "")) > 50;
    }""")
    expect(part(page, "label-0")).to_have_text("espresso")
    expect(scene).to_be_hidden()


def test_the_map_moves_to_the_target_and_controls_act_on_a_still_image(open_source, gradio_media, tmp_path):
    images = [Image.open(gradio_media / "images" / name).convert("RGB") for name in ("lion.jpg", "cheetah1.jpg")]
    Image.fromarray(np.hstack([np.asarray(image.resize((400, 400))) for image in images])).save(tmp_path / "pair.png")
    page = open_source(tmp_path / "pair.png")
    unfold(page, "explain", "overlay")
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


def test_the_program_ends_while_it_is_watched(start_live_cam, open_page):
    live_cam = start_live_cam("demo")
    page = open_page(live_cam.url)
    live_cam.stop(signal.SIGTERM)
    expect(part(page, "notice")).to_contain_text("No connection")
