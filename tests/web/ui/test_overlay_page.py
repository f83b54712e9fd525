"""The page for OBS's browser source, whose transparency OBS takes from the page as a screenshot does here."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from live_cam.errors import SourceError
from tests.web.browser import part, wait_for_frame
from tests.web.ui.test_accessibility import violations

pytestmark = pytest.mark.slow

SIZE = {"width": 1280, "height": 720}


def alpha(page):
    """Returns the transparency of the page: uint8 (H, W)."""
    with Image.open(io.BytesIO(page.screenshot(omit_background=True))) as image:
        return np.asarray(image.convert("RGBA"))[..., 3]


def test_it_shows_picture_and_caption_alone_and_nothing_that_is_not_live(tabs, two_cameras, node_folder):
    page = tabs.open(f"{two_cameras.url}overlay?feed=1", SIZE, whole=False)
    wait_for_frame(page)
    expect(part(page, "caption")).to_have_text("lion")
    expect(part(page, "caption-right")).to_be_hidden()
    assert page.locator("main").inner_text() == "lion"
    # Frames are 80x30, so bars are above and below.
    height = round(SIZE["width"] * 30 / 80)
    top = (SIZE["height"] - height) // 2
    opaque = alpha(page)
    assert (opaque[top + 2 : top + height - 2] == 255).all()
    assert not opaque[: top - 2].any()
    assert not opaque[top + height + 2 :].any()
    assert violations(page, node_folder) == []
    two_cameras.sources[1].read_errors = [SourceError("unplugged")] * 1000
    expect(page.locator("main")).to_be_hidden()
    assert not alpha(page).any(), "an old picture is not shown as the present"
    two_cameras.sources[1].read_errors = []
    expect(page.locator("main")).to_be_visible()


def test_another_target_is_named_and_two_overlays_have_two_captions(tabs, site):
    page = tabs.open(f"{site.url}overlay", SIZE, whole=False)
    wait_for_frame(page)
    site.session.settings.change(mode="side_by_side")
    expect(part(page, "caption-right")).to_be_visible()
    boxes = [part(page, name).bounding_box() for name in ("caption", "caption-right")]
    assert boxes[0]["x"] + boxes[0]["width"] < SIZE["width"] / 2 < boxes[1]["x"]
    assert site.session.describe()["viewers"] == 1


@pytest.mark.parametrize("query", ["?feed=9", "?feed=x", "?feed=-1"])
def test_there_is_no_other_feed(two_cameras, query):
    assert two_cameras.http.get(f"overlay{query}").status_code in (404, 422)


def test_visitors_are_not_shown_to_others(visitors):
    assert visitors.http.get("overlay").status_code == 404


def test_it_needs_the_token_and_loads_scripts_of_this_server_only(guarded):
    assert guarded.http.get("overlay").status_code == 401
    page = guarded.http.get("overlay", headers={"Authorization": "Bearer open-sesame-now"})
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
