"""The messages that all viewers of a feed share."""

from __future__ import annotations

import gc
import json
import weakref
from contextlib import ExitStack

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, OPEN, Protocol

from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.payload import frame_payload, state_payload
from live_cam.pipeline.settings import SettingsStore
from live_cam.types import EncodedFrame, OverlayStyle
from live_cam.web.api import shared_messages
from live_cam.web.api.shared_messages import SharedMessages
from live_cam.web.security.protocols import SharedMessage
from tests.web.viewers import acknowledge, receive_frame, unpack, watch


@pytest.fixture
def feed(session):
    return session.feeds[0]


@pytest.fixture
def messages(session):
    return SharedMessages(session)


@pytest.fixture
def shown(feed, make_frame, make_explanation, clock):
    frame = feed.offer(make_frame(pts_ns=clock.now_ns()), None)
    return EncodedFrame(b"\xff\xd8 a JPEG \xff\xd9", frame, make_explanation(), OverlayStyle())


def test_they_hold_what_would_be_built_for_one_viewer(session, feed, messages, shown):
    header, jpeg = unpack(messages.frame(feed, shown))
    assert header == json.loads(messages.frame_text(feed, shown)) == frame_payload(session, feed, shown)
    assert jpeg == shown.jpeg
    state, nothing = unpack(messages.state(feed, 41.5))
    assert state == {**state_payload(session, feed), "display_latency_ms": 41.5}
    assert nothing == b""
    assert unpack(messages.state(feed, None))[0]["display_latency_ms"] is None


def test_all_viewers_of_a_frame_get_the_same_bytes(feed, messages, shown):
    assert messages.frame(feed, shown) is messages.frame(feed, shown)


def test_the_state_in_a_frame_is_never_older_than_a_tenth_of_a_second(feed, messages, shown, clock):
    first = messages.frame(feed, shown)
    clock.advance(0.1)
    assert messages.frame(feed, shown) is first
    clock.advance(0.01)
    assert unpack(messages.frame(feed, shown))[0]["age_ms"] == 110.0


@pytest.mark.parametrize("change", ["the settings", "the source"])
def test_a_change_is_told_at_once_also_by_a_frame_from_before(feed, messages, shown, change):
    before = unpack(messages.frame(feed, shown))[0]
    if change == "the settings":
        feed.settings.change(target=285)
    else:
        feed.watchdog.fail("it is unplugged")
        feed.broadcaster.wake()
    after = unpack(messages.frame(feed, shown))[0]
    changed = "settings" if change == "the settings" else "message"
    assert after[changed] != before[changed]
    assert unpack(messages.state(feed, None))[0][changed] == after[changed]


def test_a_feed_that_is_gone_is_not_kept(messages):
    feed = Feed("a visitor", "browser", SettingsStore(), FrameQueue(), Metrics())
    messages.state_text(feed)
    gone = weakref.ref(feed)
    del feed
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 300_000])
def test_a_shared_message_is_framed_as_a_client_reads_it(size):
    message = SharedMessage(bytes(size))
    client = Protocol(CLIENT, state=OPEN, max_size=None)
    client.receive_data(message.frame)
    (frame,) = client.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.BINARY, True, bytes(size))


@pytest.mark.slow
def test_many_viewers_cost_as_many_headers_as_one(site, monkeypatch):
    built = []
    monkeypatch.setattr(
        shared_messages, "frame_payload", lambda *arguments: built.append(frame_payload(*arguments)) or built[-1]
    )
    received = []
    with ExitStack() as stack:
        viewers = [stack.enter_context(watch(site)) for _ in range(20)]
        for _ in range(5):
            for viewer in viewers:
                header = receive_frame(viewer)
                received.append(header["seq"])
                acknowledge(viewer, header)
    assert len(received) == 100
    # Of each frame one, and one more for each tenth of a second in which somebody still waits for it.
    assert len(built) < len(received) / 2
