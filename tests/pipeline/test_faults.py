"""Every fault of cameras, several times each, through the real threads on a fake clock; scripts/faults.py has more."""

import numpy as np
import pytest

from live_cam.pipeline.capture import CaptureThread
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.settings import SettingsStore
from scripts import faulty_source
from tests.clocks import S, SteppingClock

KINDS = ["blocks", "freezes", "stays frozen", "goes black", "flaps", "changes size", "dies"]
RATE_FPS = 10
REPETITIONS = 8
LIMIT_S = 2.0


class RecordingQueue(FrameQueue[Feed]):
    """A frame queue that records which frames arrive, and when."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock
        self.arrived = []

    def put(self, feed, frame):
        self.arrived.append((self._clock.now_ns(), frame))
        return False


class Watch:
    """A faulty camera, and the states that its feed goes through."""

    def __init__(self, draw):
        self.clock = SteppingClock("capture", "reader of")
        self.source = faulty_source.FaultySource(self.clock, draw, RATE_FPS)
        self.frames = RecordingQueue(self.clock)
        self.settings = SettingsStore()
        self.feed = Feed("Faulty camera", "camera", self.settings, self.frames, Metrics(), clock=self.clock)
        self.capture = CaptureThread(self.source, self.feed, self.clock)
        self.states = []
        self.capture.start()

    def run(self, seconds):
        self.clock.run(seconds, self._note)

    def _note(self, now_ns):
        status = self.feed.status
        self.states.append((now_ns, status.state, status.message))

    def reported_s(self, since_ns):
        """Returns how long after `since_ns` a fault was reported."""
        return next(now_ns - since_ns for now_ns, state, _ in self.states if now_ns > since_ns and state != "live") / S

    def recovered_s(self, since_ns):
        """Returns how long after `since_ns` the next frame was queued."""
        return next(now_ns - since_ns for now_ns, _ in self.frames.arrived if now_ns >= since_ns) / S


@pytest.fixture
def watch():
    """Watches a camera that has been healthy for a second, or appears after 12: `watch(is_healthy=True)`."""
    noise = np.random.default_rng(0).integers(60, 200, (512, 48, 64, 3), np.uint8)
    watches = []

    def start(is_healthy=True):
        watches.append(Watch(lambda number: noise[number % 512]))
        if is_healthy:
            watches[-1].run(1.0)
        else:
            now_ns = watches[-1].clock.now_ns()
            watches[-1].source.faults.append(faulty_source.Fault("dies", now_ns, now_ns + 12 * S))
        return watches[-1]

    yield start
    for each in watches:
        each.capture.request_stop()
        each.source.faults.clear()
        each.clock.end()
        for thread in each.clock.threads:
            thread.join(10)


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_is_reported_within_two_seconds_and_recovered_from_within_two_seconds(watch, kind):
    watched = watch()
    random = np.random.default_rng(KINDS.index(kind))
    for _ in range(REPETITIONS):
        start_ns = watched.clock.now_ns() + int(random.uniform(0.1, 1.0) * S)
        end_ns = start_ns + int(random.uniform(2.5, 6.0) * S)
        watched.source.faults.append(faulty_source.Fault(kind, start_ns, end_ns))
        watched.run((end_ns - watched.clock.now_ns()) / S + LIMIT_S + 0.5)
        assert watched.reported_s(start_ns) <= LIMIT_S
        assert watched.recovered_s(end_ns) <= LIMIT_S
        assert watched.feed.status.state == "live"
    assert watched.source.most_open <= 8
    assert watched.source.open_now == 1, "one stream is left of all that were opened"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("blocks", "has delivered no frame for"),
        ("freezes", "frozen"),
        ("stays frozen", "frozen"),
        ("goes black", "nothing but black"),
        ("flaps", "unplugged"),
        ("dies", "unplugged"),
    ],
)
def test_the_message_names_the_fault(watch, kind, words):
    watched = watch()
    start_ns = watched.clock.now_ns()
    watched.source.faults.append(faulty_source.Fault(kind, start_ns, start_ns + 20 * S))
    watched.run(10)
    messages = [message for now_ns, state, message in watched.states if state != "live" and now_ns > start_ns + 2 * S]
    assert messages
    assert all(words in message for message in messages)


@pytest.mark.parametrize("kind", ["freezes", "stays frozen", "goes black"])
def test_frozen_and_black_frames_are_not_explained(watch, kind):
    watched = watch()
    start_ns = watched.clock.now_ns()
    watched.source.faults.append(faulty_source.Fault(kind, start_ns, start_ns + 20 * S))
    watched.run(15)
    allowed_ns = 0 if kind == "goes black" else 1.6 * S
    assert [now_ns for now_ns, _ in watched.frames.arrived if now_ns > start_ns + allowed_ns] == []
    assert all(frame.rgb.any() for _, frame in watched.frames.arrived)


def test_pauses_between_tries_grow_to_a_second(watch):
    watched = watch()
    start_ns = watched.clock.now_ns()
    watched.source.faults.append(faulty_source.Fault("dies", start_ns, start_ns + 30 * S))
    watched.run(20)
    pauses = [
        float(message.rpartition(" in ")[2].removesuffix(" s"))
        for _, state, message in watched.states
        if state == "lost"
    ]
    announced = [pause for before, pause in zip([0.0, *pauses], pauses, strict=False) if pause > before]
    assert announced[:3] == pytest.approx([0.25, 0.5, 1.0], abs=0.11)
    assert announced[3:] == pytest.approx([1.0] * len(announced[3:]), abs=0.11)
    assert len(announced) > 12


def test_a_camera_that_appears_late_is_shown(watch):
    watched = watch(is_healthy=False)
    start_ns = watched.clock.now_ns()
    watched.run(12)
    assert watched.frames.arrived == []
    assert watched.feed.status.state in ("lost", "reconnecting")
    assert "unplugged" in watched.feed.status.message
    watched.run(LIMIT_S + 0.5)
    assert watched.recovered_s(start_ns + 12 * S) <= LIMIT_S


@pytest.mark.parametrize("interval_s", [1.0, 2.5])
def test_a_camera_with_a_low_frame_rate_is_live(watch, interval_s):
    watched = watch()
    watched.source.interval_ns = int(interval_s * S)
    watched.source.faults.append(faulty_source.Fault("dies", watched.clock.now_ns(), watched.clock.now_ns() + S))
    watched.run(15)
    steady_ns = watched.clock.now_ns()
    watched.run(20)
    assert {state for now_ns, state, _ in watched.states if now_ns > steady_ns} == {"live"}
