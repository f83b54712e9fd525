"""The attacks on connections: each keeps nobody else out, is ended in time, and leaves at most one line in the log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import socket
import struct
import sys
from collections.abc import Callable, Iterator

import httpx
import pytest

from live_cam.web.security.certificate import certificate
from live_cam.web.security.limits import Connections, Limits, Listener
from live_cam.web.security.quiet_log import ONCE_A_MINUTE, OnceAMinute
from tests.clocks import FakeClock
from tests.web.sites import TOKEN, Site
from tests.web.viewers import acknowledge, receive_frame, watch

pytestmark = pytest.mark.slow

FEW = Limits(connections=24, connections_per_address=24, request_s=600)
HASTY = Limits(connections=100, connections_per_address=100, request_s=0.3)
STALLED = Limits(connections=100, connections_per_address=100, stalled_s=0.3, messages_per_s=1e6)
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
PATCH = b"PATCH /settings HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n"
UPGRADE = (
    b"GET /frames HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
# For a test that fails.
_LIMIT_S = 30.0


@pytest.fixture
def connect() -> Iterator[Callable[..., socket.socket]]:
    """Opens raw connections: `connect(site, data=b"", address="127.0.0.1", receive_buffer_bytes=None)`."""
    opened: list[socket.socket] = []

    def open_(site: Site, data: bytes = b"", address="127.0.0.1", receive_buffer_bytes=None) -> socket.socket:
        client = socket.socket()
        opened.append(client)
        client.settimeout(_LIMIT_S)
        if receive_buffer_bytes is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        client.bind((address, 0))
        client.connect(("127.0.0.1", site.port))
        with contextlib.suppress(ConnectionError):  # it may be closed before all is sent
            client.sendall(data)
        return client

    yield open_
    for client in opened:
        client.close()


@pytest.fixture
def log(monkeypatch) -> Iterator[list[logging.LogRecord]]:
    """What servers and asyncio log."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", records.append)
    monkeypatch.setattr(ONCE_A_MINUTE, "_passed_ns", {})
    loggers = [logging.getLogger(name) for name in ("asyncio", "live_cam.web")]
    uvicorn_log = logging.getLogger("uvicorn.error")
    monkeypatch.setattr(uvicorn_log, "callHandlers", records.append)  # its handlers are replaced by each server
    for logger in loggers:
        logger.addHandler(handler)
    yield records
    for logger in loggers:
        logger.removeHandler(handler)


@pytest.fixture
def limit(site, log, monkeypatch) -> Callable[[Limits], Site]:
    """Sets the limits of the shared site for a test: `site = limit(limits)`."""

    def set_(limits: Limits) -> Site:
        monkeypatch.setattr(site.connections, "limits", limits)
        return site

    return set_


@pytest.fixture
def serve(serve_session, fake_source, fake_explainer, log) -> Callable[..., Site]:
    """Starts a site with a fake camera and limits: `serve(limits, ...)`."""
    return lambda limits, **options: serve_session(fake_source(), fake_explainer(), limits=limits, **options)


