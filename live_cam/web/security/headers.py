"""Headers of every response, and the policy of what a page may load and run.

Gradio's page needs `'unsafe-eval'`: it compiles its templates and event handlers. It has inline scripts, whose text
differs between requests, so each response allows its own by their hashes. All others, such as handlers in attributes,
do not run.
"""

from __future__ import annotations

import base64
import hashlib
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = "Content-Security-Policy"
_HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_OWN_FRAMES = "frame-ancestors 'self'"
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


def with_headers(send: Send, is_embeddable: bool = False) -> Send:
    """Adds the headers to a response, which runs no script unless its policy is set already.

    Args:
        send: Sends a message of the response.
        is_embeddable: Whether pages of other sites may show it in a frame.
    """

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            headers.setdefault(_POLICY, _policy("'none'"))
            if is_embeddable:
                headers[_POLICY] = headers[_POLICY].replace(_OWN_FRAMES, "frame-ancestors *")
        await send(message)

    return wrapped


class PageScripts:
    """ASGI middleware that lets pages of HTML run the server's scripts and their own inline ones."""

    def __init__(self, app: ASGIApp) -> None:
        """Wraps `app`, whose responses are not yet compressed."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards the request, and sets the policy of a page."""
        start: Message = {}
        page = bytearray()

        async def wrapped(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
            elif start and message["type"] == "http.response.body":
                page.extend(message.get("body", b""))
                if not message.get("more_body"):
                    MutableHeaders(scope=start)[_POLICY] = page_policy(page)
                    await send(start)
                    await send({**message, "body": bytes(page)})
            else:
                await send(message)

        await self._app(scope, receive, wrapped)


def page_policy(page: bytes | bytearray) -> str:
    """Returns the policy of a page of HTML."""
    return _policy(" ".join(["'self' 'unsafe-eval'", *_hashes(page)]))


def _policy(scripts: str) -> str:
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "object-src 'none'",
            "frame-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            _OWN_FRAMES,
        ]
    )


def _hashes(page: bytes | bytearray) -> list[str]:
    """Returns the sources that allow the inline scripts of a page."""
    digests = (hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(page))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


def _is_page(start: Message) -> bool:
    return Headers(scope=start).get("content-type", "").startswith("text/html")
