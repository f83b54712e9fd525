"""A person at a browser: a real Chromium, the real network, the real page."""

from __future__ import annotations

import re
import signal
import time

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
LEFT, RIGHT, WHOLE = (0.0, 0.5), (0.5, 1.0), (0.0, 1.0)

# The default colours of the heat map run over green, which neither lion nor cheetah is.
GREENNESS = """([from, to]) => {
  const canvas = document.querySelector(".live-stage canvas");
  const left = Math.round(from * canvas.width), width = Math.round((to - from) * canvas.width);
  const { data } = canvas.getContext("2d").getImageData(left, 0, width, canvas.height);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += Math.max(0, data[i + 1] - data[i]);
  return sum / (data.length / 4);
}"""


# One class, one server: two at once would starve each other on two cores.
@pytest.fixture(scope="class")
def demo(start_live_cam):
    live_cam = start_live_cam("demo")
    yield live_cam
    live_cam.stop()


@pytest.fixture(scope="class")
def pair(start_live_cam, gradio_media, tmp_path_factory):
    """A still picture as the source: a lion on the left, a cheetah on the right."""
    images = [Image.open(gradio_media / "images" / name).convert("RGB") for name in ("lion.jpg", "cheetah1.jpg")]
    picture = np.hstack([np.asarray(image.resize((400, 400))) for image in images])
    path = tmp_path_factory.mktemp("pair") / "pair.png"
    Image.fromarray(picture).save(path)
    live_cam = start_live_cam(path)
    yield live_cam
    live_cam.stop()


def text(page: Page, name: str) -> str:
    return page.locator(f'[data-live="{name}"]').inner_text()


def seq(page: Page) -> int:
    return int(page.locator(".live-stage").get_attribute("data-seq"))


def wait_for_label(page: Page, label: str) -> None:
    expect(page.locator('[data-live="label-0"]')).to_have_text(label, timeout=45_000)


def wait_for_greenness(page: Page, span: tuple[float, float], holds) -> float:
    deadline_s = time.monotonic() + 15
    while not holds(greenness := page.evaluate(GREENNESS, list(span))):
        assert time.monotonic() < deadline_s, f"greenness stays at {greenness}"
        time.sleep(0.05)
    return greenness


def expect_viewers(live_cam, count: int) -> None:
    deadline_s = time.monotonic() + 10
    while httpx.get(f"{live_cam.url}stats").json()["viewers"] != count:
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


class TestDemo:
    """The demo as the source."""

    def test_the_demo_moves_and_its_labels_change_from_lion_to_cheetah(self, demo, open_page, eventually):
        page = open_page(demo.url)
        wait_for_label(page, "lion")
        canvas = page.locator(".live-stage canvas")
        before, number = canvas.screenshot(), seq(page)
        page.wait_for_function(f"document.querySelector('.live-stage').dataset.seq > {number}")
        eventually(lambda: canvas.screenshot() != before)
        wait_for_label(page, "cheetah")
        assert "Demo pictures" in text(page, "source")
        page.wait_for_function("""() => {
          const told = (name) => document.querySelector(`[data-live="${name}"]`).textContent;
          return told("target") === told("label-0");
        }""")
        expect(page.locator('[data-live="percent-0"]')).to_have_text(re.compile("%$"))
        expect(page.locator('[data-live="age"]')).to_have_text(re.compile("ms$"))

    def test_the_picture_and_the_likeliest_class_are_in_sight_without_scrolling(self, demo, open_page, size):
        page = open_page(demo.url)
        for box in (
            page.locator(".live-stage canvas").bounding_box(),
            page.locator('[data-live="label-0"]').bounding_box(),
        ):
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= size["width"]
            assert box["y"] + box["height"] <= size["height"]
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]

    def test_the_target_picker_changes_the_map_of_the_demo(self, demo, open_page, unfold, pick):
        page = open_page(demo.url)
        wait_for_label(page, "lion")
        unfold(page, "ask")
        pick(page, "live-target", "teapot")
        expect(page.locator('[data-live="target"]')).to_have_text("teapot")
        expect(page.locator('[data-live="evidence"]')).to_contain_text("no evidence")
        wait_for_greenness(page, WHOLE, lambda green: green < 1)
        pick(page, "live-target", "the likeliest class")
        wait_for_label(page, "lion")
        wait_for_greenness(page, WHOLE, lambda green: green > 3)

    def test_where_sockets_do_not_pass_the_page_polls(self, demo, open_page):
        page = open_page(demo.url, sockets_pass=False)
        number = seq(page)
        page.wait_for_function(f"document.querySelector('.live-stage').dataset.seq > {number} + 10")

    def test_a_picture_taken_off_the_page_lets_go_of_its_socket(self, demo, open_page):
        page = open_page(demo.url)
        expect_viewers(demo, 1)
        page.evaluate("document.querySelector('.live-stage').remove()")
        expect_viewers(demo, 0)


