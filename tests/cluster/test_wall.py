"""The wall: real actors on a cluster, one of which is killed, and its page in a real browser."""

import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from live_cam.cli.cluster import create_explainer
from live_cam.cli.options import ExplainerOptions
from live_cam.errors import UsageError
from live_cam.sources.wall_list import ListedCamera, read_camera_list
from live_cam.web.api.messages import unpack
from live_cam.web.listener import bind
from live_cam.web.server import LiveServer
from scripts.benchmarks.simulated_camera import SimulatedCamera
from tests.web.browser import launch
from tests.web.ui.test_accessibility import violations

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]

_HOSTILE = "<img src=x onerror=alert(1)> ${1+1} {{2}}"
_TOKEN = "open-sesame-now"
_LIMIT_S = 60
_LOST_LIMIT_S = 3.0
_CAMERAS_N = 5


@pytest.fixture(scope="module")
def site(cluster, model) -> Iterator[tuple[object, str]]:
    """A wall of five cameras that deliver and one that does not, and its address."""
    from live_cam.cluster.camera_actor import LIVE_BATCH_SIZE
    from live_cam.cluster.connection import connected
    from live_cam.cluster.wall import Wall
    from live_cam.web.wall_app import WallApp

    cameras = [SimulatedCamera(f"Gate {number}", 4, (320, 240)) for number in range(_CAMERAS_N)]
    missing = ListedCamera(_HOSTILE, "/there/is/no.mp4")
    options = ExplainerOptions(model=str(model), preprocess="0..1")
    make = partial(create_explainer, options, Path.cwd(), batch_size=LIVE_BATCH_SIZE, smooth=True)
    with connected(cluster), Wall([*cameras, missing], make) as wall, bind("127.0.0.1", 0) as listener:
        server = LiveServer(WallApp(wall, "127.0.0.1", _TOKEN), wall)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            _wait(lambda: _live(wall) == _CAMERAS_N)
            yield wall, url
        finally:
            server.handle_exit()
            thread.join()


def _wait(condition, limit_s=_LIMIT_S) -> float:
    """Waits until a condition holds; returns how long."""
    start_s = time.monotonic()
    while not condition():
        assert time.monotonic() - start_s < limit_s
        time.sleep(0.02)
    return time.monotonic() - start_s


def _live(wall) -> int:
    return [report.state for report in wall.reports.values()].count("live")


def test_the_page_shows_all_small_and_each_large(site, playwright, node_folder):
    wall, url = site
    with launch(playwright) as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        page.goto(f"{url}?token={_TOKEN}")
        expect(page.locator("#wall li[data-painted]")).to_have_count(_CAMERAS_N)
        expect(page.locator("#count")).to_have_text("5 of 6 cameras live")
        expect(page.locator("#wall .name")).to_have_text([*(f"Gate {n}" for n in range(_CAMERAS_N)), _HOSTILE])
        expect(page.locator("#wall li").nth(_CAMERAS_N).locator(".message")).to_contain_text("no.mp4")
        tile = page.locator("#wall li").nth(1)
        assert tile.locator("canvas").get_attribute("width") == "240"
        assert tile.locator(".answer").text_content().endswith(" %")
        painted = int(tile.get_attribute("data-painted"))
        page.wait_for_function("(n) => document.querySelectorAll('#wall li')[1].dataset.painted > n + 1", arg=painted)
        assert violations(page, node_folder) == []
        tile.locator("button").click()
        large = page.locator("dialog[open]")
        expect(large.locator("h2")).to_have_text("Gate 1")
        page.wait_for_function("() => document.querySelector('dialog').dataset.painted > 2")
        assert large.locator("canvas").get_attribute("width") == "320"
        assert violations(page, node_folder) == []
        page.keyboard.press("Escape")
        expect(large).to_have_count(0)
        _wait(lambda: not wall.large.newer(range(6), 0))  # nobody looks, so nothing is fetched
        assert problems == []


