"""A visitor whose device has a front and a back camera, as phones do: a real Chromium with two cameras of its own."""

import pytest

pytestmark = pytest.mark.slow

# Notes the tracks that the page has opened.
NOTE_TRACKS = """
globalThis.tracks = [];
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wishes) => {
  const stream = await open(wishes);
  globalThis.tracks.push(...stream.getTracks());
  return stream;
};"""


@pytest.fixture(scope="module")
def chromium(launch_chromium):
    with launch_chromium("--use-fake-device-for-media-stream=device-count=2") as browser:
        yield browser


def test_the_visitor_changes_between_the_cameras(chromium, serve_session, fake_explainer):
    page = chromium.new_context(permissions=["camera"]).new_page()
    page.add_init_script(NOTE_TRACKS)
    page.goto(serve_session([], fake_explainer(), most_visitors=1).url)
    page.get_by_role("button", name="Show my camera").click()
    page.wait_for_selector(".live-stage[data-seq]")
    page.get_by_role("button", name="Other camera").click()
    page.wait_for_function("globalThis.tracks.length === 2")
    assert page.evaluate("globalThis.tracks.map((track) => track.readyState)") == ["ended", "live"]
    page.keyboard.press("x")
    page.wait_for_function("globalThis.tracks.length === 3")
    seq = int(page.locator(".live-stage").get_attribute("data-seq"))
    page.wait_for_function(f"document.querySelector('.live-stage').dataset.seq > {seq} + 3")
