"""What the viewers of a feed receive, built once for all of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from live_cam.pipeline.broadcast import FrameKey
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.payload import frame_payload, state_payload
from live_cam.pipeline.session import Session
from live_cam.types import EncodedFrame
from live_cam.web.api.messages import encode, pack_text
from live_cam.web.security.protocols import SharedMessage

# Of a state when it is sent; changed settings, and what viewers are woken for, are sent at once.
_MAX_AGE_NS = 100_000_000


@dataclass(slots=True)
class _Built:
    """What was built for a feed.

    Attributes:
        version: What the state depends on that changes at once.
        at_ns: When it was built.
        state: The state, in JSON.
        key: Of the frame in `frame_text` and `message`; None without one.
        frame_text: The state and the description of a frame, in JSON.
        message: The same with the JPEG, for the socket; None if it was not needed yet.
    """

    version: tuple[int, int]
    at_ns: int
    state: bytes
    key: FrameKey | None = None
    frame_text: bytes = b""
    message: SharedMessage | None = None


class SharedMessages:
    """The newest messages of each feed of a session; used in the event loop alone."""

    def __init__(self, session: Session) -> None:
        """Prepares messages; they are built when they are needed."""
        self._session = session
        self._built: WeakKeyDictionary[Feed, _Built] = WeakKeyDictionary()

    def state_text(self, feed: Feed) -> bytes:
        """Returns the state of a feed, in JSON."""
        return self._get(feed).state

    def state(self, feed: Feed, display_latency_ms: float | None) -> bytes:
        """Returns the message with the state, and with what one viewer alone receives."""
        latency = json.dumps(display_latency_ms).encode()
        return pack_text(b'%b,"display_latency_ms":%b}' % (self.state_text(feed)[:-1], latency))

    def frame_text(self, feed: Feed, frame: EncodedFrame) -> bytes:
        """Returns the state of a feed and the description of a frame, in JSON."""
        return self._get(feed, frame).frame_text

    def frame(self, feed: Feed, frame: EncodedFrame) -> SharedMessage:
        """Returns the message with the same and the JPEG."""
        built = self._get(feed, frame)
        if built.message is None:
            built.message = SharedMessage(pack_text(built.frame_text, frame.jpeg))
        return built.message

    def _get(self, feed: Feed, frame: EncodedFrame | None = None) -> _Built:
        version, now_ns = (feed.broadcaster.wakes, feed.settings.revision), self._session.clock.now_ns()
        built = self._built.get(feed)
        if built is None or built.version != version or now_ns - built.at_ns > _MAX_AGE_NS:
            built = self._built[feed] = _Built(version, now_ns, encode(state_payload(self._session, feed)))
        if frame is not None and built.key != frame.key:
            built.key, built.message = frame.key, None
            built.frame_text = encode(frame_payload(self._session, feed, frame))
        return built
