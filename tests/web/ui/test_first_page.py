"""The page that is there while Gradio is being imported, and how it becomes Gradio's."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, expect

from live_cam.errors import AccessDeniedError, SourceError
from live_cam.sources.camera import CameraOptions
from tests.web.browser import (
    WHOLE,
    both_sizes,
    part,
    pixels,
    wait_for_frame,
    wait_frames,
    wait_until,
    wait_until_mounted,
)
from tests.web.sites import TOKEN, Site

pytestmark = pytest.mark.slow

GRADIO_PATHS = ("theme.css", "manifest.json", "gradio_api/info")


@pytest.fixture
def starting(serve_session, fake_source, fake_explainer) -> Callable[..., Site]:
    """Starts a site that has its first page alone."""

    def start(sources: Any = None, **options: Any) -> Site:
        sources = fake_source(rate_fps=5.0) if sources is None else sources
        return serve_session(sources, fake_explainer(), loads_page=False, **options)

    return start


@pytest.fixture
def screens() -> Iterator[Callable[[Page], list[bytes]]]:
    """Notes each picture that a page shows from now on."""
    sessions = []

    def note(page: Page) -> list[bytes]:
        shown: list[bytes] = []
        session = page.context.new_cdp_session(page)
        sessions.append(session)

        def on_frame(frame: dict[str, Any]) -> None:
            shown.append(base64.b64decode(frame["data"]))
            if session in sessions:
                session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

        session.on("Page.screencastFrame", on_frame)
        session.send("Page.startScreencast", {"format": "png", "everyNthFrame": 1})
        return shown

    yield note
    for session in [*sessions]:
        sessions.remove(session)
        session.detach()


def whole(page: Page) -> Page:
    """Waits until Gradio's page has taken the place of the first."""
    page.wait_for_function(WHOLE)
    return wait_until_mounted(page)


@both_sizes
def test_frames_and_classes_are_shown_and_stay_where_they_are_in_gradios_page(starting, tabs, size):
    site = starting()
    page = tabs.open(f"{site.url}?unknown=1#here", size, whole=False)
    wait_frames(page, 3)
    expect(part(page, "label-0")).to_have_text("lion")
    expect(part(page, "source")).to_have_text(site.source.name)
    expect(page.get_by_role("radio", name="Why lion?")).to_be_checked()
    stage, label = page.locator(".live-stage").bounding_box(), part(page, "label-0").bounding_box()
    site.app.load_page()
    whole(page)
    assert page.url == f"{site.url}?unknown=1#here"
    assert page.locator(".live-stage").bounding_box() == pytest.approx(stage, abs=1)
    assert part(page, "label-0").bounding_box()["y"] == pytest.approx(label["y"], abs=12)