def test_a_lost_worker_costs_its_cameras_three_seconds_and_is_told(site, kill_worker, monkeypatch):
    wall, url = site
    get = partial(httpx.get, headers={"Authorization": f"Bearer {_TOKEN}"})

    def look():
        return unpack(get(f"{url}wall", params={"first": 0, "count": 6}).content)[0]

    told = []
    move = wall._move

    def look_and_move(numbers):
        if numbers:
            told.append(look())
        move(numbers)

    _wait(lambda: _live(wall) == _CAMERAS_N)
    homes = dict(wall._at)
    monkeypatch.setattr(wall, "_move", look_and_move)  # after which they may be shown within 0.1 s
    kill_worker("CameraActor")
    killed_s = time.monotonic()
    _wait(lambda: told)  # a camera alone may be late on a busy machine, which is no loss of a worker
    assert "A worker was lost" in told[0]["notice"]
    assert any("another takes over" in camera["message"] for camera in told[0]["cameras"])
    _wait(lambda: _live(wall) == _CAMERAS_N)
    assert time.monotonic() - killed_s <= _LOST_LIMIT_S
    assert len({id(worker) for worker in wall._at.values()}) == 1
    # The worker is started again, and shows its own cameras as before.
    _wait(lambda: wall._at == homes and wall.notice == "")
    _wait(lambda: _live(wall) == _CAMERAS_N)
    assert look()["notice"] == ""
    assert get(f"{url}healthz").text == "ok"


def test_nobody_without_the_token_or_of_another_site_sees_a_camera(site):
    _, url = site
    access = {"Authorization": f"Bearer {_TOKEN}"}
    for path in ("", "wall?count=6", "large.jpg?camera=0"):
        assert httpx.get(url + path).status_code == 401
        assert httpx.get(url + path, headers={**access, "Origin": "https://evil.example"}).status_code == 403
        assert httpx.get(url + path, headers={**access, "Host": "evil.example"}).status_code == 403
    health = httpx.get(f"{url}healthz")
    assert (health.status_code, health.text) == (200, "")
    assert httpx.get(f"{url}large.jpg?camera=6", headers=access).status_code == 404
    for query in ("first=-1", "count=401", "after=-1", "count=x"):
        assert httpx.get(f"{url}wall?{query}", headers=access).status_code == 422
    assert unpack(httpx.get(f"{url}wall?first=99&count=400", headers=access).content)[0]["cameras"] == []


def test_a_list_names_cameras_without_their_passwords(tmp_path):
    path = tmp_path / "cameras.txt"
    path.write_text(
        "# all gates\n\nrtsp://user:secret@10.0.0.9/live?a=b\nNorth gate = http://10.0.0.8/x?y=z\ndemo\n0\n", "utf-8"
    )
    cameras = read_camera_list(path)
    assert [camera.name for camera in cameras] == ["rtsp://10.0.0.9/live", "North gate", "demo", "0"]
    assert [camera.spec for camera in cameras][:2] == [
        "rtsp://user:secret@10.0.0.9/live?a=b",
        "http://10.0.0.8/x?y=z",
    ]
    assert "secret" not in repr(cameras)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# none\n", "names 0 cameras"),
        (b"demo\nftp://user:secret@host/\n", "line 2: ftp:// URLs can't be opened"),
        (b"\xff\xfe\x00", "is not text in UTF-8"),
        (None, "can't be read"),
    ],
)
def test_a_list_that_is_none_is_one_line(tmp_path, content, message):
    path = tmp_path / "cameras.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as raised:
        read_camera_list(path)
    assert "secret" not in str(raised.value)


def test_a_wall_does_nothing_else(live_cam, tmp_path):
    assert "leave out --record and --kiosk" in live_cam("--ray", "x.txt", "--record", "a.mp4", "--kiosk").error(2)
    assert "leave out --view and --teach" in live_cam("--ray", "x.txt", "--teach", "--view", "raw").error(2)
    assert "give it" in live_cam("--ray", "10.0.0.5:6379").error(2)
    assert "no.txt can't be read" in live_cam("serve", "no.txt", "--ray").error(2)
