"""How long a source may be silent or unchanged, by the frames it has delivered."""

import numpy as np
import pytest

from live_cam.pipeline.watchdog import Watchdog
from tests.clocks import FakeClock

FROZEN_AFTER_S = 1.5
STEP_S = 0.1


class Camera:
    """A camera that sends a picture at an interval, read by somebody who opens it again when told to.

    Attributes:
        states: The states it had, without repetition.
    """

    def __init__(self, is_network=True):
        self.clock = FakeClock()
        self.watchdog = Watchdog("Camera", self.clock, is_network=is_network)
        self.watchdog.attempt()
        self.states = []
        self._number = 0

    def send(self, is_new=True):
        self._number += is_new
        self.watchdog.judge(np.full((8, 8, 3), 100 + self._number % 100, np.uint8), FROZEN_AFTER_S)
        self._note()

    def run(self, seconds, sends_newest_at_once=True):
        """Lets time pass without a new picture; opens the camera again when it is due."""
        for _ in range(round(seconds / STEP_S)):
            self.clock.advance(STEP_S)
            self._note()
            if self.watchdog.attempt_due or self.watchdog.needs_reopen:
                self.watchdog.attempt()
                if sends_newest_at_once:
                    self.send(is_new=False)

    def _note(self):
        state = self.watchdog.status.state
        if self.states[-1:] != [state]:
            self.states.append(state)


@pytest.fixture
def camera():
    return Camera()


@pytest.mark.parametrize("first_s", [0.5, 3.0])
def test_a_camera_of_a_picture_in_three_seconds_is_live_all_the_time(camera, first_s):
    camera.send()
    camera.run(first_s)
    for _ in range(20):
        camera.send()
        camera.run(3.0)
    assert camera.states == ["live"]


def test_a_camera_of_two_pictures_a_minute_is_live_once_its_rate_is_known(camera):
    for _ in range(5):
        camera.send()
        camera.run(30.0)
    camera.send()
    camera.states.clear()
    for _ in range(10):
        camera.run(30.0)
        camera.send()
    assert camera.states == ["live"]


@pytest.mark.parametrize(("interval_s", "limit_s"), [(0.04, 1.5), (3.0, 9.0), (19.0, 57.0), (30.0, 60.0)])
def test_silence_is_reported_after_three_intervals_between_the_limits(camera, interval_s, limit_s):
    for _ in range(8):
        camera.send()
        camera.clock.advance(interval_s)
    camera.send()
    camera.clock.advance(limit_s - 0.05)
    assert camera.watchdog.status.state == "live"
    camera.clock.advance(0.1)
    assert camera.watchdog.status.state == "lost"
    assert camera.watchdog.attempt_due


@pytest.mark.parametrize(("interval_s", "limit_s"), [(0.04, 1.5), (3.0, 9.0)])
def test_a_camera_whose_rate_is_known_is_frozen_after_three_intervals(camera, interval_s, limit_s):
    for _ in range(8):
        camera.send()
        camera.clock.advance(interval_s)
    camera.send()
    for _ in range(round(limit_s / 0.5) - 1):
        camera.clock.advance(0.5)
        camera.send(is_new=False)
    assert camera.watchdog.status.state == "live"
    camera.clock.advance(0.6)
    camera.send(is_new=False)
    assert "is frozen" in camera.watchdog.status.message


def test_a_fault_or_two_do_not_make_a_fast_camera_a_slow_one(camera):
    for interval_s in (0.04, 0.04, 0.04, 4.0, 0.04, 4.0):
        camera.send()
        camera.clock.advance(interval_s)
    camera.send()
    camera.clock.advance(1.6)
    assert camera.watchdog.status.state == "lost"


def test_an_interval_with_a_failure_does_not_count(camera):
    for _ in range(6):
        camera.send()
        camera.clock.advance(20.0)
        camera.watchdog.fail("ended the stream")
        camera.watchdog.attempt()
    for _ in range(4):
        camera.send()
        camera.clock.advance(0.04)
    camera.clock.advance(1.5)
    assert camera.watchdog.status.state == "lost"


def test_a_local_camera_is_lost_in_two_seconds_though_its_rate_is_unknown():
    camera = Camera(is_network=False)
    camera.send()
    camera.clock.advance(1.6)
    assert camera.watchdog.status.state == "lost"