def test_the_picture_never_leaves_the_screen_while_gradios_page_comes(starting, tabs, screens):
    site = starting()
    page = tabs.open(site.url, whole=False)
    wait_frames(page, 2)
    shown = screens(page)
    site.app.load_page()
    whole(page)
    wait_frames(page, 2)
    assert len(shown) > 5
    for png in shown:
        picture = pixels(png)
        height, width = picture.shape[:2]
        assert picture[height // 3 : height // 2, width // 4 : width // 2].mean() < 200, "the background is 250"


def test_gradios_page_has_the_classes_of_a_frozen_view(starting, tabs):
    site = starting()
    page = tabs.open(site.url, whole=False)
    wait_for_frame(page)
    site.session.settings.change(frozen=True)
    expect(part(page, "frozen")).to_be_visible()
    site.app.load_page()
    whole(page)
    expect(part(page, "label-0")).to_have_text("lion")
    expect(part(page, "caption")).to_have_text("lion")


def test_gradios_page_can_have_a_camera_tried_again(starting, tabs, fake_source):
    source = fake_source(rate_fps=5.0)
    site = starting(source)
    page = tabs.open(site.url, whole=False)
    wait_for_frame(page)
    site.app.load_page()
    whole(page)
    source.open_errors = [AccessDeniedError("Camera denies access; check user name and password")]
    source.read_errors = [SourceError("Camera is gone")]
    page.get_by_role("button", name="Try now").click()
    wait_frames(page)
    assert len(source.opened_at_s) == 3


def test_a_link_is_applied_by_gradios_page_and_a_class_chosen_on_the_first_one_stays(starting, tabs):
    site = starting()
    page = tabs.open(f"{site.url}?colormap=inferno", whole=False)
    wait_for_frame(page)
    part(page, "label-1").click()
    expect(part(page, "caption")).to_have_text("cheetah")
    site.app.load_page()
    whole(page)
    wait_until(page, lambda: site.settings.colormap == "inferno")
    expect(part(page, "caption")).to_have_text("cheetah")


def test_it_is_dark_if_the_system_is(starting, tabs):
    page = tabs.open("about:blank")
    page.emulate_media(color_scheme="dark")
    tabs.go(page, starting().url, whole=False)
    wait_for_frame(page)
    assert pixels(page.screenshot())[-60:, :8].mean() < 60


def test_a_visitors_camera_waits_for_gradios_page(starting, tabs):
    site = starting([], max_visitors=2)
    page = tabs.open(site.url, camera=True, whole=False)
    expect(part(page, "own-start")).to_be_disabled()
    site.app.load_page()
    part(page, "own-start").click()
    wait_for_frame(page)


def test_several_sources_are_shown_side_by_side(starting, tabs, fake_source):
    site = starting([fake_source(name="Front door", rate_fps=5.0), fake_source(name="Back door", rate_fps=5.0)])
    page = tabs.open(site.url, whole=False)
    expect(page.locator(".live-stage[data-seq]")).to_have_count(2)


def test_a_kiosk_that_records_says_so_at_once_and_applies_no_link(starting, tabs):
    site = starting(kiosk=True, is_recorded=True)
    page = tabs.open(f"{site.url}?colormap=inferno", whole=False)
    notice = page.get_by_text("This camera is recorded")
    expect(notice).to_be_visible()
    site.app.load_page()
    wait_for_frame(page)
    page.wait_for_function(WHOLE)
    expect(notice).to_be_visible()
    assert site.settings.colormap == "viridis"


def test_it_runs_scripts_of_the_server_alone_and_its_token_is_required(starting):
    site = starting(host="0.0.0.0", token=TOKEN)
    assert site.http.get("").status_code == 401
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for method in ("GET", "HEAD"):
        response = site.http.request(method, "", headers=bearer)
        assert response.status_code == 200
        assert "script-src 'self' 'unsafe-eval';" in response.headers["content-security-policy"]
    assert site.http.post("", headers=bearer).status_code == 405
    assert site.http.get("", headers=bearer | {"Host": "elsewhere.example"}).status_code == 403


def test_nothing_of_gradios_is_there_before_its_page_and_only_what_the_page_requests_afterwards(starting):
    site = starting()
    assert [site.http.get(path).status_code for path in GRADIO_PATHS] == [404, 404, 404]
    assert site.http.get("stats").status_code == 200
    site.app.load_page()
    assert [site.http.get(path).status_code for path in GRADIO_PATHS] == [200, 200, 404]
    page = site.http.get("", headers={"X-Live-Cam-Page": "gradio"})
    assert "gradio_config" in page.text
    assert "unsafe-eval" in page.headers["content-security-policy"]


def test_a_page_that_can_not_be_built_is_reported(starting, monkeypatch, eventually):
    site, reports = starting(), []
    monkeypatch.setattr("live_cam.web.ui.page.build_page", lambda *_: 1 / 0)
    site.app.load_page_in_background(on_failure=lambda: reports.append(site.app.failure))
    eventually(lambda: reports)
    assert isinstance(reports[0], ZeroDivisionError)


def test_the_pages_of_two_sites_are_built_at_the_same_time(session):
    from live_cam.web.ui.page import mount_page

    apps = [FastAPI() for _ in range(4)]
    with ThreadPoolExecutor(len(apps)) as pool:
        list(pool.map(lambda app: mount_page(app, session, CameraOptions(), False, False), apps))
    assert all(len(app.routes) == len(apps[0].routes) for app in apps)
