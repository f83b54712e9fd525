"""The capture thread with a camera whose faults the test controls, both on a clock that the test steps."""

import re

import numpy as np
import pytest

from live_cam.errors import AccessDeniedError, SourceError
from live_cam.pipeline.capture import CaptureThread
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.settings import SettingsStore
from tests.clocks import SteppingClock

_TICK_S = 0.06  # a little more than the interval at which the thread checks the source


class Capture:
    """A capture thread with what it shares with other threads.

    Attributes:
        taken: The frames that were taken from the queue, if `is_collecting`.
    """

    def __init__(self, source):
        self.source = source
        self.settings = SettingsStore()
        self.frame_queue = FrameQueue()
        self.feed = Feed(source.name, source.kind, self.settings, self.frame_queue, Metrics(), clock=source.clock)
        self.thread = CaptureThread(source, self.feed, source.clock)
        self.is_collecting = False
        self.taken = []

    def run_until(self, condition):
        """Steps the clock until a condition holds, and returns the seconds that took."""

        def collect_and_check():
            if self.is_collecting:
                taken = self.frame_queue.take(timeout_s=0)
                assert isinstance(taken, list)
                self.taken += [frame for _, frame in taken]
            return condition()

        return self.source.clock.run_until(collect_and_check)

    def run_until_live(self):
        return self.run_until(lambda: self.state == "live")

    def capture_more(self, num_frames):
        """Runs until so many more frames have been captured."""
        target = self.captured + num_frames
        return self.run_until(lambda: self.captured >= target)

    @property
    def state(self):
        return self.feed.status.state

    @property
    def message(self):
        return self.feed.status.message

    @property
    def reported_state(self):
        """The state that viewers were notified of last."""
        return self.thread._last_state

    @property
    def has_stopped(self):
        """Whether the thread has dismissed its readers, which it may do a tick after the state has changed."""
        return self.reported_state == "ended" and self.feed.watchdog.status.state == "starting"

    @property
    def captured(self):
        return self.feed.metrics.read().captured

    @property
    def num_readers(self):
        return sum(thread.name == f"reader of {self.source.name}" for thread in self.source.clock.threads)


class GatedStream:
    """A stream whose `read` can be blocked on its own."""

    def __init__(self, stream, clock):
        self._stream = stream
        self._clock = clock
        self.is_blocked = False
        self.is_gated = False

    @property
    def frozen_after_s(self):
        return self._stream.frozen_after_s

    def read(self):
        frame = self._stream.read()
        while self.is_gated:
            self.is_blocked = True
            self._clock.sleep(0.02)
        self.is_blocked = False
        return frame

    def close(self):
        self._stream.close()


class FadingStream(GatedStream):
    """A stream that fails after three frames."""

    frames_left = 3

    def read(self):
        if not self.frames_left:
            raise SourceError("the plug is loose")
        self.frames_left -= 1
        return super().read()


def wrap_streams(source, wrapper=GatedStream):
    """Wraps each stream that the source opens, and returns the list of them."""
    opened, open_plain = [], source.open

    def open_and_wrap():
        opened.append(wrapper(open_plain(), source.clock))
        return opened[-1]

    source.open = open_and_wrap
    return opened


@pytest.fixture
def clock():
    clock = SteppingClock("capture", "reader of")
    yield clock
    clock.end()


@pytest.fixture
def source(fake_source, clock):
    return fake_source(clock=clock)


@pytest.fixture
def start(clock):
    """Starts a capture thread: `start(source)`; it stops when the test ends."""
    started = []

    def start(source):
        started.append(Capture(source))
        started[-1].thread.start()
        return started[-1]

    yield start
    for capture in started:
        capture.thread.request_stop()
        capture.source.release()
    clock.end()
    for thread in clock.threads:
        thread.join(10.0)


def test_frames_of_a_healthy_source_are_queued(start, source):
    capture = start(source)
    capture.is_collecting = True
    capture.run_until(lambda: len(capture.taken) == 2)
    assert [frame.seq for frame in capture.taken] == [0, 1]
    assert (capture.state, capture.message) == ("live", "")


