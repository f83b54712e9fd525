"""Access: names of the server, origins, and the token."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import quote

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from live_cam.errors import SourceError, UsageError
from live_cam.web.security.access import AccessGuard, check_token, is_loopback
from live_cam.web.ui.scripts import FOLDER
from tests.clocks import FakeClock
from tests.web.sites import TOKEN
from tests.web.viewers import watch

pytestmark = pytest.mark.slow

ROUTES = [
    "",
    "stats",
    "snapshot.jpg",
    "frame.jpg",
    "stream.mjpg",
    f"{FOLDER}viewer.js",
    f"{FOLDER}own_camera.js",
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
def person(guarded):
    """A browser's client: follows redirects and keeps cookies."""
    with httpx.Client(
        base_url=guarded.url, headers={"Accept": "text/html"}, follow_redirects=True, verify=False
    ) as client:
        yield client


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
def test_every_route_refuses_a_page_of_another_site(site, headers):
    for route in ROUTES:
        with site.http.stream("GET", route, headers=headers) as response:
            assert response.status_code == 403, route
            assert b"\xff\xd8" not in response.read()


def test_another_site_cannot_post_to_the_controls(site):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert site.http.post("gradio_api/queue/join", json={}, headers=headers).status_code == 403


def test_a_link_on_another_site_may_lead_to_the_page(site):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert site.http.get("", headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_the_page_is_served_under_every_name_of_this_machine(site, name):
    host = f"{name}:{site.port}"
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert site.http.get("stats", headers=headers).status_code == 200


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


def test_responses_forbid_framing_and_embedding(site):
    headers = site.http.get("snapshot.jpg").headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("path", ["/etc/passwd", "pyproject.toml", "../pyproject.toml"])
def test_no_files_of_the_machine_are_served(site, path):
    response = site.http.get(f"gradio_api/file={path}")
    assert response.status_code in (403, 404)
    assert "root:" not in response.text
    assert "live_cam" not in response.text


def test_a_further_name_requires_a_token():
    with pytest.raises(ValueError, match="requires a token"):
        AccessGuard(lambda *_: None, "127.0.0.1", None, ["cam.example"])


def test_listening_beyond_this_machine_requires_a_token():
    with pytest.raises(ValueError, match="requires a token"):
        AccessGuard(lambda *_: None, "0.0.0.0", None)


FRAMED_ELSEWHERE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        (FRAMED_ELSEWHERE, 200),
        ({"Host": "evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 403),
    ],
)
def test_a_public_server_needs_no_token_and_can_be_framed_but_stays_closed_to_scripts_of_others(headers, status):
    guard = AccessGuard(_ok, "0.0.0.0", None, ["me.space.example"], is_public=True)
    response = ask(guard, {"Host": "me.space.example"} | headers)
    assert response.status_code == status
    assert "frame-ancestors *" in response.headers["Content-Security-Policy"]


def test_other_sites_frame_no_page_that_is_not_public():
    assert ask(AccessGuard(_ok, "127.0.0.1", None), FRAMED_ELSEWHERE).status_code == 403


def ask(guard: AccessGuard, headers: dict[str, str]) -> httpx.Response:
    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://127.0.0.1") as client:
            return await client.get("/", headers=headers)

    return asyncio.run(get())


@pytest.mark.parametrize(
    ("host", "extra_hosts", "token", "fragments"),
    [
        ("0.0.0.0", [], "12345", ["0.0.0.0", "5 characters", "at least 12", "--token"]),
        ("0.0.0.0", [], "elevenchars", ["11 characters"]),
        ("127.0.0.1", ["cam.example"], "12345", ["cam.example"]),
        ("127.0.0.1", [], "", ["empty", "--token"]),
        ("127.0.0.1", [], " ", ["empty"]),
    ],
)
def test_a_token_that_can_be_guessed_is_refused(host, extra_hosts, token, fragments):
    with pytest.raises(UsageError) as error:
        check_token(host, token, extra_hosts)
    assert all(fragment in str(error.value) for fragment in fragments)
    assert not token.strip() or token not in str(error.value)
    with pytest.raises(UsageError):
        AccessGuard(lambda *_: None, host, token, extra_hosts)


@pytest.mark.parametrize(("host", "token"), [("127.0.0.1", "a"), ("0.0.0.0", "twelve chars"), ("127.0.0.1", None)])
def test_other_tokens_are_accepted(host, token):
    check_token(host, token, [])


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
def test_loopback_addresses_are_recognised(host, loopback):
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("given", ["", "?token="])
def test_every_route_requires_the_token_and_says_where_it_is(guarded, given):
    for route in ROUTES:
        response = guarded.http.get(f"{route}{given}")
        assert response.status_code == 401, route
        assert TOKEN not in response.text
        assert len(response.text.splitlines()) == 1
        assert "where it is started" in response.text


def test_a_socket_requires_the_token(guarded):
    with pytest.raises(InvalidStatus) as refused, watch(guarded):
        pass
    assert refused.value.response.status_code == 403
    with watch(guarded, additional_headers={"Authorization": f"Bearer {TOKEN}"}) as opened:
        assert isinstance(opened.recv(timeout=15), bytes)


def test_a_token_in_the_url_becomes_a_cookie_and_leaves_the_address_bar(guarded, person):
    response = person.get(f"?token={TOKEN}&view=big")
    assert response.status_code == 200
    assert response.url == f"{guarded.url}?view=big"
    cookie = response.history[0].headers["set-cookie"].casefold()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert f"live_cam_{guarded.port}=" in cookie, "each port has its own"
    assert "path=" not in cookie, "that of the page, which only the browser knows"
    assert person.get("snapshot.jpg").headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("foreign", ['x={"a": 1}', "foo[bar]=1", "n=\u00e9", "a/b=1", "=", ";;"])
def test_cookies_of_other_servers_on_this_host_lock_nobody_out(guarded, foreign):
    response = guarded.http.get(f"?token={TOKEN}", headers={"Accept": "text/html"})
    own = response.headers["set-cookie"].partition(";")[0]
    ended = f"{own.partition('=')[0]}=ended"
    for cookies in (f"{foreign}; {own}", f"{own}; {foreign}", f"{own}; {ended}", f"{ended}; {own}"):
        headers = {b"Cookie": cookies.encode("latin-1")}
        assert guarded.http.get("stats", headers=headers).status_code == 200


def test_the_cookie_is_random_and_says_nothing_of_the_token(guarded):
    cookies = [
        guarded.http.get(f"?token={TOKEN}", headers={"Accept": "text/html"}).headers["set-cookie"] for _ in range(2)
    ]
    first, second = (cookie.partition("=")[2].partition(";")[0] for cookie in cookies)
    assert len(first) == 43, "256 bits"
    assert first != second


def test_a_session_ends_with_the_server(serve_session, fake_source, fake_explainer):
    first = serve_session(fake_source(), fake_explainer(), token=TOKEN)
    cookie = first.http.get(f"?token={TOKEN}", headers={"Accept": "text/html"}).headers["set-cookie"].partition(";")[0]
    assert first.http.get("stats", headers={"Cookie": cookie}).status_code == 200
    first.stop()
    second = serve_session(fake_source(), fake_explainer(), token=TOKEN, port=first.port)
    assert second.http.get("stats", headers={"Cookie": cookie}).status_code == 401


def test_behind_a_proxy_with_a_prefix_the_cookie_goes_to_that_prefix_only(serve_session, fake_source, fake_explainer):
    def proxy(app):
        async def strip_prefix(scope, receive, send):
            if scope["type"] == "http":
                path = scope["path"].removeprefix("/cam")
                scope = {**scope, "path": path, "raw_path": path.encode()}
            await app(scope, receive, send)

        return strip_prefix

    site = serve_session(fake_source(), fake_explainer(), token=TOKEN, wrap=proxy)
    with httpx.Client(base_url=site.url, headers={"Accept": "text/html"}, follow_redirects=True) as person:
        assert person.get(f"cam/?token={TOKEN}").status_code == 200
        assert person.get("cam/stats").status_code == 200
        assert person.get("stats").status_code == 401


async def _ok(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


def test_guessing_is_slowed_down_and_says_for_how_long():
    clock = FakeClock()
    guard = AccessGuard(_ok, "0.0.0.0", TOKEN, clock=clock)

    async def ask(query: str, address: str = "192.168.1.7", **headers: str) -> httpx.Response:
        transport = httpx.ASGITransport(guard, client=(address, 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(query, headers=headers)

    async def attack() -> None:
        for number in range(5):
            assert (await ask(f"/stats?token={number}")).status_code == 401
        for query in ("/stats?token=wrong", f"/stats?token={TOKEN}"):
            refused = await ask(query)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
            assert "try again in 1 s" in refused.text
            assert len(refused.text.splitlines()) == 1
        assert (await ask("/stats", Authorization=f"Bearer {TOKEN}")).status_code == 429
        page = await ask("/?token=wrong", Accept="text/html")
        assert page.status_code == 429
        assert "try again in 1 s" in page.text
        assert 'name="token"' in page.text
        assert (await ask("/stats")).status_code == 401, "nothing is guessed"
        assert (await ask("/healthz")).status_code == 200
        assert (await ask(f"/stats?token={TOKEN}", "192.168.1.8")).status_code == 200
        clock.advance(1)
        assert (await ask("/stats", Authorization="Bearer wrong")).status_code == 401
        assert (await ask("/stats?token=wrong")).headers["retry-after"] == "2"
        clock.advance(2)
        assert (await ask(f"/stats?token={TOKEN}")).status_code == 200

    asyncio.run(attack())


def test_who_has_a_session_is_not_kept_out_by_those_who_guess_from_the_same_address(
    serve_session, fake_source, fake_explainer
):
    site = serve_session(fake_source(), fake_explainer(), token=TOKEN)
    cookie = site.http.get(f"?token={TOKEN}", headers={"Accept": "text/html"}).headers["set-cookie"].partition(";")[0]
    for number in range(8):
        site.http.get("stats", params={"token": f"guess {number}"})
    assert site.http.get("stats", params={"token": TOKEN}).status_code == 429
    assert site.http.get("stats", headers={"Cookie": cookie}).status_code == 200


def test_credentials_for_a_proxy_are_no_guesses(serve_session, fake_source, fake_explainer):
    site = serve_session(fake_source(), fake_explainer(), token=TOKEN)
    for _ in range(8):
        assert site.http.get("stats", headers={"Authorization": "Basic YTpi"}).status_code == 401
    assert site.http.get("stats", params={"token": TOKEN}).status_code == 200


def test_health_needs_no_token_and_then_is_the_status_alone(serve_session, fake_source, fake_explainer, eventually):
    site = serve_session(fake_source(name="Front door"), fake_explainer(), host="0.0.0.0", token=TOKEN)
    site.wait_until_live()
    for method in ("GET", "HEAD"):
        response = site.http.request(method, "healthz", headers={"Accept": "text/html"})
        assert (response.status_code, response.content) == (200, b"")
    assert site.http.get("healthz", headers={"Authorization": f"Bearer {TOKEN}"}).text == "ok"
    assert site.http.get("healthz?token=wrong").status_code == 401
    assert site.http.post("healthz").status_code == 401
    assert site.http.get("healthz", headers={"Host": "evil.example"}).status_code == 403
    site.source.read_errors = [SourceError("it is unplugged")]
    site.source.open_errors = [SourceError("it is unplugged")] * 1000
    eventually(lambda: site.http.get("healthz").status_code == 503)
    bare, full = site.http.get("healthz"), site.http.get(f"healthz?token={TOKEN}")
    assert (bare.content, bare.headers["content-length"]) == (b"", "0")
    assert "unplugged" in full.text


def test_a_token_may_be_any_text(serve_session, fake_source, fake_explainer):
    token = "a+b&c=d #%\u2713/e?f"
    site = serve_session(fake_source(), fake_explainer(), host="0.0.0.0", token=token)
    with httpx.Client(headers={"Accept": "text/html"}, follow_redirects=True, verify=False) as person:
        assert person.get(f"{site.url}?token={quote(token, safe='')}").status_code == 200


def test_a_token_in_the_url_of_an_image_leads_to_that_image(guarded, person):
    response = person.get(f"snapshot.jpg?token={TOKEN}")
    assert response.url == f"{guarded.url}snapshot.jpg"
    assert response.headers["content-type"] == "image/jpeg"


def test_tools_pass_with_a_bearer_token_or_the_token_in_the_url(guarded):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert guarded.http.get("stats", headers=headers).status_code == 200
    assert guarded.http.get(f"stats?token={TOKEN}").status_code == 200


def test_a_person_without_a_token_gets_a_form_for_it(guarded):
    response = guarded.http.get("", headers={"Accept": "text/html,*/*"})
    assert response.status_code == 401
    assert 'name="token"' in response.text


def test_the_form_keeps_the_parameters_of_the_url_and_escapes_them(guarded):
    query = {"target": "lion", "style": '"><script>alert(1)</script>', '"><b>': "{others}"}
    form = guarded.http.get("", params=query, headers={"Accept": "text/html"})
    assert '<input type="hidden" name="target" value="lion">' in form.text
    assert form.text.count("<script>") == form.text.count("<b>") == 0
    assert form.text.count("<input") == 4
    assert "not the token" not in form.text
    wrong = guarded.http.get("", params={**query, "token": "wrong"}, headers={"Accept": "text/html"})
    assert "not the token" in wrong.text
    assert wrong.text.count("<input") == 4


def test_the_token_does_not_admit_a_rebound_name(guarded):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert guarded.http.get("stats", headers={**headers, "Host": "evil.example"}).status_code == 403
    assert guarded.http.get("stats", headers={**headers, "Host": "192.168.1.5:7860"}).status_code == 200
    assert guarded.http.get("stats", headers={**headers, "Host": "cam.example"}).status_code == 200
