import re
import threading
import time

import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.pipeline.capture import CaptureThread
from live_cam.pipeline.controls import Controls
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.inbox import Inbox
from live_cam.pipeline.statistics import Statistics


class ScaledClock:
    """Goes several times as fast as others, for what is long in coming, or slower, for what is soon over."""

    def __init__(self, factor):
        self.factor = factor
        self._begin_ns = time.monotonic_ns()

    def now_ns(self):
        return self._begin_ns + int((time.monotonic_ns() - self._begin_ns) * self.factor)

    def sleep(self, seconds):
        time.sleep(seconds / self.factor)


class Capture:
    """A capture thread with what it shares with the others.

    Attributes:
        taken: The frames that went to the step, once `collect` was called.
    """

    def __init__(self, source, clock=None):
        self.source = source
        self.controls = Controls()
        self.inbox = Inbox()
        self.feed = Feed(source.name, source.kind, self.controls, self.inbox, Statistics(), clock=clock)
        self.thread = CaptureThread(source, self.feed, clock)
        self.taken = []

    def collect(self):
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        while waiting := self.inbox.take():
            self.taken += [frame for _, frame in waiting]

    @property
    def state(self):
        return self.feed.status.state

    @property
    def message(self):
        return self.feed.status.message

    @property
    def told(self):
        """The state of which viewers were told last."""
        return self.thread._told

    @property
    def has_stopped(self):
        """Whether the thread has let go of the source, which it may be told to a moment after it looked."""
        return self.told == "ended" and self.feed.watchdog.status.state == "starting"

    @property
    def captured(self):
        return self.feed.statistics.read().captured

    @property
    def readers(self):
        """How many threads read the source."""
        return sum(thread.name == f"reader of {self.source.name}" for thread in threading.enumerate())


class Gated:
    """A stream whose `read` alone can be blocked."""

    def __init__(self, stream):
        self._stream = stream
        self.is_blocked = False
        self.flowing = threading.Event()
        self.flowing.set()

    @property
    def frozen_after_s(self):
        return self._stream.frozen_after_s

    def read(self):
        frame = self._stream.read()
        self.is_blocked = not self.flowing.is_set()
        self.flowing.wait()
        return frame

    def close(self):
        self._stream.close()


class Fading:
    """A stream that fails after a few frames."""

    def __init__(self, stream, frames):
        self._stream = stream
        self._left = frames

    @property
    def frozen_after_s(self):
        return self._stream.frozen_after_s

    def read(self):
        if not self._left:
            raise SourceError("the plug is loose")
        self._left -= 1
        return self._stream.read()

    def close(self):
        self._stream.close()


def wrap_streams(source, wrap):
    """Puts something around each stream that the source will open."""
    open_plain = source.open
    source.open = lambda: wrap(open_plain())


@pytest.fixture
def start():
    """Starts a capture thread: `start(source, clock=None)`; it is told to stop when the test ends."""
    started = []

    def make(source, clock=None):
        started.append(Capture(source, clock))
        started[-1].thread.start()
        return started[-1]

    yield make
    for capture in started:
        capture.controls.change(running=False)
        capture.thread.request_stop()
        capture.inbox.close()


@pytest.fixture
def gate_streams():
    """Makes each stream of a source block on its own: `gate_streams(source)` gives those that were opened."""
    opened = []

    def gate(source):
        def wrap(stream):
            opened.append(Gated(stream))
            return opened[-1]

        wrap_streams(source, wrap)
        return opened

    yield gate
    for stream in opened:
        stream.flowing.set()


def test_frames_of_a_source_that_is_well_arrive_in_the_inbox_and_nothing_is_complained_of(start, fake_source):
    capture = start(fake_source())
    ((_, first),), ((_, second),) = capture.inbox.take(), capture.inbox.take()
    assert second.seq > first.seq
    assert capture.state == "live"
    assert capture.message == ""