def test_frames_nobody_takes_are_counted_and_the_newest_is_kept(start, source):
    capture = start(source)
    capture.capture_more(20)
    capture.thread.request_stop()
    capture.run_until(lambda: not capture.num_readers)
    assert capture.feed.metrics.read().dropped == capture.captured - 1
    ((_, newest),) = capture.frame_queue.take()
    assert newest.seq == capture.captured - 1


def test_a_source_that_fails_to_open_is_retried_after_growing_pauses_with_the_reason(start, source):
    source.open_errors = [SourceError("another program is using it")] * 2
    capture = start(source)
    announced_s = {}

    def is_live():
        status = capture.feed.status
        if status.state == "lost":
            pause_s = float(re.search(r"trying again in ([\d.]+) s", status.message)[1])
            announced_s.setdefault(len(source.opened_at_s), []).append(pause_s)
            assert "another program is using it" in status.message
        return status.state == "live"

    capture.run_until(is_live)
    assert announced_s.keys() == {1, 2}
    assert max(announced_s[1]) <= 0.3 < max(announced_s[2]) <= 0.5
    assert np.diff(source.opened_at_s) == pytest.approx([0.25, 0.5], abs=_TICK_S)


def test_a_source_that_denies_access_is_retried_once_a_minute_at_most(start, source):
    source.open_errors = [AccessDeniedError("denies access")] * 3
    capture = start(source)
    capture.run_until(lambda: capture.state == "lost")
    assert "denies access; trying again in 60 s" in capture.message
    source.clock.run_until(lambda: capture.state == "live", within_s=600)
    assert np.diff(source.opened_at_s) == pytest.approx([60, 120, 300], abs=_TICK_S)


def test_a_person_ends_the_pause_before_the_next_try(start, source):
    source.open_errors = [AccessDeniedError("denies access")]
    capture = start(source)
    capture.run_until(lambda: capture.state == "lost")
    assert capture.feed.watchdog.retry_s == pytest.approx(60, abs=_TICK_S)
    capture.feed.watchdog.retry()
    assert capture.run_until_live() < 1
    assert capture.feed.watchdog.retry_s is None


def test_a_source_that_delivers_a_few_frames_and_fails_again_is_retried_after_growing_pauses(start, source):
    wrap_streams(source, FadingStream)
    capture = start(source)
    capture.run_until(lambda: len(source.opened_at_s) == 6)
    three_frames_s = 3 * source.interval_s
    pauses_s = np.diff(source.opened_at_s) - three_frames_s
    assert pauses_s == pytest.approx([0.25, 0.5, 1.0, 1.0, 1.0], abs=_TICK_S)
    assert capture.captured == 15


def test_a_source_that_fails_is_closed_and_reopened(start, source):
    capture = start(source)
    capture.run_until_live()
    source.read_errors = [SourceError("it was unplugged")]
    capture.run_until(lambda: capture.state == "lost")
    assert "it was unplugged" in capture.message
    assert not source.is_open
    before = capture.captured
    capture.run_until(lambda: capture.state == "live" and capture.captured > before)
    assert len(source.opened_at_s) == 2
    assert capture.message == ""


def test_numbers_increase_over_a_failure(start, source):
    capture = start(source)
    capture.is_collecting = True
    capture.capture_more(5)
    source.read_errors = [SourceError("it was unplugged")]
    capture.run_until(lambda: len(source.opened_at_s) == 2)
    capture.capture_more(5)
    seqs = [frame.seq for frame in capture.taken]
    assert seqs == list(range(len(seqs))), "viewers recognise an overlay by its number"


def test_a_camera_may_change_its_size_while_open_and_when_reopened(start, source):
    capture = start(source)
    capture.is_collecting = True
    capture.run_until(lambda: capture.taken)
    source.size_px = (128, 96)
    capture.run_until(lambda: capture.taken[-1].rgb.shape == (96, 128, 3))
    source.read_errors = [SourceError("it was unplugged")]
    capture.run_until(lambda: capture.state == "lost")
    source.size_px = (32, 200)
    capture.run_until(lambda: capture.taken[-1].rgb.shape == (200, 32, 3))
    assert len(source.opened_at_s) == 2
    assert capture.state == "live"


