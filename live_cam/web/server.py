"""The server of the app on one socket, within its limits."""

from __future__ import annotations

import logging
import socket
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp

from live_cam.clock import Clock
from live_cam.web.api.frames import IMAGE_LIMIT_BYTES
from live_cam.web.security.certificate import Certificate
from live_cam.web.security.limits import Connections, Limits, Listener
from live_cam.web.security.protocols import LimitedHttp, LimitedServerState, LimitedWebSocket
from live_cam.web.security.quiet_log import ONCE_A_MINUTE

_SHUTDOWN_LIMIT_S = 1
_MESSAGE_LIMIT_BYTES = 4096


class Served(Protocol):
    """What an app shows: a session, or a wall."""

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    @property
    def visitors(self) -> object | None:
        """Those who send frames; None where nobody may."""
        ...

    def request_stop(self) -> None:
        """Asks threads and viewers to end; returns at once."""


class LiveServer(uvicorn.Server):
    """Serves until a signal ends it, and then closes open streams, so that it stops within `_SHUTDOWN_LIMIT_S`.

    Open streams would otherwise keep it running for as long as they are watched.

    Attributes:
        connections: All connections, within their limits.
    """

    def __init__(
        self, app: ASGIApp, session: Served, certificate: Certificate | None = None, limits: Limits | None = None
    ) -> None:
        """Prepares the server; with a certificate it serves HTTPS. The limits are by default those for this process."""
        limits = limits or Limits.for_this_process()
        self.connections = Connections(limits, session.clock)
        config = uvicorn.Config(
            app,
            loop="asyncio:SelectorEventLoop",  # calls the listener's `accept`, unlike uvloop and Windows' default
            http=LimitedHttp,
            ws=LimitedWebSocket,
            backlog=limits.backlog,
            log_level="warning",
            access_log=False,
            log_config=None,  # its messages are formatted as ours are
            ws_max_size=_MESSAGE_LIMIT_BYTES if session.visitors is None else IMAGE_LIMIT_BYTES,
            ws_ping_interval=limits.ping_s,
            ws_ping_timeout=limits.ping_s,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=_SHUTDOWN_LIMIT_S,
            ssl_certfile=None if certificate is None else certificate.chain,
            ssl_keyfile=None if certificate is None else certificate.key,
        )
        logging.getLogger("uvicorn.error").addFilter(ONCE_A_MINUTE)
        super().__init__(config)
        self.server_state = LimitedServerState(self.connections)
        self._session = session

    def handle_exit(self, *_: object) -> None:
        """Handles a signal: asks the server to stop, however often it comes."""
        # Nothing more: a signal may interrupt its own handler, within any lock of this thread.
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to accept connections, within the limits."""
        await super().startup([Listener(each, self.connections) for each in sockets or ()])

    async def on_tick(self, counter: int) -> bool:
        """Closes connections that keep the server waiting; called ten times a second."""
        self.connections.sweep()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops the session's threads along with the server."""
        self._session.request_stop()
        await super().shutdown(sockets)
