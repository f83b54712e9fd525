import re
import time

import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.pipeline.capture import CaptureThread
from live_cam.pipeline.controls import Controls
from live_cam.pipeline.mailbox import Mailbox
from live_cam.pipeline.statistics import Statistics


class Capture:
    """A capture thread with what it shares with the others."""

    def __init__(self, source):
        self.controls = Controls()
        self.mailbox = Mailbox()
        self.statistics = Statistics()
        self.thread = CaptureThread(source, self.mailbox, self.controls, self.statistics)

    @property
    def state(self):
        return self.thread.status.state

    @property
    def captured(self):
        return self.statistics.read().captured


@pytest.fixture
def start():
    """Starts a capture thread: `start(source)`; it is told to stop when the test ends."""
    started = []

    def make(source):
        started.append(Capture(source))
        started[-1].thread.start()
        return started[-1]

    yield make
    for capture in started:
        capture.controls.set_running(False)
        capture.thread.request_stop()


def test_frames_of_a_source_that_is_well_arrive_in_the_mailbox_and_nothing_is_complained_of(start, fake_source):
    capture = start(fake_source())
    first, second = capture.mailbox.take(), capture.mailbox.take()
    assert second.seq > first.seq
    assert capture.thread.status.state == "live"
    assert capture.thread.status.message == ""


def test_frames_nobody_takes_are_counted_and_the_newest_is_kept(start, fake_source, eventually):
    source = fake_source(rate_fps=200)
    capture = start(source)
    eventually(lambda: capture.captured >= 20)
    capture.thread.request_stop()
    capture.thread.join(10.0)
    assert capture.mailbox.dropped == capture.captured - 1
    assert capture.mailbox.take().seq == capture.captured - 1


def test_a_source_that_does_not_open_is_tried_again_after_growing_pauses_and_says_why(start, fake_source, eventually):
    source = fake_source()
    source.open_errors = [SourceError("another program is using it"), SourceError("another program is using it")]
    capture = start(source)
    announced = {}

    def is_live():
        status = capture.thread.status
        if status.state == "lost":
            announced[status.message] = float(re.search(r"trying again in ([\d.]+) s", status.message)[1])
        return status.state == "live"

    eventually(is_live, within_s=30.0)
    assert all("another program is using it" in message for message in announced)
    first_s, second_s = announced.values()
    assert second_s > first_s > 0
    # Pauses may last longer than announced on a busy machine, but never shorter.
    assert (np.diff(source.opened_at_s) >= (first_s, second_s)).all()


def test_a_source_that_dies_in_the_middle_is_closed_opened_again_and_live_again(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    eventually(lambda: capture.state == "live")
    source.read_errors = [SourceError("it was unplugged")]
    eventually(lambda: capture.state == "lost")
    assert "it was unplugged" in capture.thread.status.message
    assert not source.is_open
    before = capture.captured
    eventually(lambda: capture.state == "live" and capture.captured > before)
    assert len(source.opened_at_s) == 2
    assert capture.thread.status.message == ""


def test_errors_nobody_foresaw_are_told_and_logged_and_do_not_end_the_thread(start, fake_source, eventually, caplog):
    source = fake_source()
    capture = start(source)
    eventually(lambda: capture.state == "live")
    source.open_errors = [ZeroDivisionError("no channels")]
    source.read_errors = [RuntimeError("the driver is out of sorts")]
    for fault in ("the driver is out of sorts", "no channels"):
        eventually(lambda: fault in capture.thread.status.message)  # noqa: B023 (waited for within the turn)
        assert source.name in capture.thread.status.message
        assert fault in caplog.text
    eventually(lambda: capture.state == "live")


def test_a_source_that_blocks_is_lost_after_two_seconds_and_live_again_once_it_goes_on(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    eventually(lambda: capture.state == "live")
    source.block()
    eventually(lambda: source.is_blocked)
    blocked_s = time.monotonic()
    eventually(lambda: capture.state == "lost")
    # The frame before came up to an interval earlier.
    assert 1.5 < time.monotonic() - blocked_s < 4.0
    assert source.name in capture.thread.status.message
    assert "no picture" in capture.thread.status.message
    source.release()
    eventually(lambda: capture.state == "live")


def test_the_stop_button_closes_the_source_and_the_start_button_opens_it_again(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    eventually(lambda: capture.state == "live")
    capture.controls.set_running(False)
    eventually(lambda: capture.state == "ended")
    assert not source.is_open
    assert "Start" in capture.thread.status.message
    before = capture.captured
    capture.controls.set_running(True)
    eventually(lambda: capture.state == "live")
    eventually(lambda: capture.captured > before)
    assert len(source.opened_at_s) == 2


def test_no_frame_is_captured_while_stopped(start, fake_source, eventually):
    source = fake_source(rate_fps=200)
    capture = start(source)
    eventually(lambda: capture.state == "live")
    capture.controls.set_running(False)
    eventually(lambda: capture.state == "ended")
    before = capture.captured
    time.sleep(0.15)
    assert capture.captured == before


def test_told_to_stop_the_thread_ends_and_lets_go_of_the_source(start, fake_source, eventually):
    source = fake_source()
    capture = start(source)
    eventually(lambda: capture.state == "live")
    capture.thread.request_stop()
    capture.thread.join(10.0)
    assert not capture.thread.is_alive()
    assert not source.is_open


def test_told_to_stop_the_thread_does_not_sit_out_the_pause_before_the_next_try(start, fake_source, eventually):
    source = fake_source()
    source.open_errors = [SourceError("no")] * 9
    capture = start(source)
    # By then the next pause takes at least two seconds.
    eventually(lambda: len(source.opened_at_s) == 2 and capture.state == "lost")
    capture.thread.request_stop()
    told_s = time.monotonic()
    capture.thread.join(10.0)
    assert time.monotonic() - told_s < 0.8
    assert len(source.opened_at_s) == 2


def test_a_source_that_was_stopped_before_the_thread_began_is_not_opened(start, fake_source, eventually):
    source = fake_source()
    capture = Capture(source)
    capture.controls.set_running(False)
    capture.thread.start()
    eventually(lambda: capture.state == "ended")
    capture.thread.request_stop()
    capture.thread.join(10.0)
    assert source.opened_at_s == []


def test_a_camera_that_opens_but_never_gives_its_first_frame_is_told_to_be_lost(start, fake_source, eventually):
    source = fake_source()
    source.block()
    begin_s = time.monotonic()
    capture = start(source)
    eventually(lambda: capture.state == "lost")
    assert time.monotonic() - begin_s > 1.5
    assert source.name in capture.thread.status.message
    source.release()
    eventually(lambda: capture.state == "live")


def test_a_source_that_fails_even_to_close_is_opened_again(start, fake_source, eventually):
    source = fake_source()
    close = source.close

    def fail_to_close():
        close()
        raise OSError("the bus is gone")

    source.close = fail_to_close
    capture = start(source)
    eventually(lambda: capture.captured > 0)
    source.read_errors = [SourceError("it was unplugged")]
    eventually(lambda: len(source.opened_at_s) == 2 and capture.state == "live")


def test_stop_and_start_do_not_wait_for_a_pause_between_tries(start, fake_source, eventually):
    source = fake_source()
    source.open_errors = [SourceError("it is unplugged")] * 3
    capture = start(source)
    eventually(lambda: len(source.opened_at_s) == 3)
    begin_s = time.monotonic()  # the pause that now begins takes 2 s
    capture.controls.set_running(False)
    eventually(lambda: capture.state == "ended")
    capture.controls.set_running(True)
    eventually(lambda: capture.state == "live")
    assert time.monotonic() - begin_s < 1.5
