"""Nobody but those who may sees the camera or steers it."""

from __future__ import annotations

import socket
from urllib.parse import quote

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from live_cam.web.access import AccessGuard, is_loopback

TOKEN = "open-sesame"
ROUTES = [
    "",
    "stats",
    "healthz",
    "snapshot.jpg",
    "frame.jpg",
    "stream.mjpg",
    "viewer.js",
    "own_camera.js",
    "config",
    "gradio_api/info",
]
SOCKET_HEADERS_FROM_ELSEWHERE = [
    {"Host": "evil.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
]


@pytest.fixture
def guarded_site(serve_session, fake_source, fake_explainer, eventually):
    """A site that listens as if on the network, where a token is demanded."""
    running = serve_session(fake_source(), fake_explainer(), host="0.0.0.0", token=TOKEN, extra_hosts=["cam.example"])
    eventually(lambda: running.session.feeds[0].hub.newest is not None)
    return running


def socket_url(site) -> str:
    return f"ws://127.0.0.1:{site.port}/frames"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "evil.example"}, id="rebound name"),
        pytest.param({"Host": "192.168.1.5:7860"}, id="another address"),
        pytest.param({"Host": "[broken"}, id="broken name"),
        pytest.param({"Origin": "https://evil.example"}, id="other origin"),
        pytest.param({"Origin": "http://localhost:3000"}, id="other port"),
        pytest.param({"Origin": "null"}, id="sandboxed frame"),
        pytest.param(
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, id="img"
        ),
        pytest.param(
            {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, id="iframe"
        ),
    ],
)
def test_no_route_answers_a_page_of_another_site(site, headers):
    for route in ROUTES:
        with httpx.stream("GET", site.url + route, headers=headers) as answer:
            assert answer.status_code == 403, route
            assert b"\xff\xd8" not in answer.read()


def test_another_site_cannot_post_to_the_controls(site):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert httpx.post(f"{site.url}gradio_api/queue/join", json={}, headers=headers).status_code == 403


def test_a_link_on_another_site_may_lead_a_person_to_the_page(site):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert httpx.get(site.url, headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_the_page_answers_under_every_name_of_this_machine(site, name):
    host = f"{name}:{site.port}"
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert httpx.get(f"{site.url}stats", headers=headers).status_code == 200


@pytest.mark.parametrize("headers", SOCKET_HEADERS_FROM_ELSEWHERE)
def test_a_socket_from_another_site_is_refused(site, headers):
    # A socket of our own, since the client would overwrite the Host header.
    lines = {
        "Host": f"127.0.0.1:{site.port}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **headers,
    }
    with socket.create_connection(("127.0.0.1", site.port), 5) as raw:
        request = "GET /frames HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
        raw.sendall(request.encode())
        assert raw.recv(1000).split()[1] == b"403"


def test_answers_forbid_framing_and_embedding(site):
    headers = httpx.get(f"{site.url}snapshot.jpg").headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Content-Security-Policy"] == "frame-ancestors 'self'"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("path", ["/etc/passwd", "pyproject.toml", "../pyproject.toml"])
def test_the_page_gives_no_files_of_the_machine(site, path):
    answer = httpx.get(f"{site.url}gradio_api/file={path}")
    assert answer.status_code in (403, 404)
    assert "root:" not in answer.text
    assert "live_cam" not in answer.text


def test_a_further_name_means_that_others_come_by_and_demands_a_token():
    with pytest.raises(ValueError, match="demands a token"):
        AccessGuard(lambda *_: None, "127.0.0.1", None, ["cam.example"])


def test_listening_beyond_this_machine_without_a_token_is_impossible():
    with pytest.raises(ValueError, match="demands a token"):
        AccessGuard(lambda *_: None, "0.0.0.0", None)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.2", False),
        ("cam.example", False),
    ],
)
def test_what_counts_as_this_machine_alone(host, loopback):
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("given", ["", "?token=wrong", "?token="])
def test_every_route_demands_the_token(guarded_site, given):
    for route in ROUTES:
        answer = httpx.get(f"{guarded_site.url}{route}{given}")
        assert answer.status_code == 401, route
        assert TOKEN not in answer.text


