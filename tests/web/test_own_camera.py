"""A visitor with a camera: a real Chromium whose webcam sees a real photograph, and the real network."""

from __future__ import annotations

import time
import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from live_cam.sources.camera import CameraOptions

pytestmark = pytest.mark.slow

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
# The default colours of the heat map run over green, which no lion is.
GREENNESS = """() => {
  const canvas = document.querySelector(".live-stage canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += Math.max(0, data[i + 1] - data[i]);
  return sum / (data.length / 4);
}"""

NOTE_TRACKS = """
globalThis.tracks = [];
const open = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (open) navigator.mediaDevices.getUserMedia = async (wishes) => {
  const stream = await open(wishes);
  globalThis.tracks.push(...stream.getTracks());
  return stream;
};"""
COLUMNS = """() => {
  const canvas = document.querySelector(".live-stage canvas");
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const sums = Array(width).fill(0);
  for (let i = 0; i < data.length; i += 4) sums[(i / 4) % width] += data[i + 1] / height;
  return sums;
}"""
# What a page sees when its camera is unplugged, and plugged in again three seconds later.
UNPLUG = """() => {
  const open = navigator.mediaDevices.getUserMedia;
  const backMs = performance.now() + 3000;
  navigator.mediaDevices.getUserMedia = async (wishes) => {
    if (performance.now() < backMs) throw new DOMException("gone", "NotFoundError");
    return open(wishes);
  };
  globalThis.tracks.forEach((track) => { track.stop(); track.onended(); });
}"""


@pytest.fixture(scope="module")
def webcam(gradio_media, tmp_path_factory):
    """What the browser takes for its camera: a lion, with the noise that every sensor has."""
    lion = cv2.resize(cv2.imread(str(gradio_media / "images" / "lion.jpg")), (640, 480))
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("webcam") / "lion.y4m"
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg\n")
        for _ in range(10):
            noisy = np.clip(lion.astype(np.int16) + random.integers(-3, 4, lion.shape), 0, 255).astype(np.uint8)
            file.write(b"FRAME\n" + cv2.cvtColor(noisy, cv2.COLOR_BGR2YUV_I420).tobytes())
    return path


@pytest.fixture(scope="module")
def chromium(launch_chromium, webcam):
    fake = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={webcam}"]
    with launch_chromium(*fake) as browser:
        yield browser


@pytest.fixture(scope="module")
def live_cam(start_live_cam):
    started = start_live_cam("browser", "--https", "--visitors", "2", scheme="https", shows=False)
    yield started
    started.stop()


@pytest.fixture
def visit(chromium, live_cam):
    """Opens the page as a visitor does: `visit(size="desktop", permissions=["camera"], url=..., sockets_pass=True)`."""
    contexts, faults = [], []

    def open_(size="desktop", permissions=("camera",), url=live_cam.url, sockets_pass=True):
        contexts.append(
            chromium.new_context(viewport=SIZES[size], permissions=list(permissions), ignore_https_errors=True)
        )
        page = contexts[-1].new_page()
        page.add_init_script(NOTE_TRACKS)
        if not sockets_pass:
            page.route_web_socket("**/frames*", lambda route: route.close())
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []


def show(page):
    page.get_by_role("button", name="Show my camera").click()
    return page


def wait_for_the_lion(page):
    expect(page.locator('[data-live="label-0"]')).to_have_text("lion", timeout=20_000)
    limit_s = time.monotonic() + 10
    while page.evaluate(GREENNESS) < 2:
        assert time.monotonic() < limit_s, "no heat map over the picture"
        time.sleep(0.05)


def wait_for_visitors(live_cam, count):
    limit_s = time.monotonic() + 10
    while (live_cam.stats() or {}).get("viewers") != count:
        assert time.monotonic() < limit_s
        time.sleep(0.05)


@pytest.mark.parametrize("size", SIZES)
def test_a_visitor_sees_the_own_picture_explained_with_its_age_and_stops_it(visit, live_cam, size):
    page = visit(size)
    wait_for_visitors(live_cam, 0)  # nothing is sent before the visitor says so
    wait_for_the_lion(show(page))
    expect(page.locator('[data-live="age"]')).to_contain_text("ms", timeout=5_000)
    assert live_cam.stats()["painted_age_ms"]["p50"] > 0
    assert live_cam.stats()["source"]["state"] == "live"
    box = page.locator(".live-stage").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= SIZES[size]["width"]
    page.locator('[data-live="own-stop"]').click()
    wait_for_visitors(live_cam, 0)
    expect(page.locator('[data-live="notice"]')).to_have_text("The camera is off")
    wait_for_the_lion(show(page))