def test_unexpected_errors_are_reported_and_logged_and_do_not_end_the_thread(start, source, caplog):
    capture = start(source)
    capture.run_until_live()
    source.open_errors = [ZeroDivisionError("no channels")]
    source.read_errors = [RuntimeError("the driver returned garbage")]
    for fault in ("the driver returned garbage", "no channels"):
        capture.run_until(lambda: fault in capture.message)  # noqa: B023
        assert source.name in capture.message
        assert fault in caplog.text
    capture.run_until_live()


@pytest.mark.parametrize("fault", ["fails", "blocks"])
def test_when_a_source_is_lost_viewers_are_woken_and_it_is_logged_once(start, source, caplog, fault):
    capture = start(source)
    capture.run_until(lambda: capture.reported_state == "live")
    wakes = capture.feed.broadcaster.wakes
    if fault == "blocks":
        source.block()
    else:
        source.open_errors = [SourceError("it is gone")]
        source.read_errors = [SourceError("it is gone")]
    capture.run_until(lambda: capture.state != "live")
    capture.run_until(lambda: capture.reported_state != "live" and capture.feed.broadcaster.wakes > wakes)
    capture.run_until(lambda: "trying again" in capture.message)
    source.release()
    capture.run_until_live()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert source.name in caplog.text or "it is gone" in caplog.text


def test_a_source_that_blocks_is_reported_within_two_seconds_and_live_again_once_it_continues(start, source):
    capture = start(source)
    capture.run_until_live()
    source.block()
    capture.run_until(lambda: source.is_blocked)
    # The frame before arrived up to an interval earlier.
    assert 1.4 < capture.run_until(lambda: capture.state != "live") < 2.0
    assert source.name in capture.message
    assert "no frame" in capture.message
    source.release()
    assert capture.run_until_live() < 2.0


def test_while_a_read_blocks_the_source_is_opened_a_second_time(start, source):
    streams = wrap_streams(source)
    capture = start(source)
    capture.run_until_live()
    streams[0].is_gated = True
    capture.run_until(lambda: streams[0].is_blocked)
    before = capture.captured
    capture.run_until(lambda: capture.state == "live" and capture.captured > before)
    assert len(streams) == 2
    assert source.open_count == 2, "nobody can end a read that blocks"

    streams[0].is_gated = False
    capture.run_until(lambda: source.open_count == 1)
    capture.capture_more(4)
    assert len(streams) == 2
    assert capture.state == "live"


def test_when_a_camera_continues_by_itself_one_reader_stays_and_the_others_end(start, source):
    capture = start(source)
    capture.run_until_live()
    source.block()
    capture.run_until(lambda: source.open_count == 2)
    source.release()
    capture.run_until(lambda: capture.state == "live" and source.open_count == 1)
    capture.run_until(lambda: capture.num_readers == 1)
    capture.capture_more(4)
    assert len(source.opened_at_s) == 2


def test_a_blocked_reader_continues_where_the_source_can_be_opened_only_once(start, source):
    capture = start(source)
    capture.run_until_live()
    source.open_errors = [SourceError("another program is using it")] * 1000
    source.block()
    capture.run_until(lambda: len(source.opened_at_s) == 3)
    assert "another program is using it" in capture.message
    source.release()
    capture.run_until_live()
    num_opened = len(source.opened_at_s)
    capture.capture_more(11)
    assert len(source.opened_at_s) == num_opened
    assert source.open_count == 1


def test_no_more_than_eight_readers_block(start, source, clock):
    source.block()
    capture = start(source)
    capture.run_until(lambda: source.open_count == 8)
    clock.run(8.0)
    assert source.open_count == capture.num_readers == 8
    assert capture.state == "lost"
    assert "blocks every reader" in capture.message
    source.release()
    capture.run_until(lambda: source.open_count == capture.num_readers == 1)


def test_a_frozen_camera_is_reported_within_two_seconds_and_reopened_and_live_when_its_frames_change(start, source):
    capture = start(source)
    capture.is_collecting = True
    capture.run_until_live()
    source.level = 120
    assert 1.4 < capture.run_until(lambda: capture.state != "live") < 2.0
    assert "frozen" in capture.message
    capture.run_until(lambda: len(source.opened_at_s) == 2)
    num_taken = len(capture.taken)
    capture.capture_more(4)
    assert capture.state != "live", "the camera delivers the same frame after it was reopened"
    assert len(capture.taken) == num_taken, "a frozen frame is not explained"
    source.level = None
    assert capture.run_until_live() < 1.0
    capture.run_until(lambda: len(capture.taken) > num_taken)