def test_frames_nobody_takes_are_counted_and_the_newest_is_kept(start, fake_source, eventually):
    capture = start(fake_source(rate_fps=200))
    eventually(lambda: capture.captured >= 20)
    capture.thread.request_stop()
    capture.thread.join(10.0)
    eventually(lambda: not capture.readers)
    assert capture.feed.statistics.read().dropped == capture.captured - 1
    ((_, newest),) = capture.inbox.take()
    assert newest.seq == capture.captured - 1


def test_a_source_that_does_not_open_is_tried_again_after_growing_pauses_and_says_why(start, fake_source, eventually):
    clock = ScaledClock(0.2)
    source = fake_source()
    source.open_errors = [SourceError("another program is using it")] * 2
    capture = start(source, clock)
    announced = {}

    def is_live():
        status = capture.feed.status
        if status.state == "lost":
            pause_s = float(re.search(r"trying again in ([\d.]+) s", status.message)[1])
            announced.setdefault(len(source.opened_at_s), []).append(pause_s)
            assert "another program is using it" in status.message
        return status.state == "live"

    eventually(is_live, within_s=30.0)
    assert announced.keys() == {1, 2}
    assert max(announced[1]) <= 0.3 < max(announced[2]) <= 0.5
    # Pauses may last longer than announced on a busy machine, but never shorter.
    assert (np.diff(source.opened_at_s) * clock.factor >= (0.25, 0.5)).all()


def test_a_source_that_gives_a_few_pictures_and_fails_again_and_again_is_tried_after_growing_pauses(
    start, fake_source, eventually
):
    source = fake_source(rate_fps=200)
    wrap_streams(source, lambda stream: Fading(stream, frames=3))
    capture = start(source)
    eventually(lambda: len(source.opened_at_s) == 6, within_s=30.0)
    pauses_s = np.diff(source.opened_at_s)[:5]
    assert (pauses_s >= (0.25, 0.5, 1.0, 1.0, 1.0)).all()
    assert np.median(pauses_s[2:]) < 2.0, "a camera that is back is seen within 2 s"
    assert capture.captured >= 15


def test_a_source_that_dies_in_the_middle_is_closed_opened_again_and_live_again(start, fake_source, eventually):
    source = fake_source()
    capture = start(source, ScaledClock(0.2))
    eventually(lambda: capture.state == "live")
    source.read_errors = [SourceError("it was unplugged")]
    eventually(lambda: capture.state == "lost")
    assert "it was unplugged" in capture.message
    assert not source.is_open
    before = capture.captured
    eventually(lambda: capture.state == "live" and capture.captured > before)
    assert len(source.opened_at_s) == 2
    assert capture.message == ""


def test_frames_keep_their_order_over_a_failure(start, fake_source, eventually):
    source = fake_source(rate_fps=100)
    capture = start(source)
    capture.collect()
    eventually(lambda: len(capture.taken) >= 5)
    source.read_errors = [SourceError("it was unplugged")]
    eventually(lambda: len(source.opened_at_s) == 2)
    before = len(capture.taken)
    eventually(lambda: len(capture.taken) > before)
    seqs = [frame.seq for frame in capture.taken]
    assert seqs == sorted(set(seqs)), "viewers know a picture they have seen by its number"


