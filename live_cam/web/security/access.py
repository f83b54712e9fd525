"""Access to the page and its routes.

Every request and every WebSocket is checked before any route:

* Host must be a name of this server, so that DNS rebinding fails.
* Origin, where a browser sends one, must be the page's own; a request that a browser marks as cross-site is refused
  unless it is a navigation to the page.
* If a token is set, it is required; see `TokenCheck`.

A public server, which shows visitors their own cameras alone, needs no token, and pages of other sites may frame it.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import UsageError
from live_cam.web.security.bodies import close_if_unread
from live_cam.web.security.headers import with_headers
from live_cam.web.security.token_check import TokenCheck

_MIN_TOKEN_LENGTH = 12
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_POLICY_VIOLATION = 1008


def is_loopback(host: str) -> bool:
    """Returns whether an address to listen on is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def token_needed(host: str, extra_hosts: Collection[str]) -> bool:
    """Returns whether other machines reach the server: over the network, or through a proxy under a further name."""
    return bool(extra_hosts) or not is_loopback(host)


def check_token(host: str, token: str | None, extra_hosts: Collection[str]) -> None:
    """Checks a token that somebody chose.

    Raises:
        UsageError: It is empty, or so short that others who reach the server could guess it.
    """
    if token is None:
        return
    if not token.strip():
        raise UsageError("the token is empty; give another, or leave out --token")
    if token_needed(host, extra_hosts) and len(token) < _MIN_TOKEN_LENGTH:
        raise UsageError(
            f"others reach {', '.join(extra_hosts) or host}, and could guess a token of {len(token)} characters; "
            f"give one of at least {_MIN_TOKEN_LENGTH} (--token, LIVE_CAM_TOKEN), or none and get a random one"
        )


class AccessGuard:
    """ASGI middleware that rejects requests without access."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        token: str | None,
        extra_hosts: Collection[str] = (),
        clock: Clock = MONOTONIC,
        is_public: bool = False,
    ) -> None:
        """Wraps `app`, which listens on `host`.

        Raises:
            ValueError: There is no token, the server is not public, and other machines reach `host`; or it is one that
                `check_token` refuses.
        """
        extra_hosts = frozenset(extra_hosts)
        if token_needed(host, extra_hosts) and token is None and not is_public:
            raise ValueError(f"listening on {host} for {', '.join(extra_hosts) or 'the network'} requires a token")
        check_token(host, token, extra_hosts)
        self._open_to_network = not is_loopback(host)
        self._is_public = is_public
        self._app = app
        self._token_check = None if token is None else TokenCheck(token, clock)
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
        await (response or self._app)(scope, receive, with_headers(send, self._is_public))

    def _reject(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if not self._is_own(host):
            return PlainTextResponse(f"{host!r} is not a name of this server; allow it with --allow-host", 403)
        if _is_cross_site(scope, headers, host, {"document", "iframe"} if self._is_public else {"document"}):
            return PlainTextResponse("Cross-site requests are refused; a proxy must forward the Host header.", 403)
        return None if self._token_check is None else self._token_check.reject(scope, headers)

    def _is_own(self, host: str) -> bool:
        name = _hostname(host)
        return name in self._hosts or (self._open_to_network and _is_address(name))


def _is_cross_site(scope: Scope, headers: Headers, host: str, destinations: Collection[str]) -> bool:
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.casefold() != host.casefold():
        return True
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False
    navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") in destinations
    return not (navigates and scope.get("method") == "GET")


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