def test_still_frames_of_a_file_are_healthy(start, fake_source, clock):
    source = fake_source(kind="file", clock=clock)
    source.frozen_after_s = None
    source.level = 120
    capture = start(source)
    capture.run_until_live()
    clock.run(5.0, lambda now_ns: [] if capture.state == "live" else pytest.fail(capture.message))
    assert len(source.opened_at_s) == 1


@pytest.mark.parametrize("is_noisy", [False, True], ids=["constant", "noisy"])
def test_black_frames_are_reported_within_two_seconds_and_never_explained(start, source, is_noisy):
    class NoisyStream(GatedStream):
        def read(self):
            if is_noisy and source.level is not None:  # so that the camera is not frozen as well
                source.level = 6 - source.level
            return super().read()

    wrap_streams(source, NoisyStream)
    capture = start(source)
    capture.is_collecting = True
    capture.run_until(lambda: capture.taken)
    source.level = 0
    assert capture.run_until(lambda: capture.state != "live") < 2.0
    assert "black" in capture.message
    capture.run_until(lambda: capture.feed.metrics.read().dropped >= 20)
    source.level = None
    num_taken = len(capture.taken)
    capture.run_until(lambda: capture.state == "live" and len(capture.taken) > num_taken)
    assert min(frame.rgb.max() for frame in capture.taken) > 32


def test_a_camera_that_is_black_from_the_start_is_never_live(start, source):
    class DarkStream(GatedStream):
        def read(self):
            source.level = 5 if source.level == 6 else 6
            return super().read()

    wrap_streams(source, DarkStream)
    capture = start(source)
    capture.is_collecting = True
    states = set()

    def is_reported():
        states.add(capture.state)
        return "black" in capture.message

    capture.run_until(is_reported)
    assert "live" not in states
    assert capture.taken == []


def test_stop_closes_the_source_and_start_opens_it_again(start, source):
    capture = start(source)
    capture.run_until_live()
    capture.settings.change(running=False)
    before = capture.captured
    capture.run_until(lambda: capture.state == "ended" and not source.is_open)
    assert capture.captured == before, "nothing is captured while stopped"
    assert "Start" in capture.message
    capture.settings.change(running=True)
    capture.run_until_live()
    capture.capture_more(1)
    assert len(source.opened_at_s) == 2


def test_a_frame_that_a_blocked_read_returns_after_stop_is_discarded(start, source):
    capture = start(source)
    capture.run_until_live()
    source.block()
    capture.run_until(lambda: source.is_blocked)
    capture.settings.change(running=False)
    capture.run_until(lambda: capture.reported_state == "ended")
    before = capture.captured
    source.release()
    capture.run_until(lambda: not source.is_open)
    assert capture.captured == before


def test_stop_and_start_revive_a_camera_whose_driver_blocks(start, source):
    streams = wrap_streams(source)
    capture = start(source)
    capture.run_until(lambda: capture.reported_state == "live")
    wakes = capture.feed.broadcaster.wakes
    streams[0].is_gated = True
    capture.run_until(lambda: streams[0].is_blocked)
    capture.settings.change(running=False)
    stop_s = capture.run_until(lambda: capture.has_stopped and capture.feed.broadcaster.wakes > wakes)
    capture.settings.change(running=True)
    start_s = capture.capture_more(1)
    assert stop_s + start_s < 0.5, "it did not wait until the silence was noticed"
    assert len(streams) == 2
    streams[0].is_gated = False


def test_stop_and_start_do_not_wait_for_the_pause_before_the_next_try(start, source):
    source.open_errors = [SourceError("it is unplugged")] * 3
    capture = start(source)
    capture.run_until(lambda: len(source.opened_at_s) == 3 and capture.state == "lost")
    capture.settings.change(running=False)
    stop_s = capture.run_until(lambda: capture.has_stopped)
    capture.settings.change(running=True)
    assert stop_s + capture.run_until_live() < 0.5, "of a pause of a second"