@pytest.fixture
def own_certificate(tmp_path, monkeypatch):
    """A certificate in a folder of the test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return certificate(["127.0.0.1"])


def get(site: Site, path: str) -> httpx.Response:
    """Requests a path over a connection of its own: one that was kept alive may be closed at any time."""
    return httpx.get(f"{site.url}{path}", verify=False, timeout=_LIMIT_S)


def is_closed(client: socket.socket) -> bool:
    """Reads until the server closes the connection."""
    with contextlib.suppress(ConnectionError):
        while client.recv(2**16):
            pass
    return True


def refuses(client: socket.socket, data: bytes) -> bool:
    """Sends more, and returns whether the server has closed the connection."""
    try:
        client.sendall(data)
    except ConnectionError:
        return True
    return False


def masked(opcode: int, payload: bytes = b"", final: bool = True) -> bytes:
    """Returns the WebSocket frame of a client."""
    return bytes([opcode | (0x80 if final else 0), 0x80 | len(payload)]) + bytes(4) + payload


@pytest.mark.parametrize("sent", [b"", GET, PATCH, PATCH + b'{"running": '], ids=["nothing", "headers", "body", "half"])
def test_half_sent_requests_keep_nobody_out(limit, connect, log, sent):
    site = limit(FEW)
    with watch(site) as viewer:
        clients = [connect(site, sent) for _ in range(100)]
        assert get(site, "healthz").status_code == 200
        acknowledge(viewer, receive_frame(viewer))
        with watch(site) as another:
            receive_frame(another)
        assert len(site.connections) <= FEW.connections
        for client in clients[: 100 - FEW.connections]:
            assert is_closed(client)
    assert ["too many connections" in record.getMessage() for record in log] == [True]


def test_half_sent_requests_without_a_token_are_refused_with_it(serve, connect, log):
    site = serve(FEW, host="0.0.0.0", token=TOKEN).wait_until_live()
    for _ in range(100):
        connect(site, PATCH)
    assert get(site, f"stats?token={TOKEN}").status_code == 200
    assert len(site.connections) <= FEW.connections
    assert len(log) == 1


def test_half_tls_handshakes_keep_nobody_out(serve, connect, log, own_certificate):
    site = serve(FEW, certificate=own_certificate)
    for _ in range(100):
        connect(site, b"\x16\x03\x01")
    assert get(site, "stats").status_code == 200
    assert len(site.connections) <= FEW.connections
    assert len(log) == 1


@pytest.mark.parametrize(
    ("sent", "more"),
    [(b"", b""), (GET, b""), (GET, b"X: y\r\n"), (PATCH, b""), (PATCH, b" "), (GET + b"\r\n" + GET, b"X: y\r\n")],
    ids=["nothing", "headers", "slow headers", "body", "slow body", "second request"],
)
def test_a_request_that_is_not_completed_is_closed(limit, connect, log, sent, more):
    client = connect(limit(HASTY), sent)
    client.settimeout(0.02)
    with contextlib.suppress(ConnectionError):
        while True:
            try:
                if not client.recv(2**16):
                    break
            except TimeoutError:
                client.sendall(more)
    assert log == []


def test_half_a_tls_handshake_is_closed(serve, connect, log, own_certificate):
    assert is_closed(connect(serve(HASTY, certificate=own_certificate), b"\x16\x03\x01"))
    assert log == []


def test_a_body_that_nobody_reads_is_closed(limit, connect, log):
    client = connect(limit(HASTY), b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n")
    assert is_closed(client)
    assert log == []


def test_a_stream_that_is_not_read_is_closed_beside_one_that_is(limit, connect, log, eventually):
    site = limit(STALLED)
    site.source.size_px = (1280, 720)
    site.wait_until_live()
    request = b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with httpx.stream("GET", f"{site.url}stream.mjpg") as stream:
        for _ in range(4):
            connect(site, request, receive_buffer_bytes=4096)
        chunks = stream.iter_raw()
        eventually(lambda: next(chunks) and site.session.feeds[0].broadcaster.viewer_count == 5)
        eventually(lambda: next(chunks) and site.session.feeds[0].broadcaster.viewer_count == 1)
        next(chunks)
    assert log == []


def test_a_response_that_is_not_read_is_closed(limit, connect, log, eventually):
    site = limit(STALLED)
    request = GET.replace(b"/healthz", b"/") + b"\r\n"
    client = connect(site, request * (2**21 // len(get(site, "").content)), receive_buffer_bytes=4096)
    eventually(lambda: refuses(client, request))
    assert log == []


def test_a_socket_that_reads_nothing_is_closed_beside_one_that_does(serve, connect, log, eventually):
    site = serve(Limits(100, 100, ping_s=0.3)).wait_until_live()
    with watch(site) as viewer:
        for _ in range(4):
            connect(site, UPGRADE)
        eventually(lambda: site.session.feeds[0].broadcaster.viewer_count == 5)
        while site.session.feeds[0].broadcaster.viewer_count > 1:
            acknowledge(viewer, receive_frame(viewer))
        acknowledge(viewer, receive_frame(viewer))
    assert log == []


def test_a_socket_that_acknowledges_without_reading_is_closed(limit, connect, log, eventually):
    site = limit(STALLED)
    site.source.size_px = (1280, 720)
    site.wait_until_live()
    client = connect(site, UPGRADE, receive_buffer_bytes=4096)
    hide, show = (masked(1, json.dumps({"hidden": hidden}).encode()) for hidden in (True, False))
    # The server forgets what is under way to a hidden page, and so sends more.
    eventually(lambda: refuses(client, hide + show))
    assert log == []


@pytest.mark.parametrize(
    "frames",
    [
        masked(9) * 50_000,
        masked(9, b"x" * 125) * 5_000,
        masked(10) * 50_000,
        masked(1, b'{"hidden": false}') * 20_000,
        masked(1, b"{", final=False) + masked(0, final=False) * 50_000,
    ],
    ids=["pings", "long pings", "pongs", "messages", "fragments"],
)
def test_a_flood_of_frames_is_closed(limit, connect, log, frames):
    site = limit(Limits(100, 100))
    with watch(site) as viewer:
        client = connect(site, UPGRADE)
        received = client.recv(12)
        with contextlib.suppress(ConnectionError):
            client.sendall(frames)
        with contextlib.suppress(ConnectionError):
            while chunk := client.recv(2**16):
                received += chunk
        assert received.endswith(struct.pack(">H", 1008) + b"too many messages")
        assert received.count(b"\x8a\x00") < 1000, "what exceeds the limit is hardly answered"
        acknowledge(viewer, receive_frame(viewer))
        assert get(site, "healthz").status_code == 200
    assert log == []


def test_pings_at_a_usual_rate_are_answered(limit):
    site = limit(Limits(100, 100))
    with watch(site) as viewer:
        for _ in range(15):
            assert viewer.ping().wait(_LIMIT_S)
        receive_frame(viewer)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_one_address_leaves_room_for_others(limit, connect, log, eventually):
    site = limit(Limits(connections=24, connections_per_address=3))
    viewers = [connect(site, UPGRADE, "127.0.0.2") for _ in range(3)]
    eventually(lambda: site.session.feeds[0].broadcaster.viewer_count == 3)
    assert is_closed(connect(site, UPGRADE, "127.0.0.2"))
    assert all(viewer.recv(12) == b"HTTP/1.1 101" for viewer in viewers), "those who are served stay"
    with watch(site) as another:
        receive_frame(another)
    assert [record.args[2:] for record in log] == [("127.0.0.2", 3, 3)]


def test_sockets_that_leave_at_once_log_nothing(limit, connect, log, eventually):
    site = limit(Limits(100, 100))
    before = len(site.connections)
    for sent in (UPGRADE, PATCH, GET + b"\r\n"):
        for _ in range(20):
            client = connect(site, sent)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
            client.close()
    eventually(lambda: len(site.connections) <= before)
    assert get(site, "stats").status_code == 200
    assert log == []


def test_nonsense_is_logged_once(limit, connect, log):
    site = limit(Limits(100, 100))
    for _ in range(30):
        assert is_closed(connect(site, b"nonsense\r\n\r\n"))
    assert [record.getMessage() for record in log] == ["Invalid HTTP request received."]


def test_the_limits_leave_descriptors_for_all_else():
    limits = Limits.for_this_process()
    assert 0 < limits.connections_per_address < limits.connections
    assert limits.connections + limits.backlog < 0.7 * resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_without_descriptors_the_next_is_refused_and_the_reason_logged_once(log, monkeypatch):
    raw = socket.create_server(("127.0.0.1", 0))
    raw.setblocking(False)
    clients = [socket.create_connection(raw.getsockname()) for _ in range(3)]
    connections = Connections(Limits(100, 100), FakeClock())
    with Listener(raw, connections) as listener, contextlib.ExitStack() as stack:
        for client in clients:
            stack.callback(client.close)
            client.settimeout(_LIMIT_S)
        first, _ = listener.accept()
        stack.callback(first.close)
        with no_descriptors_left():
            for _ in range(2):
                with pytest.raises(ConnectionAbortedError):
                    listener.accept()
            with pytest.raises(ConnectionAbortedError):  # for asyncio, which logs a traceback otherwise
                listener.accept()
        assert [is_closed(client) for client in clients] == [True] * 3, "the first one sent nothing"
    assert ["out of descriptors" in record.getMessage() for record in log] == [True]


@contextlib.contextmanager
def no_descriptors_left() -> Iterator[None]:
    """Limits the process to the descriptors that are open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(lowest_free)


