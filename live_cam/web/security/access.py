"""Access to the page and its routes.

Every request and every WebSocket is checked before any route:

* Host must be a name of this server, so that DNS rebinding fails.
* Origin, where a browser sends one, must be the page's own; a request that a browser marks as cross-site is refused
  unless it is a navigation to the page.
* If a token is set, it is required in the cookie, as a bearer token, or in the URL.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import socket
from collections.abc import Collection, Mapping
from html import escape
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from live_cam.web.security.bodies import close_if_unread

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_POLICY_VIOLATION = 1008

_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_LOGIN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>live_cam: token needed</title>
<style>body{font:1.1rem system-ui;max-width:30rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}
input,button{font:inherit;padding:.5rem}</style>
<h1>live_cam</h1><p>This page requires a token. It is printed in the terminal where live-cam was started.</p>
{error}<form>{others}<label>Token <input name="token" type="password" autofocus></label> <button>Open</button></form>
</html>"""
_WRONG_TOKEN = '<p role="alert"><b>That is not the token.</b></p>\n'


def is_loopback(host: str) -> bool:
    """Returns whether an address to listen on is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def token_needed(host: str, extra_hosts: Collection[str]) -> bool:
    """Returns whether other machines reach the server: over the network, or through a proxy under a further name."""
    return bool(extra_hosts) or not is_loopback(host)


class AccessGuard:
    """ASGI middleware that rejects requests without access."""

    def __init__(self, app: ASGIApp, host: str, token: str | None, extra_hosts: Collection[str] = ()) -> None:
        """Wraps `app`, which listens on `host`.

        Raises:
            ValueError: There is no token, and other machines reach `host`.
        """
        extra_hosts = frozenset(extra_hosts)
        if token_needed(host, extra_hosts) and not token:
            raise ValueError(f"listening on {host} for {', '.join(extra_hosts) or 'the network'} requires a token")
        self._open_to_network = not is_loopback(host)
        self._app = app
        self._token = token
        # A digest, since every server on this host receives the cookie.
        self._cookie = hashlib.sha256((token or "").encode()).hexdigest()
        own_names = {host, socket.gethostname(), f"{socket.gethostname()}.local"} if self._open_to_network else {host}
        self._hosts = {name.casefold() for name in _LOOPBACK_NAMES | own_names | extra_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards the request, or responds with the reason why not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        response = self._reject(scope, Headers(scope=scope))
        if scope["type"] == "websocket" and response is not None:
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        if scope["type"] == "http":
            receive, send = close_if_unread(scope, receive, send)
        await (response or self._app)(scope, receive, _with_headers(send))

    def _reject(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if not self._is_own(host):
            return PlainTextResponse(f"{host!r} is not a name of this server; allow it with --allow-host", 403)
        if _is_cross_site(scope, headers, host):
            return PlainTextResponse("Cross-site requests are refused; a proxy must forward the Host header.", 403)
        return None if self._token is None else self._require_token(scope, headers, self._token)

    def _is_own(self, host: str) -> bool:
        name = _hostname(host)
        return name in self._hosts or (self._open_to_network and _is_address(name))

    def _require_token(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        # Browsers do not let a page over HTTP replace a cookie set over HTTPS, so each has its own.
        secure = scope["scheme"] in ("https", "wss")
        cookie_name = f"live_cam_{(scope.get('server') or ('', 0))[1]}{'_secure' if secure else ''}"
        cookie = cookie_parser(headers.get("cookie", "")).get(cookie_name, "")
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if _same(cookie, self._cookie) or _same(bearer, token):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = query.pop("token", [])
        is_page = scope["type"] == "http" and "text/html" in headers.get("accept", "")
        if given and _same(given[-1], token):
            if not is_page:
                return None
            # Removes the token from the address bar, history and bookmarks. Relative, for proxies with a path prefix.
            here = "./" + quote(scope["path"].rpartition("/")[2])
            response = RedirectResponse(f"{here}?{urlencode(query, doseq=True)}".removesuffix("?"), 303)
            response.set_cookie(cookie_name, self._cookie, httponly=True, samesite="lax", path="/", secure=secure)
            return response
        if is_page:
            return HTMLResponse(_login_page(query, wrong=bool(given)), 401)
        return PlainTextResponse("A token is required: ?token=..., or a bearer token.", 401)


def _login_page(query: Mapping[str, list[str]], wrong: bool) -> str:
    """Returns the form for the token, which keeps the other parameters of the URL, such as settings to restore."""
    others = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, values in query.items()
        for value in values
    )
    return _LOGIN_PAGE.replace("{error}", _WRONG_TOKEN if wrong else "").replace("{others}", others)


def _is_cross_site(scope: Scope, headers: Headers, host: str) -> bool:
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.casefold() != host.casefold():
        return True
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False
    follows_link = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    return not (follows_link and scope.get("method") == "GET")


def _hostname(host: str) -> str:
    """Returns the name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_HEADERS)
        await send(message)

    return wrapped