def test_a_camera_that_comes_back_with_another_size_is_shown_in_it(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    capture.collect()
    eventually(lambda: capture.taken)
    source.size_px = (128, 96)
    eventually(lambda: capture.taken[-1].rgb.shape == (96, 128, 3))
    source.size_px = (32, 200)
    source.read_errors = [SourceError("it was unplugged")]
    eventually(lambda: capture.taken[-1].rgb.shape == (200, 32, 3))
    eventually(lambda: len(source.opened_at_s) == 2 and capture.state == "live")


def test_errors_nobody_foresaw_are_told_and_logged_and_do_not_end_the_thread(start, fake_source, eventually, caplog):
    source = fake_source()
    capture = start(source, ScaledClock(0.2))
    eventually(lambda: capture.state == "live")
    source.open_errors = [ZeroDivisionError("no channels")]
    source.read_errors = [RuntimeError("the driver is out of sorts")]
    for fault in ("the driver is out of sorts", "no channels"):
        eventually(lambda: fault in capture.message)  # noqa: B023 (waited for within the turn)
        assert source.name in capture.message
        assert fault in caplog.text
    eventually(lambda: capture.state == "live")


@pytest.mark.parametrize("fault", ["fails", "blocks"])
def test_viewers_are_woken_and_the_log_is_told_once_when_a_source_is_lost(
    start, fake_source, eventually, caplog, fault
):
    source = fake_source()
    capture = start(source, ScaledClock(0.2) if fault == "fails" else None)
    eventually(lambda: capture.told == "live")
    woken = capture.feed.hub.woken
    if fault == "blocks":
        source.block()
    else:
        source.open_errors = [SourceError("it is gone")]
        source.read_errors = [SourceError("it is gone")]
    eventually(lambda: capture.state != "live")
    eventually(lambda: capture.told != "live" and capture.feed.hub.woken > woken)
    eventually(lambda: "trying again" in capture.message)
    source.release()
    eventually(lambda: capture.state == "live")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert source.name in caplog.text or "it is gone" in caplog.text


def test_a_source_that_blocks_is_told_within_two_seconds_and_live_again_once_it_goes_on(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    eventually(lambda: capture.state == "live")
    source.block()
    eventually(lambda: source.is_blocked)
    blocked_s = time.monotonic()
    eventually(lambda: capture.state != "live")
    # The frame before came up to an interval earlier.
    assert 1.4 < time.monotonic() - blocked_s < 2.0
    assert source.name in capture.message
    assert "no picture" in capture.message
    source.release()
    eventually(lambda: capture.state == "live")


def test_while_a_read_blocks_the_source_is_opened_beside_it_and_goes_on(start, fake_source, gate_streams, eventually):
    source = fake_source()
    streams = gate_streams(source)
    capture = start(source)
    eventually(lambda: capture.state == "live")
    streams[0].flowing.clear()
    eventually(lambda: streams[0].is_blocked)
    before = capture.captured
    eventually(lambda: capture.state == "live" and capture.captured > before)
    assert len(streams) == 2
    assert source.open_count == 2, "nobody can end a read that blocks"

    streams[0].flowing.set()
    eventually(lambda: source.open_count == 1)
    before = capture.captured
    eventually(lambda: capture.captured > before + 3)
    assert len(streams) == 2
    assert capture.state == "live"


def test_when_a_camera_goes_on_by_itself_one_reader_goes_on_with_it_and_the_others_end(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    eventually(lambda: capture.state == "live")
    source.block()
    eventually(lambda: source.open_count == 2)
    source.release()
    eventually(lambda: capture.state == "live" and source.open_count == 1)
    eventually(lambda: capture.readers == 1)
    before = capture.captured
    eventually(lambda: capture.captured > before + 3)
    assert len(source.opened_at_s) == 2


def test_a_blocked_reader_goes_on_where_the_source_can_be_opened_only_once(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    eventually(lambda: capture.state == "live")
    source.open_errors = [SourceError("another program is using it")] * 1000
    source.block()
    eventually(lambda: len(source.opened_at_s) == 3)
    assert "another program is using it" in capture.message
    source.release()
    eventually(lambda: capture.state == "live")
    opened = len(source.opened_at_s)
    before = capture.captured
    eventually(lambda: capture.captured > before + 10)
    assert len(source.opened_at_s) == opened
    assert source.open_count == 1


def test_no_more_than_eight_are_left_to_a_source_that_blocks_all_who_open_it(start, fake_source, eventually):
    clock = ScaledClock(10)
    source = fake_source()
    source.block()
    capture = start(source, clock)
    eventually(lambda: source.open_count == 8)
    until_ns = clock.now_ns() + 8_000_000_000
    eventually(lambda: clock.now_ns() > until_ns)
    assert source.open_count == capture.readers == 8
    assert capture.state == "lost"
    assert "blocks all who open it" in capture.message
    source.release()
    eventually(lambda: source.open_count == capture.readers == 1)


def test_a_frozen_camera_is_told_within_two_seconds_and_opened_again_and_live_when_its_picture_changes(
    start, fake_source, eventually
):
    source = fake_source()
    capture = start(source)
    capture.collect()
    eventually(lambda: capture.state == "live")
    source.level = 120
    frozen_s = time.monotonic()
    eventually(lambda: capture.state != "live")
    assert 1.2 < time.monotonic() - frozen_s < 2.0
    assert "frozen" in capture.message
    eventually(lambda: len(source.opened_at_s) == 2)
    taken, captured = len(capture.taken), capture.captured
    eventually(lambda: capture.captured > captured + 3)
    assert capture.state != "live", "the camera gives the same picture after it was opened again"
    assert len(capture.taken) == taken, "a frozen picture is not explained"
    source.level = None
    changed_s = time.monotonic()
    eventually(lambda: capture.state == "live")
    assert time.monotonic() - changed_s < 1.0
    eventually(lambda: len(capture.taken) > taken)


def test_still_pictures_of_a_file_are_no_sign_of_illness(start, fake_source, eventually):
    source = fake_source(kind="file", rate_fps=100)
    source.frozen_after_s = None
    source.level = 120
    capture = start(source)
    messages = set()

    def much_has_come():
        messages.add(capture.message)
        return capture.captured >= 300  # of 3 s

    eventually(much_has_come, within_s=30.0)
    assert not any("frozen" in message for message in messages)
    eventually(lambda: capture.state == "live")
    assert len(source.opened_at_s) == 1


def test_black_pictures_are_told_within_two_seconds_and_never_explained(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    capture.collect()
    eventually(lambda: capture.taken)
    source.level = 0
    dark_s = time.monotonic()
    eventually(lambda: capture.state != "live")
    assert time.monotonic() - dark_s < 2.0
    assert "black" in capture.message
    eventually(lambda: capture.feed.statistics.read().dropped >= 20)
    source.level = None
    taken = len(capture.taken)
    eventually(lambda: capture.state == "live" and len(capture.taken) > taken)
    assert min(frame.rgb.max() for frame in capture.taken) > 32


def test_a_camera_that_is_black_from_the_start_never_counts_as_live(start, fake_source, eventually):
    class Dark(Gated):
        def read(self):
            source.level = 5 if source.level == 6 else 6
            return super().read()

    source = fake_source()
    wrap_streams(source, Dark)
    capture = start(source, ScaledClock(2))
    capture.collect()
    states = []

    def is_told():
        states.append(capture.state)
        return "black" in capture.message

    eventually(is_told)
    assert "live" not in states
    assert capture.taken == []


def test_the_stop_button_closes_the_source_and_the_start_button_opens_it_again(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    eventually(lambda: capture.state == "live")
    capture.controls.change(running=False)
    eventually(lambda: capture.state == "ended" and not source.is_open)
    assert "Start" in capture.message
    before = capture.captured
    capture.controls.change(running=True)
    eventually(lambda: capture.state == "live")
    eventually(lambda: capture.captured > before)
    assert len(source.opened_at_s) == 2


def test_no_frame_is_captured_while_stopped(start, fake_source, eventually):
    source = fake_source(rate_fps=200)
    capture = start(source)
    eventually(lambda: capture.state == "live")
    capture.controls.change(running=False)
    before = capture.captured
    eventually(lambda: not source.is_open)
    assert capture.captured <= before + 1, "one may have been on its way"


def test_what_a_blocked_read_gives_after_the_stop_button_is_not_taken(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    eventually(lambda: capture.state == "live")
    source.block()
    eventually(lambda: source.is_blocked)
    capture.controls.change(running=False)
    eventually(lambda: capture.told == "ended")
    before = capture.captured
    source.release()
    eventually(lambda: not source.is_open)
    assert capture.captured == before


def test_stop_and_start_get_a_camera_going_whose_driver_blocks(start, fake_source, gate_streams, eventually):
    source = fake_source()
    streams = gate_streams(source)
    capture = start(source, ScaledClock(0.2))
    eventually(lambda: capture.told == "live")
    woken = capture.feed.hub.woken
    streams[0].flowing.clear()
    eventually(lambda: streams[0].is_blocked)
    begin_s = time.monotonic()
    capture.controls.change(running=False)
    eventually(lambda: capture.has_stopped and capture.feed.hub.woken > woken)
    before = capture.captured
    capture.controls.change(running=True)
    eventually(lambda: capture.captured > before)
    assert time.monotonic() - begin_s < 5.0, "it did not wait for the silence to be noticed"
    assert len(streams) == 2


def test_told_to_stop_the_thread_ends_and_lets_go_of_the_source(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    eventually(lambda: capture.state == "live")
    capture.thread.request_stop()
    capture.thread.join(10.0)
    assert not capture.thread.is_alive()
    eventually(lambda: not source.is_open)


def test_told_to_stop_the_thread_ends_soon_while_a_read_blocks(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    eventually(lambda: capture.state == "live")
    source.block()
    eventually(lambda: source.is_blocked)
    told_s = time.monotonic()
    capture.thread.request_stop()
    capture.thread.join(10.0)
    assert time.monotonic() - told_s < 0.8
    assert source.is_open, "what blocks is left behind"
    source.release()
    eventually(lambda: not source.is_open)


def test_told_to_stop_the_thread_does_not_sit_out_the_pause_before_the_next_try(start, fake_source, eventually):
    source = fake_source()
    source.open_errors = [SourceError("no")] * 9
    capture = start(source, ScaledClock(0.2))
    # By then the next pause takes a second of the clock's, which are five of ours.
    eventually(lambda: len(source.opened_at_s) == 3 and capture.state == "lost")
    capture.thread.request_stop()
    told_s = time.monotonic()
    capture.thread.join(10.0)
    assert time.monotonic() - told_s < 4.0
    assert len(source.opened_at_s) == 3


def test_a_source_that_was_stopped_before_the_thread_began_is_not_opened(fake_source, eventually):
    source = fake_source()
    capture = Capture(source)
    capture.controls.change(running=False)
    capture.thread.start()
    eventually(lambda: capture.feed.hub.woken == 1)
    assert capture.state == "ended"
    capture.thread.request_stop()
    capture.thread.join(10.0)
    assert source.opened_at_s == []


def test_a_camera_that_opens_but_never_gives_its_first_frame_is_told(start, fake_source, eventually):
    source = fake_source()
    source.block()
    begin_s = time.monotonic()
    capture = start(source)
    assert capture.state == "starting"
    eventually(lambda: capture.state != "starting")
    assert 1.5 < time.monotonic() - begin_s < 2.5
    assert capture.state in ("lost", "reconnecting")
    assert source.name in capture.message
    source.release()
    eventually(lambda: capture.state == "live")


def test_a_source_that_fails_even_to_close_is_opened_again(start, fake_source, eventually):
    class Stuck(Gated):
        def close(self):
            super().close()
            raise OSError("the bus is gone")

    source = fake_source()
    wrap_streams(source, Stuck)
    capture = start(source)
    eventually(lambda: capture.captured > 0)
    source.read_errors = [SourceError("it was unplugged")]
    eventually(lambda: len(source.opened_at_s) == 2 and capture.state == "live")


def test_stop_and_start_do_not_wait_for_a_pause_between_tries(start, fake_source, eventually):
    source = fake_source()
    source.open_errors = [SourceError("it is unplugged")] * 3
    capture = start(source, ScaledClock(0.2))
    eventually(lambda: len(source.opened_at_s) == 3 and capture.state == "lost")
    begin_s = time.monotonic()  # the pause takes a second of the clock's, which are five of ours
    capture.controls.change(running=False)
    eventually(lambda: capture.has_stopped)
    capture.controls.change(running=True)
    eventually(lambda: capture.state == "live")
    assert time.monotonic() - begin_s < 4.0