def test_a_socket_demands_the_token(guarded_site):
    with pytest.raises(InvalidStatus) as refused, connect(socket_url(guarded_site), proxy=None):
        pass
    assert refused.value.response.status_code == 403
    with connect(
        socket_url(guarded_site), proxy=None, additional_headers={"Authorization": f"Bearer {TOKEN}"}
    ) as opened:
        assert isinstance(opened.recv(timeout=5), bytes)


def test_a_token_in_the_address_becomes_a_cookie_and_leaves_the_address_bar(guarded_site):
    with httpx.Client(headers={"Accept": "text/html"}, follow_redirects=True) as browser:
        answer = browser.get(f"{guarded_site.url}?token={TOKEN}&view=big")
        assert answer.status_code == 200
        assert answer.url == f"{guarded_site.url}?view=big"
        cookie = answer.history[0].headers["set-cookie"].casefold()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert browser.get(f"{guarded_site.url}snapshot.jpg").headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("foreign", ['x={"a": 1}', "foo[bar]=1", "n=\u00e9", "a/b=1", "=", ";;"])
def test_cookies_of_other_servers_on_this_host_lock_nobody_out(guarded_site, foreign):
    answer = httpx.get(f"{guarded_site.url}?token={TOKEN}", headers={"Accept": "text/html"})
    own = answer.headers["set-cookie"].partition(";")[0]
    assert TOKEN not in own, "every server on this host sees its cookies"
    for cookies in (f"{foreign}; {own}", f"{own}; {foreign}"):
        headers = {"Cookie": cookies.encode("latin-1")}
        assert httpx.get(f"{guarded_site.url}stats", headers=headers).status_code == 200


def test_any_text_will_do_for_a_token(serve_session, fake_source, fake_explainer, eventually):
    token = "a+b&c=d #%\u2713"
    site = serve_session(fake_source(), fake_explainer(), host="0.0.0.0", token=token)
    eventually(lambda: site.session.feeds[0].hub.newest is not None)
    with httpx.Client(headers={"Accept": "text/html"}, follow_redirects=True) as browser:
        assert browser.get(f"{site.url}?token={quote(token, safe='')}").status_code == 200


def test_a_token_in_the_address_of_a_picture_leads_to_that_picture(guarded_site):
    with httpx.Client(headers={"Accept": "text/html"}, follow_redirects=True) as browser:
        answer = browser.get(f"{guarded_site.url}snapshot.jpg?token={TOKEN}")
        assert answer.url == f"{guarded_site.url}snapshot.jpg"
        assert answer.headers["content-type"] == "image/jpeg"


def test_tools_pass_with_a_bearer_token_or_the_token_in_the_address(guarded_site):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"{guarded_site.url}stats", headers=headers).status_code == 200
    assert httpx.get(f"{guarded_site.url}stats?token={TOKEN}").status_code == 200


def test_a_person_without_a_token_is_asked_for_it(guarded_site):
    answer = httpx.get(guarded_site.url, headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 401
    assert 'name="token"' in answer.text


def test_words_of_the_address_come_along_when_the_token_is_sent_and_are_no_markup(guarded_site):
    query = {"target": "lion", "style": '"><script>alert(1)</script>', '"><b>': "{others}"}
    asked = httpx.get(guarded_site.url, params=query, headers={"Accept": "text/html"})
    assert '<input type="hidden" name="target" value="lion">' in asked.text
    assert asked.text.count("<script>") == asked.text.count("<b>") == 0
    assert asked.text.count("<input") == 4
    assert "not the token" not in asked.text
    wrong = httpx.get(guarded_site.url, params={**query, "token": "wrong"}, headers={"Accept": "text/html"})
    assert "not the token" in wrong.text
    assert wrong.text.count("<input") == 4


def test_the_token_does_not_open_the_door_to_a_rebound_name(guarded_site):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"{guarded_site.url}stats", headers={**headers, "Host": "evil.example"}).status_code == 403
    assert httpx.get(f"{guarded_site.url}stats", headers={**headers, "Host": "192.168.1.5:7860"}).status_code == 200
    assert httpx.get(f"{guarded_site.url}stats", headers={**headers, "Host": "cam.example"}).status_code == 200
