import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from live_cam.explain.saliency.faithfulness import MIN_MEASUREMENTS
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.pipeline.faithfulness_schedule import FaithfulnessSchedule
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.settings import SettingsStore
from live_cam.types import EncodedFrame, OverlayStyle
from tests.clocks import FakeClock, S


class Network:
    """A network whose forward pass takes as long as the step."""

    classifier = IMAGENET_RESNET50

    def __init__(self, work):
        self.work = work

    def logits(self, frames):
        self.work.clock.advance(self.work.step_ns / S)
        return np.zeros((len(frames), 1000), np.float32)


class Work:
    """A worker's loop without its thread, on a clock that passes only while it works and waits."""

    def __init__(self, make_frame, make_explanation, feeds=1):
        self.clock, self.step_ns = FakeClock(), S // 20
        self.schedule = FaithfulnessSchedule(self.clock)
        self.network: Any = Network(self)
        queue = FrameQueue()
        self.feeds = [Feed(name, "demo", SettingsStore(), queue, Metrics(), clock=self.clock) for name in "ab"[:feeds]]
        self.passes = dict.fromkeys(self.feeds, 0)
        self.explained = self.taken = 0
        self.scenes = dict.fromkeys(self.feeds, 1)
        self._make_frame, self._make_explanation = make_frame, make_explanation

    def run(self, seconds, camera_fps):
        """Explains frames, of all feeds in turn, as the camera has them; returns passes and frames a second."""
        start_ns, passes, explained = self.clock.now_ns(), sum(self.passes.values()), self.explained
        while self.clock.now_ns() < start_ns + seconds * S:
            interval_ns = S // camera_fps
            if self.clock.now_ns() // interval_ns == self.taken:  # no frame waits
                idle_ns = interval_ns - self.clock.now_ns() % interval_ns
                self.clock.advance(idle_ns / S)
                self.schedule.count_idle(idle_ns)
            self.taken = self.clock.now_ns() // interval_ns
            self._explain(self.feeds[self.explained % len(self.feeds)])
            if (feed := self.schedule.next_feed()) is not None:
                before_ns = self.clock.now_ns()
                feed.faithfulness.measure(feed.broadcaster.newest, self.network)
                self.schedule.count_pass(self.clock.now_ns() - before_ns)
                self.passes[feed] += 1
        return (sum(self.passes.values()) - passes) / seconds, (self.explained - explained) / seconds

    def _explain(self, feed):
        self.clock.advance(self.step_ns / S)
        explanation = replace(self._make_explanation(), scene=self.scenes[feed])
        frame = self._make_frame(seq=self.explained)
        feed.faithfulness.follow(explanation)
        feed.broadcaster.publish(EncodedFrame(b"", frame, explanation, OverlayStyle()))
        self.schedule.add(feed)
        self.explained += 1


@pytest.fixture
def watched(make_frame, make_explanation):
    """Calls a function with work whose feeds each have a viewer: `watched(function, feeds=1)`."""

    def run(function, feeds=1):
        async def watch():
            work = Work(make_frame, make_explanation, feeds)
            with contextlib.ExitStack() as stack:
                for feed in work.feeds:
                    stack.enter_context(feed.broadcaster.watch())
                return function(work)

        return asyncio.run(watch())

    return run


def test_while_frames_wait_a_picture_is_tested_fast_until_it_has_a_verdict_and_then_seldom(watched):
    def run(work):
        first, _ = work.run(2, camera_fps=30)
        assert first >= 4.5
        assert work.feeds[0].faithfulness.score.measured == MIN_MEASUREMENTS
        later, fps = work.run(20, camera_fps=30)
        assert 1.0 <= later <= 1.5, "never off"
        assert fps >= 18.5, "of 20 that the step alone allows"
        work.scenes[work.feeds[0]] += 1
        again, _ = work.run(2, camera_fps=30)
        assert again >= 4.5

    watched(run)


def test_while_the_step_waits_for_the_camera_it_is_tested_as_fast_as_ever(watched):
    passes, fps = watched(lambda work: work.run(20, camera_fps=10))
    assert passes == pytest.approx(5.0, abs=1.0), "after every second frame of ten"
    assert fps == pytest.approx(10.0, abs=0.2), "no frame is lost to it"


def test_idle_time_that_suffices_for_some_passes_is_used_for_no_more(watched):
    def run(work):
        work.run(3, camera_fps=16)
        return work.run(20, camera_fps=16)

    passes, fps = watched(run)
    assert 1.5 < passes < 4.5
    assert fps > 15.0


def test_a_slow_step_leaves_two_thirds_of_the_time_to_frames_of_a_new_picture(watched):
    def run(work):
        work.step_ns = S // 4
        return work.run(9, camera_fps=30), work.feeds[0].faithfulness.is_new

    (passes, fps), is_new = watched(run)
    assert 1.0 <= passes <= 1.6
    assert fps >= 2.4, "of 4 that the step alone allows"
    assert not is_new


def test_a_feed_that_nobody_watches_is_not_tested(make_frame, make_explanation):
    passes, _ = Work(make_frame, make_explanation).run(5, camera_fps=10)
    assert passes == 0


def test_feeds_take_turns_also_where_one_shows_new_pictures_all_the_time(watched):
    def run(work):
        work.run(4, camera_fps=30)
        before = dict(work.passes)
        for _ in range(40):
            work.scenes[work.feeds[0]] += 1
            work.run(0.5, camera_fps=30)
        return [work.passes[feed] - before[feed] for feed in work.feeds]

    new, other = watched(run, feeds=2)
    assert min(new, other) >= 20
