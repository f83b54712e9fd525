"""The token: in the URL, as a bearer token, or exchanged for a session whose id is in a cookie."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final
from urllib.parse import parse_qs, quote, urlencode

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Scope

from live_cam.clock import Clock
from live_cam.web.security.guesses import WrongTokens
from live_cam.web.security.sessions import Sessions

HEALTH_PATH: Final = "/healthz"
"""The path that responds without a token, to GET and HEAD."""

_ANONYMOUS = "live_cam.anonymous"

_LOGIN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>live_cam: token needed</title>
<style>body{font:1.1rem system-ui;max-width:30rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}
input,button{font:inherit;padding:.5rem}</style>
<h1>live_cam</h1><p>This page requires a token. It is printed in the terminal where live-cam was started.</p>
{error}<form>{others}<label>Token <input name="token" type="password" autofocus></label> <button>Open</button></form>
</html>"""
_ALERT = '<p role="alert"><b>{message}</b></p>\n'
_WHERE_IT_IS = (
    "A token is required: live-cam prints it where it is started, at the end of the URL; send it as ?token=... or as a "
    "bearer token."
)


def is_anonymous(scope: Scope) -> bool:
    """Returns whether a request came without the token that is required: it is to learn the status and nothing else."""
    return bool(scope.get(_ANONYMOUS))


class TokenCheck:
    """Rejects requests without the token, and those with too many wrong ones."""

    def __init__(self, token: str, clock: Clock) -> None:
        self._token = token
        self._sessions = Sessions()
        self._wrong_tokens = WrongTokens(clock)

    def reject(self, scope: Scope, headers: Headers) -> Response | None:
        """Returns the response to a request that is not forwarded, among them the one that sets the cookie."""
        if any(map(self._sessions.use, _cookies(headers, _cookie_name(scope)))):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        in_url = query.pop("token", [""])[-1]
        given = [token for token in (in_url, _bearer(headers)) if token]
        is_page = scope["type"] == "http" and "text/html" in headers.get("accept", "")
        if not given and scope["path"] == HEALTH_PATH and scope.get("method") in ("GET", "HEAD"):
            scope[_ANONYMOUS] = True
            return None
        refusal = self._refuse(given, (scope.get("client") or ("",))[0])
        if refusal is not None:
            status, message, more_headers = refusal
            if not is_page:
                return PlainTextResponse(f"{message} {_WHERE_IT_IS}".lstrip(), status, more_headers)
            return HTMLResponse(_login_page(query, message), status, more_headers)
        return self._start_session(scope, query) if is_page and in_url else None

    def _refuse(self, given: Sequence[str], client: str) -> tuple[int, str, dict[str, str]] | None:
        """Returns status, reason and headers of the response to a client without the token, or with a wrong one."""
        if not given:
            return 401, "", {}
        if wait_s := math.ceil(self._wrong_tokens.wait_s(client)):
            reason = f"There were too many wrong tokens from here; try again in {wait_s} s."
            return 429, reason, {"Retry-After": str(wait_s)}
        if not any(secrets.compare_digest(token.encode(), self._token.encode()) for token in given):
            self._wrong_tokens.add(client)
            return 401, "That is not the token.", {}
        return None

    def _start_session(self, scope: Scope, query: Mapping[str, list[str]]) -> Response:
        """Returns a redirection to the same page that sets the cookie.

        So the token leaves the address bar, history and bookmarks. Relative, for proxies with a path prefix.
        """
        here = "./" + quote(scope["path"].rpartition("/")[2])
        response = RedirectResponse(f"{here}?{urlencode(query, doseq=True)}".removesuffix("?"), 303)
        # Without a path it is that of the page, a proxy's prefix included. Not strict, since links to the page on other
        # sites are to work; whatever else comes from other sites is refused before.
        response.set_cookie(
            _cookie_name(scope),
            self._sessions.start(),
            path=None,
            secure=_is_secure(scope),
            httponly=True,
            samesite="lax",
        )
        return response


def _is_secure(scope: Scope) -> bool:
    return scope["scheme"] in ("https", "wss")


def _cookie_name(scope: Scope) -> str:
    """Returns a name of this server's own: browsers send each cookie to all ports of a host.

    They do not let a page over HTTP replace a cookie set over HTTPS, so each has its own.
    """
    port = (scope.get("server") or ("", 0))[1]
    return f"live_cam_{port}{'_secure' if _is_secure(scope) else ''}"


def _cookies(headers: Headers, name: str) -> Iterator[str]:
    """Yields the values of all cookies of a name: each path may have one."""
    for cookie in headers.get("cookie", "").split(";"):
        key, _, value = cookie.strip().partition("=")
        if key == name:
            yield value


def _bearer(headers: Headers) -> str:
    """Returns the bearer token, or nothing if there are other credentials, such as a proxy's."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token if scheme.casefold() == "bearer" else ""


def _login_page(query: Mapping[str, list[str]], alert: str = "") -> str:
    """Returns the form for the token, which keeps the other parameters of the URL, such as settings to restore."""
    others = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, values in query.items()
        for value in values
    )
    error = _ALERT.format(message=alert) if alert else ""
    return _LOGIN_PAGE.replace("{error}", error).replace("{others}", others)
