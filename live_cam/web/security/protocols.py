"""uvicorn's protocols, with the limits of `live_cam.web.security.limits`."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import h11
from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CTRL_OPCODES, Frame, Opcode

from live_cam.web.security.limits import Connection, Connections

_POLICY_VIOLATION = 1008
# Some hundred of the smallest frames: what exceeds a limit is not even parsed.
_PIECE_BYTES = 4096


class SharedMessage(bytes):
    """A message to many WebSockets, which is framed once for all.

    What a server sends is not masked, so that a frame is the same for all of them as long as none compresses.

    Attributes:
        frame: The message in its frame, as it is sent.
    """

    frame: bytes

    def __new__(cls, message: bytes) -> SharedMessage:
        """Frames a message."""
        self = super().__new__(cls, message)
        self.frame = Frame(Opcode.BINARY, message).serialize(mask=False)
        return self


class LimitedServerState(ServerState):
    """What all protocols of a server share.

    Attributes:
        limited: The connections with their limits.
    """

    def __init__(self, limited: Connections) -> None:
        super().__init__()
        self.limited = limited


class LimitedHttp(H11Protocol):
    """HTTP whose requests have to be complete, and whose responses have to be read, within the limits."""

    _connection: Connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the time for the first request."""
        super().connection_made(transport)
        self._connection = _connection_of(self.server_state, transport)

    def data_received(self, data: bytes) -> None:
        """Stops that time once the request is complete."""
        super().data_received(data)
        self._record()

    def on_response_complete(self) -> None:
        """Starts the time for the next request."""
        super().on_response_complete()
        self._record()

    def pause_writing(self) -> None:
        """Starts the time for the peer to read."""
        super().pause_writing()
        self._connection.stall(True)

    def resume_writing(self) -> None:
        """Stops that time."""
        super().resume_writing()
        self._connection.stall(False)

    def _record(self) -> None:
        if self.transport.get_protocol() is self:  # otherwise it has become a WebSocket
            is_served = self.cycle is not None and not self.cycle.response_complete
            self._connection.wait(not is_served or self.conn.their_state is h11.SEND_BODY)


class LimitedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket whose peer has to read, and may send so many frames a second."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._server_state = server_state
        limits = cast("LimitedServerState", server_state).limited.limits
        self._messages = _Allowance(limits.messages_per_s, self.loop.time())
        self._control_frames = _Allowance(limits.control_frames_per_s, self.loop.time())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes over from HTTP, whose request is complete."""
        super().connection_made(transport)
        self._connection = _connection_of(self._server_state, self.transport)
        self._connection.wait(False)

    def data_received(self, data: bytes) -> None:
        """Parses what was received, unless it exceeds the limits."""
        for start in range(0, len(data), _PIECE_BYTES):
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + _PIECE_BYTES])

    async def send(self, message: ASGISendEvent) -> None:
        """Sends what the application has for the peer; a shared message as it is framed already."""
        shared = message.get("bytes")
        if not isinstance(shared, SharedMessage) or self.conn.extensions:
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(shared.frame)

    def send_receive_event_to_app(self) -> None:
        """Passes a message on, and pauses the peer only if another waits already: that takes two system calls."""
        if not self.queue.empty():
            super().send_receive_event_to_app()
            return
        paused, self.read_paused = self.read_paused, True
        super().send_receive_event_to_app()
        self.read_paused = paused

    def handle_events(self) -> None:
        """Handles the frames that were parsed, or closes the connection if there are too many."""
        frames = [event for event in self.conn.events if isinstance(event, Frame)]
        control_frames = sum(frame.opcode in CTRL_OPCODES for frame in frames)
        now_s = self.loop.time()
        if self._control_frames.take(control_frames, now_s) and self._messages.take(
            len(frames) - control_frames, now_s
        ):
            super().handle_events()
            return
        self.conn.fail(_POLICY_VIOLATION, "too many messages")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()

    def pause_writing(self) -> None:
        """Starts the time for the peer to read."""
        super().pause_writing()
        self._connection.stall(True)

    def resume_writing(self) -> None:
        """Stops that time."""
        super().resume_writing()
        self._connection.stall(False)


class _Allowance:
    """So many a second, and twice as many at once (a token bucket)."""

    def __init__(self, per_s: float, now_s: float) -> None:
        self._per_s = per_s
        self._left = self._most = 2 * per_s
        self._since_s = now_s

    def take(self, count: int, now_s: float) -> bool:
        """Takes so many, and returns whether they were left."""
        self._left = min(self._most, self._left + (now_s - self._since_s) * self._per_s) - count
        self._since_s = now_s
        return self._left >= 0


def _connection_of(state: ServerState, transport: asyncio.Transport) -> Connection:
    connection = cast("LimitedServerState", state).limited.of(transport)
    connection.transport = transport
    return connection