def test_on_request_the_thread_ends_and_closes_the_source(start, source):
    capture = start(source)
    capture.run_until_live()
    capture.thread.request_stop()
    assert capture.run_until(lambda: not capture.thread.is_alive()) < 0.1
    capture.run_until(lambda: not source.is_open)


def test_on_request_the_thread_ends_while_a_read_blocks(start, source):
    capture = start(source)
    capture.run_until_live()
    source.block()
    capture.run_until(lambda: source.is_blocked)
    capture.thread.request_stop()
    assert capture.run_until(lambda: not capture.thread.is_alive()) < 0.1
    assert source.is_open, "a blocked reader is abandoned"
    source.release()
    capture.run_until(lambda: not source.is_open)


def test_on_request_the_thread_ends_during_the_pause_before_the_next_try(start, source):
    source.open_errors = [SourceError("no")] * 9
    capture = start(source)
    capture.run_until(lambda: len(source.opened_at_s) == 3 and capture.state == "lost")
    capture.thread.request_stop()
    assert capture.run_until(lambda: not capture.thread.is_alive()) < 0.1, "of a pause of a second"
    assert len(source.opened_at_s) == 3


def test_a_source_that_was_stopped_before_the_thread_started_is_not_opened(source, clock):
    capture = Capture(source)
    capture.settings.change(running=False)
    capture.thread.start()
    capture.run_until(lambda: capture.feed.broadcaster.wakes == 1)
    assert capture.state == "ended"
    capture.thread.request_stop()
    capture.run_until(lambda: not capture.thread.is_alive())
    assert source.opened_at_s == []


def test_a_camera_that_opens_but_delivers_no_first_frame_is_reported(start, source):
    source.block()
    capture = start(source)
    assert capture.state == "starting"
    assert 1.9 < capture.run_until(lambda: capture.state != "starting") < 2.2
    assert capture.state in ("lost", "reconnecting")
    assert source.name in capture.message
    source.release()
    capture.run_until_live()


def test_a_source_that_fails_to_close_is_reopened(start, source):
    class StuckStream(GatedStream):
        def close(self):
            super().close()
            raise OSError("the bus is gone")

    wrap_streams(source, StuckStream)
    capture = start(source)
    capture.capture_more(1)
    source.read_errors = [SourceError("it was unplugged")]
    capture.run_until(lambda: len(source.opened_at_s) == 2 and capture.state == "live")


class InterruptibleSource:
    """A network camera for one viewer at a time: whatever waits for it can be interrupted.

    Attributes:
        num_interrupts: How often it was interrupted.
    """

    def __init__(self, source):
        source.kind = "network"
        self._source = source
        self.num_interrupts = 0
        source.interrupt = self._interrupt

    def _interrupt(self):
        self.num_interrupts += 1
        self._source.release()


def test_a_reader_that_blocks_is_interrupted_before_another_opens_the_source(start, source):
    camera = InterruptibleSource(source)
    capture = start(source)
    capture.capture_more(4)
    source.block()
    capture.run_until(lambda: capture.state != "live")
    capture.run_until_live()
    assert camera.num_interrupts == 1
    assert len(source.opened_at_s) == 2
    capture.run_until(lambda: capture.num_readers == 1)


def test_a_network_camera_that_takes_seconds_to_the_first_frame_is_opened_once(start, source, clock):
    InterruptibleSource(source)
    source.block()
    capture = start(source)
    clock.run(8.0)
    assert capture.state == "reconnecting"
    source.release()
    capture.run_until_live()
    assert len(source.opened_at_s) == 1


def test_the_end_of_the_thread_interrupts_a_reader_that_blocks(start, source):
    camera = InterruptibleSource(source)
    capture = start(source)
    capture.run_until_live()
    source.block()
    capture.run_until(lambda: source.is_blocked)
    capture.thread.request_stop()
    capture.run_until(lambda: not source.is_open)
    assert camera.num_interrupts == 1


def test_stop_interrupts_a_reader_that_blocks(start, source):
    camera = InterruptibleSource(source)
    capture = start(source)
    capture.run_until_live()
    source.block()
    capture.run_until(lambda: source.is_blocked)
    capture.settings.change(running=False)
    capture.run_until(lambda: not source.is_open)
    assert camera.num_interrupts == 1
