"""Every fault that cameras have, twenty times each, on a fake clock, through the real threads."""

import importlib
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from live_cam.pipeline.capture import CaptureThread
from live_cam.pipeline.controls import Controls
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.statistics import Statistics

SCRIPTS = Path(__file__).parents[2] / "scripts"
KINDS = ["blocks", "freezes", "lies", "goes black", "flaps", "changes size", "dies"]
S = 1_000_000_000
RATE_FPS = 10
LIMIT_S = 2.0


class FakeClock:
    """A clock that stands still while a thread of the capture does something, and else jumps to whoever wakes next."""

    def __init__(self):
        self._now_ns = 1000 * S
        self._sleepers = {}
        self._changed = threading.Condition()
        self._ended = False

    def now_ns(self):
        return self._now_ns

    def sleep(self, seconds):
        with self._changed:
            until_ns = self._now_ns + int(seconds * S)
            self._sleepers[threading.current_thread()] = until_ns
            self._changed.wait_for(lambda: self._now_ns >= until_ns or self._ended)

    def jump(self):
        limit_s = time.monotonic() + 10
        with self._changed:
            while set(self._sleepers) != _actors():
                assert time.monotonic() < limit_s, "a thread does something other than sleep"
                self._changed.wait(0.0002)
            self._now_ns = min(self._sleepers.values())
            self._sleepers = {
                thread: until_ns for thread, until_ns in self._sleepers.items() if until_ns > self._now_ns
            }
            self._changed.notify_all()

    def run(self, until_ns, look):
        while self._now_ns < until_ns:
            self.jump()
            look(self._now_ns)

    def end(self):
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def _actors():
    return {thread for thread in threading.enumerate() if thread.name.startswith(("capture", "reader of"))}


class Recorder:
    """Stands where frames wait for the step, and notes which come, and when."""

    def __init__(self, clock):
        self._clock = clock
        self.came = []

    def put(self, feed, frame):
        self.came.append((self._clock.now_ns(), frame))


class Watch:
    """A faulty camera under watch."""

    def __init__(self, faulty_source, picture):
        self.clock = FakeClock()
        self.source = faulty_source.FaultySource(self.clock, picture, RATE_FPS)
        self.recorder = Recorder(self.clock)
        self.controls = Controls()
        self.feed = Feed("Faulty camera", "camera", self.controls, self.recorder, Statistics(), clock=self.clock)
        self.capture = CaptureThread(self.source, self.feed, self.clock)
        self.states = []
        self.capture.start()

    def run(self, seconds):
        self.clock.run(self.clock.now_ns() + int(seconds * S), self._look)

    def _look(self, now_ns):
        status = self.feed.status
        self.states.append((now_ns, status.state, status.message))

    def told_s(self, since_ns):
        """How long after `since_ns` it was said that something is wrong."""
        return next(now_ns - since_ns for now_ns, state, _ in self.states if now_ns > since_ns and state != "live") / S

    def picture_s(self, since_ns):
        """How long after `since_ns` the next picture went to the step."""
        return next(now_ns - since_ns for now_ns, _ in self.recorder.came if now_ns >= since_ns) / S


@pytest.fixture
def faulty_source(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module("faulty_source")


@pytest.fixture
def watch(faulty_source):
    """Watches a faulty camera that has been well for a second, or comes after 12: `watch(begins_well=True)`."""
    noise = np.random.default_rng(0).integers(60, 200, (512, 48, 64, 3), np.uint8)
    watches = []

    def start(begins_well=True):
        watches.append(Watch(faulty_source, lambda number: noise[number % 512]))
        if begins_well:
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
        for actor in _actors():
            actor.join(10)


@pytest.mark.parametrize("kind", KINDS)
def test_each_of_twenty_faults_is_told_within_two_seconds_and_over_within_two_seconds(watch, faulty_source, kind):
    watched = watch()
    random = np.random.default_rng(KINDS.index(kind))
    for _ in range(20):
        begin_ns = watched.clock.now_ns() + int(random.uniform(0.1, 1.0) * S)
        end_ns = begin_ns + int(random.uniform(2.5, 6.0) * S)
        watched.source.faults.append(faulty_source.Fault(kind, begin_ns, end_ns))
        watched.run((end_ns - watched.clock.now_ns()) / S + LIMIT_S + 0.5)
        assert watched.told_s(begin_ns) <= LIMIT_S
        assert watched.picture_s(end_ns) <= LIMIT_S
        assert watched.feed.status.state == "live"
    assert watched.source.most_open <= 8
    assert watched.source.open_now == 1, "of all that were opened, one is left"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("blocks", "has given no picture for"),
        ("freezes", "frozen"),
        ("lies", "frozen"),
        ("goes black", "nothing but black"),
        ("flaps", "unplugged"),
        ("dies", "unplugged"),
    ],
)
def test_what_is_wrong_is_said_as_it_is(watch, faulty_source, kind, words):
    watched = watch()
    begin_ns = watched.clock.now_ns()
    watched.source.faults.append(faulty_source.Fault(kind, begin_ns, begin_ns + 20 * S))
    watched.run(10)
    said = [message for now_ns, state, message in watched.states if state != "live" and now_ns > begin_ns + 2 * S]
    assert said
    assert all(words in message for message in said)


@pytest.mark.parametrize("kind", ["freezes", "lies", "goes black"])
def test_a_picture_that_is_no_news_is_not_explained(watch, faulty_source, kind):
    watched = watch()
    begin_ns = watched.clock.now_ns()
    watched.source.faults.append(faulty_source.Fault(kind, begin_ns, begin_ns + 20 * S))
    watched.run(15)
    allowed_ns = 0 if kind == "goes black" else 1.6 * S
    assert [now_ns for now_ns, _ in watched.recorder.came if now_ns > begin_ns + allowed_ns] == []
    assert all(frame.rgb.any() for _, frame in watched.recorder.came)


def test_pauses_between_tries_grow_and_stay_short_enough_for_two_seconds(watch, faulty_source):
    watched = watch()
    begin_ns = watched.clock.now_ns()
    watched.source.faults.append(faulty_source.Fault("dies", begin_ns, begin_ns + 30 * S))
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


def test_a_camera_that_comes_late_is_shown_when_it_comes(watch, faulty_source):
    watched = watch(begins_well=False)
    begin_ns = watched.clock.now_ns()
    watched.run(12)
    assert watched.recorder.came == []
    assert watched.feed.status.state in ("lost", "reconnecting")
    assert "unplugged" in watched.feed.status.message
    watched.run(LIMIT_S + 0.5)
    assert watched.picture_s(begin_ns + 12 * S) <= LIMIT_S


@pytest.mark.parametrize("interval_s", [1.0, 2.5])
def test_a_camera_that_gives_a_picture_now_and_then_is_not_taken_for_lost(faulty_source, watch, interval_s):
    watched = watch()
    watched.source.interval_ns = int(interval_s * S)
    watched.source.faults.append(faulty_source.Fault("dies", watched.clock.now_ns(), watched.clock.now_ns() + S))
    watched.run(15)
    steady_ns = watched.clock.now_ns()
    watched.run(20)
    assert {state for now_ns, state, _ in watched.states if now_ns > steady_ns} == {"live"}