def test_where_sockets_do_not_pass_pictures_go_up_one_by_one(visit):
    wait_for_the_lion(show(visit(sockets_pass=False)))


def test_each_visitor_turns_only_the_own_controls(visit, unfold, pick):
    one, other = show(visit()), show(visit())
    wait_for_the_lion(one)
    wait_for_the_lion(other)
    unfold(one, "ask")
    pick(one, "live-target", "teapot")
    expect(one.locator('[data-live="target"]')).to_have_text("teapot")
    time.sleep(1)
    expect(other.locator('[data-live="target"]')).to_have_text("lion")


def test_one_visitor_too_many_is_told_and_let_in_when_a_place_is_free(visit, live_cam):
    first, second = show(visit()), show(visit())
    wait_for_visitors(live_cam, 2)
    third = show(visit())
    expect(third.locator('[data-live="notice"]')).to_contain_text("All 2 places are taken", timeout=10_000)
    wait_for_the_lion(first)
    second.close()
    wait_for_the_lion(third)


def test_a_visitor_who_refuses_the_camera_is_told_what_to_do(visit):
    page = show(visit(permissions=()))
    expect(page.locator('[data-live="notice"]')).to_contain_text("may not use the camera", timeout=10_000)
    expect(page.get_by_role("button", name="Show my camera")).to_be_visible()


def test_on_a_page_that_is_not_secure_the_way_to_a_camera_is_told(visit, serve_session, fake_explainer):
    site = serve_session([], fake_explainer(), host="0.0.0.0", token="t", extra_hosts=["cam.example"], most_visitors=2)
    page = visit(url=f"{site.url}?token=t")
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    expect(show(page).locator('[data-live="notice"]')).to_contain_text("--https")


def test_a_camera_that_is_taken_away_is_told_and_comes_back(visit):
    page = show(visit())
    wait_for_the_lion(page)
    seq = int(page.locator(".live-stage").get_attribute("data-seq"))
    page.evaluate(UNPLUG)
    expect(page.locator('[data-live="notice"]')).to_contain_text("camera", timeout=3_000)
    page.wait_for_function(f"document.querySelector('.live-stage').dataset.seq > {seq} + 5", timeout=10_000)
    expect(page.locator('[data-live="notice"]')).to_be_hidden()


def test_a_mirrored_camera_shows_the_lion_the_other_way_round(visit, serve_session, fake_explainer, webcam):
    brightness = {}
    for mirror in (False, True):
        site = serve_session([], fake_explainer(strength=0.0), most_visitors=1, camera=CameraOptions(mirror=mirror))
        page = show(visit(url=site.url))
        page.wait_for_selector(".live-stage[data-seq]")
        brightness[mirror] = np.array(page.evaluate(COLUMNS))
    assert len(brightness[True]) == 640
    assert np.abs(brightness[True] - brightness[False][::-1]).mean() < 4
    assert np.abs(brightness[True] - brightness[False]).mean() > 10


def test_no_camera_stays_on_after_stop_however_fast_the_visitor_presses(visit, serve_session, fake_explainer):
    page = visit(url=serve_session([], fake_explainer(), most_visitors=1).url)
    expect(page.get_by_role("button", name="Show my camera")).to_be_enabled()
    page.evaluate("""() => {
      const press = (name) => document.querySelector(`[data-live="own-${name}"]`).click();
      ["start", "stop", "start", "turn", "turn", "stop", "start", "stop"].forEach(press);
    }""")
    page.wait_for_function("globalThis.tracks.length >= 3")
    page.wait_for_function("globalThis.tracks.every((track) => track.readyState === 'ended')")
    expect(page.locator('[data-live="notice"]')).to_have_text("The camera is off")
    show(page).wait_for_selector(".live-stage[data-seq]")
    assert page.evaluate("globalThis.tracks.filter((track) => track.readyState === 'live').length") == 1