def test_messages_are_logged_once_a_minute():
    clock = FakeClock()
    once = OnceAMinute(clock)

    def passes(message, exception=None):
        exc_info = (type(exception), exception, None) if exception else None
        return once.filter(logging.LogRecord("x", logging.ERROR, "x.py", 1, message, (1,), exc_info))

    assert [passes("a %d"), passes("a %d"), passes("b %d")] == [True, False, True]
    assert [passes("a %d", ValueError()), passes("a %d", ValueError()), passes("a %d", KeyError())] == [
        True,
        False,
        True,
    ]
    clock.advance(59.0)
    assert not passes("a %d")
    clock.advance(1.0)
    assert [passes("a %d"), passes("a %d")] == [True, False]


@pytest.mark.parametrize("is_complete", [False, True], ids=["stream", "last response"])
def test_a_slow_reader_stays_as_long_as_it_reads(is_complete):
    clock = FakeClock()
    connections = Connections(Limits(100, 100, stalled_s=10, request_s=10), clock)

    class Writer(asyncio.Protocol):
        def connection_made(self, transport):
            self.connection = connections.of(transport)
            self.connection.transport = transport
            self.connection.wait(is_complete)
            transport.write(bytes(2**24))

        def pause_writing(self):
            self.connection.stall(True)

    async def attack() -> None:
        loop = asyncio.get_running_loop()
        listener = Listener(socket.create_server(("127.0.0.1", 0)), connections)
        writer = Writer()
        server = await loop.create_server(lambda: writer, sock=listener)
        async with server:
            reader, closing = await asyncio.open_connection(*listener.getsockname())
            for _ in range(4):
                await reader.readexactly(2**21)
                clock.advance(9)
                connections.sweep()
                assert not writer.connection.ended
            clock.advance(1)
            connections.sweep()
            assert writer.connection.ended
            with contextlib.suppress(ConnectionError):
                await reader.read()
            closing.close()
        assert len(connections) == 0

    asyncio.run(attack())