class TestPair:
    """Two animals side by side, which stand still."""

    def test_the_map_goes_to_the_animal_asked_about(self, pair, open_page, eventually, unfold, pick):
        page = open_page(pair.url)
        unfold(page, "ask")
        pick(page, "live-target", "lion")
        on_the_cheetah = wait_for_greenness(page, LEFT, lambda green: green > 2) and page.evaluate(
            GREENNESS, list(RIGHT)
        )
        pick(page, "live-target", "cheetah")
        assert wait_for_greenness(page, RIGHT, lambda green: green > 4) > 2 * on_the_cheetah
        wait_for_greenness(page, LEFT, lambda green: green < 1)
        pick(page, "live-target", "the likeliest class")
        eventually(lambda: httpx.get(f"{pair.url}settings").json()["target"] is None)

    def test_controls_act_on_the_picture(self, pair, open_page, unfold):
        page = open_page(pair.url)
        wait_for_greenness(page, LEFT, lambda green: green > 2)
        unfold(page, "look")
        page.locator("#live-opacity input[type=number]").fill("0")
        page.locator("#live-opacity input[type=number]").press("Enter")
        wait_for_greenness(page, LEFT, lambda green: green < 0.5)
        page.locator("#live-opacity input[type=number]").fill("0.7")
        page.locator("#live-opacity input[type=number]").press("Enter")
        wait_for_greenness(page, LEFT, lambda green: green > 2)
        page.get_by_role("button", name="Stop").click()
        expect(page.locator('[data-live="notice"]')).to_contain_text("press Start")
        number = seq(page)
        page.get_by_role("button", name="Start").click()
        expect(page.locator('[data-live="notice"]')).to_be_hidden()
        # Below zero is what was shown again on being stopped.
        page.wait_for_function(f"document.querySelector('.live-stage').dataset.seq > {max(number, 0)}")


@pytest.mark.parametrize("size", [DESKTOP], ids=["desktop"])
def test_a_watched_server_ends_within_two_seconds_and_its_page_heals_when_it_is_back(
    start_live_cam, open_page, eventually
):
    first = start_live_cam("demo")
    page = open_page(first.url)
    assert first.stop(signal.SIGTERM) < 2
    expect(page.locator('[data-live="notice"]')).to_contain_text("No connection")
    second = start_live_cam("demo", port=first.port)
    expect(page.locator('[data-live="notice"]')).to_be_hidden(timeout=15_000)
    number = seq(page)
    page.wait_for_function(f"document.querySelector('.live-stage').dataset.seq != {number}")
    polls = []
    page.on("request", lambda request: polls.append(request.url) if "frame.jpg" in request.url else None)
    # It polls for a minute where sockets have failed, before it tries another.
    eventually(lambda: polls.clear() or page.wait_for_timeout(1000) or not polls, within_s=90.0)
    number = seq(page)
    page.wait_for_function(f"document.querySelector('.live-stage').dataset.seq != {number}")
    assert polls == [], "it is back on its socket"
    assert second.stop(signal.SIGINT) < 2


@pytest.mark.parametrize("size", [PHONE], ids=["phone"])
def test_on_a_phone_the_picture_stays_in_sight_while_the_controls_scroll(
    serve_session, fake_source, fake_explainer, open_page, unfold
):
    page = open_page(serve_session(fake_source(), fake_explainer()).url)
    unfold(page, "ask", "look")
    page.locator("#live-colormap").scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    assert page.evaluate("scrollY") > 200
    assert page.locator(".live-stage canvas").bounding_box()["y"] >= 0


@pytest.mark.parametrize("size", [DESKTOP], ids=["desktop"])
def test_the_page_works_behind_a_proxy_that_serves_it_under_a_prefix(
    serve_session, fake_source, fake_explainer, open_page, monkeypatch, unfold
):
    def proxy(app):
        async def strip_prefix(scope, receive, send):
            if scope["type"] != "lifespan":
                if not scope["path"].startswith("/cam/"):
                    await send({"type": "http.response.start", "status": 404, "headers": []})
                    await send({"type": "http.response.body"})
                    return
                path = scope["path"].removeprefix("/cam")
                scope = {**scope, "path": path, "raw_path": path.encode()}
            await app(scope, receive, send)

        return strip_prefix

    monkeypatch.setenv("GRADIO_ROOT_PATH", "/cam")
    site = serve_session(fake_source(), fake_explainer(), wrap=proxy)
    page = open_page(f"{site.url}cam/")
    unfold(page, "look")
    page.locator("#live-opacity input[type=number]").fill("0.2")
    page.locator("#live-opacity input[type=number]").press("Enter")
    deadline_s = time.monotonic() + 10
    while site.session.controls.settings.opacity != 0.2:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_a_page_whose_token_has_changed_says_so_and_heals_once_it_is_loaded_with_the_new_one(
    serve_session, fake_source, fake_explainer, chromium
):
    first = serve_session(fake_source(), fake_explainer(), token="first-token")
    context = chromium.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.goto(f"{first.url}?token=first-token")
    page.wait_for_selector(".live-stage[data-seq]", timeout=20_000)
    first.stop()
    second = serve_session(fake_source(), fake_explainer(), token="second-token", port=first.port)
    notice = page.locator('[data-live="notice"]')
    expect(notice).to_have_text("No picture: load this page again, with its token", timeout=15_000)
    context.new_page().goto(f"{second.url}?token=second-token")
    expect(notice).to_be_hidden(timeout=15_000)
    context.close()