def test_a_visitor_saves_the_own_picture_once_there_is_one(visit, serve_session, fake_explainer):
    page = visit(url=serve_session([], fake_explainer(), most_visitors=1).url)
    page.wait_for_function("document.querySelector('[data-live=snapshot]')?.onclick != null")
    words = page.locator('[data-live="snapshot-words"]')
    page.keyboard.press("s")
    expect(words).to_have_text("No snapshot: show your camera first")
    show(page).wait_for_selector(".live-stage[data-seq]")
    with page.expect_download() as downloading:
        page.keyboard.press("s")
    with zipfile.ZipFile(downloading.value.path()) as archive, archive.open(archive.namelist()[1]) as frame:
        lion = np.asarray(Image.open(frame).convert("RGB"))
    assert lion.shape == (480, 640, 3)
    assert lion.std() > 20


def test_before_a_camera_is_shown_controls_tell_what_holds_and_what_comes_first(
    visit, serve_session, fake_explainer, unfold
):
    site = serve_session([], fake_explainer(), most_visitors=1)
    page = visit(url=site.url)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "top.jpg" in request.url else None)
    toast = page.locator('[data-live="toast"]')
    unfold(page, "ask", "look")
    expect(page.get_by_role("radio", name="Why A", exact=True)).to_be_checked()
    expect(page.locator("#live-target input")).to_have_value("the likeliest class")
    expect(page.locator("#live-opacity input[type=number]")).to_have_value("0.7")
    page.keyboard.press("h")
    expect(toast).to_have_text("Style: contours")
    expect(page.get_by_role("radio", name="Contour lines")).to_be_checked()
    page.get_by_role("radio", name="What speaks against A").click()
    for key, said in {"f": "Not frozen", "p": "No maps", "1": "Nothing to explain"}.items():
        page.keyboard.press(key)
        expect(toast).to_have_text(f"{said}: show your camera first")
    expect(page.get_by_role("button", name="Three maps")).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_role("button", name="Freeze")).to_be_visible()
    assert asked == []
    show(page)
    expect(page.locator('[data-live="caption"]')).to_have_text("against lion", timeout=20_000)
    expect(page.locator('[data-live="legend"]')).to_have_attribute("data-style", "contours")


def test_of_a_camera_that_was_switched_off_neither_rate_nor_age_is_told(visit, serve_session, fake_explainer):
    page = show(visit(url=serve_session([], fake_explainer(), most_visitors=1).url))
    expect(page.locator('[data-live="age"]')).to_contain_text("ms", timeout=20_000)
    expect(page.locator(".live-figures")).to_be_visible()
    page.locator('[data-live="own-stop"]').click()
    expect(page.locator(".live-figures")).to_be_hidden()


def test_no_maps_are_asked_of_a_camera_that_was_switched_off(visit, serve_session, fake_explainer, eventually):
    page = show(visit(url=serve_session([], fake_explainer(), most_visitors=1).url))
    page.wait_for_selector(".live-stage[data-seq]", timeout=20_000)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "top.jpg" in request.url else None)
    page.get_by_role("button", name="Three maps").click()
    expect(page.locator(".live-maps button").first).to_contain_text("lion")
    page.locator('[data-live="own-stop"]').click()
    page.wait_for_timeout(500)
    asked.clear()
    page.wait_for_timeout(1500)
    assert asked == []
    page.locator('[data-live="own-start"]').click()
    eventually(lambda: page.wait_for_timeout(50) or asked)


def test_in_a_kiosk_the_camera_of_whoever_has_left_goes_off(visit, serve_session, fake_explainer):
    page = visit(url=serve_session([], fake_explainer(), most_visitors=1, kiosk=True).url)
    show(page).wait_for_selector(".live-stage[data-seq]", timeout=20_000)
    assert page.evaluate("globalThis.tracks.some((track) => track.readyState === 'live')")
    page.locator(".live-kiosk").evaluate("(root) => (root.dataset.idleS = '1')")
    page.wait_for_function("globalThis.tracks.every((track) => track.readyState === 'ended')")
    expect(page.locator('[data-live="notice"]')).to_have_text("The camera is off")
    expect(page.get_by_role("button", name="Show my camera")).to_be_visible()
