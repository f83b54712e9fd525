"""Bodies of requests that a response leaves unread."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send


def close_if_unread(scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Returns both functions of a request, whose connection then closes if it is responded to before its body is read.

    The server would otherwise read on, for as long as the client sends, to find the next request.
    """
    headers = Headers(scope=scope)
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return receive, send
    unread = True

    async def receive_body() -> Message:
        nonlocal unread
        message = await receive()
        unread = message.get("more_body", False)
        return message

    async def send_response(message: Message) -> None:
        if unread and message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
        await send(message)

    return receive_body, send_response
