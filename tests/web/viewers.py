"""Clients of the frames socket: viewers, and visitors with a camera."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.web.sites import Site

# For a test that fails.
_LIMIT_S = 30.0


def watch(site: Site, query: str = "", **options: Any) -> ClientConnection:
    """Opens the frames socket."""
    return connect(f"ws://127.0.0.1:{site.port}/frames{query}", proxy=None, **options)


def receive(viewer: ClientConnection) -> tuple[dict[str, Any], bytes]:
    """Returns the header and the JPEG of the next message; the JPEG of a state message is empty."""
    return unpack(viewer.recv(timeout=_LIMIT_S))


def unpack(message: Any) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<I", message)
    return json.loads(message[4 : 4 + length]), message[4 + length :]


def receive_frame(viewer: ClientConnection) -> dict[str, Any]:
    """Returns the header of the next message with a frame."""
    while True:
        header, jpeg = receive(viewer)
        if jpeg:
            assert jpeg.startswith(b"\xff\xd8")
            assert jpeg.endswith(b"\xff\xd9")
            return header


def acknowledge(viewer: ClientConnection, header: dict[str, Any]) -> None:
    """Notifies the server that a frame is painted; does nothing for a state message."""
    if "seq" in header:
        viewer.send(json.dumps({"painted": header["seq"]}))


def receive_until(viewer: ClientConnection, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Acknowledges frames until a header fulfils a condition, and returns that header."""
    deadline_s = time.monotonic() + _LIMIT_S
    while not holds(header := receive(viewer)[0]):
        acknowledge(viewer, header)
        assert time.monotonic() < deadline_s
    return header


def assert_closed(viewer: ClientConnection) -> None:
    """Fails unless the server closes the socket, after the frames in flight."""
    for _ in range(20):
        try:
            viewer.recv(timeout=_LIMIT_S)
        except ConnectionClosed:
            return
    raise AssertionError("the socket is still open")


def size_of(jpeg: bytes) -> tuple[int, int]:
    """Returns width and height of an image file."""
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.size


def visitor_message(seq: int, jpeg: bytes, age_ms: float = 5.0) -> bytes:
    """Packs a frame as the visitor's page sends it."""
    text = json.dumps({"response": seq, "age_ms": age_ms}).encode()
    return struct.pack("<I", len(text)) + text + jpeg


class VisitorPage:
    """A visitor's page: sends a frame when it is requested, and paints what it receives.

    Attributes:
        requested: The numbers of the frames that were requested.
        received: The sizes of the frames it received.
        states: The headers of all messages, newest last.
        responding: Whether it sends frames.
        upload: Builds what is sent instead of the photograph, from the number requested, if set.
        close_code: Of the socket, once it is closed.
    """

    def __init__(
        self,
        site: Site,
        client_id: str,
        jpeg: bytes,
        address: str = "127.0.0.1",
        upload: Callable[[int], bytes] | None = None,
    ) -> None:
        """Opens the page, from one of the addresses of this machine, 127.0.0.1 to 127.255.255.254 on Linux."""
        self._open = contextlib.ExitStack()
        self.socket = self._open.enter_context(watch(site, f"?visitor={client_id}", source_address=(address, 0)))
        self.jpeg = jpeg
        self.requested: list[int] = []
        self.received: list[tuple[int, int]] = []
        self.states: list[dict[str, Any]] = []
        self.responding = True
        self.upload = upload
        self.close_code: int | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def message(self, seq: int, age_ms: float = 5.0) -> bytes:
        """Packs the photograph."""
        return visitor_message(seq, self.jpeg, age_ms)

    def _run(self) -> None:
        try:
            while True:
                header, jpeg = unpack(self.socket.recv())
                if "request" in header:
                    self.requested.append(header["request"])
                    if self.responding:
                        self.socket.send((self.upload or self.message)(header["request"]))
                    continue
                self.states.append(header)
                if jpeg:
                    self.received.append(size_of(jpeg))
                    self.socket.send(json.dumps({"painted": header["seq"], "age_ms": 12.0}))
        except ConnectionClosed as closed:
            self.close_code = closed.rcvd.code if closed.rcvd else 1006

    def leave(self) -> None:
        """Closes the page."""
        self._open.close()
        self._thread.join(10)
