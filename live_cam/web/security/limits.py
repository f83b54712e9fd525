"""Limits of connections: how many there are, and how long each may keep the server waiting.

They are counted where they are accepted, so before any TLS handshake. Over a limit, a new connection takes the place of
the one that has waited longest without a complete request; so whoever sends nothing, or half of a request, keeps nobody
out.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import math
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from live_cam.clock import MONOTONIC, Clock
from live_cam.web.security.quiet_log import ONCE_A_MINUTE

_MAX_CONNECTIONS = 1024
_SEND_BUFFER_BYTES = 2**18
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_log = logging.getLogger(__name__)
_log.addFilter(ONCE_A_MINUTE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server grants to all, to one address, and to one connection.

    Attributes:
        connections: At a time, in all.
        connections_per_address: At a time, from one address: most of them, since a proxy or a lecture hall is one.
        request_s: From the end of one response until the next request is complete, TLS handshake and body included.
        stalled_s: For which a reader may take nothing of what is waiting for it.
        ping_s: Between the pings to a WebSocket, and from a ping to its pong.
        messages_per_s: Frames of a WebSocket with data; twice as many at once.
        control_frames_per_s: Pings and pongs of a WebSocket; twice as many at once.
    """

    connections: int
    connections_per_address: int
    request_s: float = 20.0
    stalled_s: float = 10.0
    ping_s: float = 20.0
    messages_per_s: float = 250.0
    control_frames_per_s: float = 10.0

    @classmethod
    def for_this_process(cls) -> Limits:
        """Returns limits that leave half of the process's descriptors to all else."""
        connections = min(_MAX_CONNECTIONS, _max_descriptors() // 2)
        return cls(connections, connections * 3 // 4)

    @property
    def backlog(self) -> int:
        """How many connections are accepted at once, before others have been closed for them."""
        return max(1, self.connections // 4)


def _max_descriptors() -> int:
    try:
        import resource
    except ImportError:  # Windows, where `select` takes this many
        return 512
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2 * _MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else soft


class Connection(socket.socket):
    """An accepted socket.

    Attributes:
        address: The peer's address.
        transport: The transport that protocols see, once there is one.
        waiting_since_s: Since when the peer owes a request, or the rest of one; infinite while it is served.
        ended: Whether it was closed because of a limit.
    """

    def __init__(self, descriptor: int, address: str, owner: Connections) -> None:
        super().__init__(fileno=descriptor)
        self.address = address
        self.transport: asyncio.Transport | None = None
        self.waiting_since_s = owner.now_s
        self.ended = False
        self._owner = owner
        self._stalled_since_s = math.inf
        self._sent_s = -math.inf

    def wait(self, waiting: bool) -> None:
        """Records whether the peer owes a request. What it sends of one gives it no more time."""
        self.waiting_since_s = min(self.waiting_since_s, self._owner.now_s) if waiting else math.inf

    def stall(self, stalled: bool) -> None:
        """Records whether more is waiting to be sent than the transport accepts."""
        self._stalled_since_s = self._owner.now_s if stalled else math.inf

    def is_overdue(self, limits: Limits) -> bool:
        """Returns whether the peer has kept the server waiting for longer than the limits."""
        if self.transport is not None and self.transport.is_closing():  # but open: the peer does not read the rest
            self.wait(True)
        # While the peer takes what was written, however slowly, nothing is owed.
        return (
            min(
                max(self.waiting_since_s, self._sent_s) + limits.request_s,
                max(self._stalled_since_s, self._sent_s) + limits.stalled_s,
            )
            <= self._owner.now_s
        )

    def send(self, *args: Any) -> int:
        """Sends what the system takes; called by its transport."""
        num_bytes = super().send(*args)
        self._sent_s = self._owner.now_s
        return num_bytes

    def sendmsg(self, *args: Any) -> int:
        """Sends what the system takes; called by its transport since Python 3.12."""
        num_bytes = super().sendmsg(*args)
        self._sent_s = self._owner.now_s
        return num_bytes

    def end(self) -> None:
        """Closes the connection without waiting for the peer."""
        self.ended = True
        if self.transport is not None:
            self.transport.abort()
        else:  # in the TLS handshake, whose transport is asyncio's own
            with contextlib.suppress(OSError):  # the peer was faster
                self.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the socket; called by its transport."""
        self._owner.forget(self)
        super().close()


class Connections:
    """All connections of a server; used in its event loop only."""

    def __init__(self, limits: Limits, clock: Clock = MONOTONIC) -> None:
        self.limits = limits
        self._clock = clock
        self._open: dict[int, Connection] = {}

    @property
    def now_s(self) -> float:
        """The time."""
        return self._clock.now_ns() / 1e9

    def __len__(self) -> int:
        return len(self._open)

    def of(self, transport: asyncio.Transport) -> Connection:
        """Returns the connection of a transport that is open."""
        return self._open[transport.get_extra_info("socket").fileno()]

    def admit(self, accepted: socket.socket, address: str) -> Connection | None:
        """Adds a connection. If there are too many, another is closed, or this one if all others are being served."""
        everyone = [each for each in self._open.values() if not each.ended]
        own = [each for each in everyone if each.address == address]
        is_full = len(everyone) >= self.limits.connections
        if is_full or len(own) >= self.limits.connections_per_address:
            _log.warning(
                "too many connections: %d of %d, from %s %d of %d; those without a complete request are closed first",
                *(len(everyone), self.limits.connections, address, len(own), self.limits.connections_per_address),
            )
            if not _end_longest_waiting(everyone if is_full else own):
                accepted.close()
                return None
        connection = Connection(accepted.detach(), address, self)
        self._open[connection.fileno()] = connection
        return connection

    def make_room(self) -> None:
        """Closes the connection that has waited longest, since the process has no descriptor left."""
        _log.warning("out of descriptors with %d connections; raise the limit of the process (ulimit -n)", len(self))
        _end_longest_waiting(self._open.values())

    def sweep(self) -> None:
        """Closes the connections that have kept the server waiting for too long."""
        for connection in self._open.values():
            if not connection.ended and connection.is_overdue(self.limits):
                connection.end()

    def forget(self, connection: Connection) -> None:
        """Removes a connection that is about to be closed."""
        self._open.pop(connection.fileno(), None)


def _end_longest_waiting(connections: Iterable[Connection]) -> bool:
    """Closes the connection that has waited longest, and returns whether any waited."""
    waiting = [each for each in connections if not each.ended and each.waiting_since_s < math.inf]
    if waiting:
        min(waiting, key=lambda each: each.waiting_since_s).end()
    return bool(waiting)


class Listener(socket.socket):
    """A listening socket that accepts what `Connections` admit. It takes over the descriptor of the one it is given."""

    def __init__(self, listener: socket.socket, connections: Connections) -> None:
        super().__init__(fileno=listener.detach())
        self._connections = connections
        # Inherited by what is accepted. The system's default grows to several MB for each reader who does not read.
        self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        # Given up for a moment to refuse who waits when there is no other: who is not accepted keeps the loop busy.
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def listen(self, _backlog: int = 0, /) -> None:
        """Listens with the longest queue there may be; asyncio's backlog is how many it accepts at once, too."""
        super().listen(socket.SOMAXCONN)

    def accept(self) -> tuple[socket.socket, Any]:
        """Accepts a connection.

        Raises:
            ConnectionAbortedError: It was refused, which ends asyncio's turn at accepting.
        """
        try:
            accepted, address = super().accept()
        except OSError as error:
            if error.errno not in _NO_DESCRIPTORS:
                raise
            self._connections.make_room()
            self._refuse_next()
            raise ConnectionAbortedError from error
        connection = self._connections.admit(accepted, address[0])
        if connection is None:
            raise ConnectionAbortedError
        return connection, address

    def close(self) -> None:
        """Closes the socket."""
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        super().close()

    def _refuse_next(self) -> None:
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        with contextlib.suppress(OSError):  # none waits, or another thread was faster
            super().accept()[0].close()
        with contextlib.suppress(OSError):
            self._spare = os.open(os.devnull, os.O_RDONLY)
