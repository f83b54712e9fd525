import asyncio
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from live_cam.clock import MONOTONIC
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.layer_loader import LayerLoader
from live_cam.pipeline.live_model import LiveModel
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.settings import SettingsStore
from live_cam.pipeline.worker import Worker
from live_cam.types import EncodedFrame, OverlayStyle, Target
from tests.clocks import FakeClock

LION = 291


class Work:
    """A worker thread with what it shares with the others; its feeds are called a, b, c, ..."""

    def __init__(self, explainer, feeds=1, clock=MONOTONIC):
        self.settings = SettingsStore()
        self.frame_queue = FrameQueue()
        self.feeds = [Feed(name, "demo", self.settings, self.frame_queue, Metrics()) for name in "abcd"[:feeds]]
        self.feed = self.feeds[0]
        model = LiveModel(explainer, LayerLoader(explainer, lambda: None))
        self.thread = Worker(model, self.frame_queue, batch_size=feeds, clock=clock)

    @property
    def image(self):
        """The newest overlay, decoded."""
        with Image.open(io.BytesIO(self.feed.broadcaster.newest.jpeg)) as image:
            return np.asarray(image)

    def run_once(self):
        """Returns when the worker has gone once round its loop."""
        for _ in range(2):  # what the loop does after the first task is done before the second
            self.frame_queue.submit(lambda explainer: None).result(30)


@pytest.fixture
def prepare():
    """Prepares a worker: `prepare(explainer, feeds=1, clock=MONOTONIC)`; once started, it ends with the test."""
    prepared = []

    def make(*arguments, **options):
        prepared.append(Work(*arguments, **options))
        return prepared[-1]

    yield make
    for work in prepared:
        work.frame_queue.close()


@pytest.fixture
def start(prepare):
    """Starts a worker: `start(explainer, feeds=1, clock=MONOTONIC)`."""

    def make(*arguments, **options):
        work = prepare(*arguments, **options)
        work.thread.start()
        return work

    return make


@pytest.fixture
def explain_one(make_frame, eventually):
    """Queues a grey frame and waits for its overlay: `explain_one(work, seq)`."""

    def explain(work, seq):
        work.frame_queue.put(work.feed, make_frame(seq=seq))
        eventually(lambda: work.feed.broadcaster.newest is not None and work.feed.broadcaster.newest.seq == seq)

    return explain


def test_a_frame_becomes_an_overlay_with_its_number_time_and_explanation(start, fake_explainer, make_frame, eventually):
    work = start(fake_explainer())
    frame = make_frame(seq=41)
    work.frame_queue.put(work.feed, frame)
    eventually(lambda: work.feed.metrics.read().explained == 1)
    newest = work.feed.broadcaster.newest
    assert (newest.seq, newest.pts_ns) == (41, frame.pts_ns)
    assert newest.explanation.target_label == "lion"
    assert work.image.shape == frame.rgb.shape
    change = np.abs(work.image.astype(int) - frame.rgb).sum(axis=2)
    assert change[:24, :32].max() > 100, "the map's peak is at the top left"
    assert change[30:, 40:].max() < 20


def test_settings_apply_from_the_next_frame_on(start, fake_explainer, explain_one):
    explainer = fake_explainer()
    work = start(explainer)
    explain_one(work, 0)
    work.settings.change(target=285)
    work.settings.change(opacity=0.0)
    explain_one(work, 1)
    assert explainer.explained == [(0, Target()), (1, Target(285))]
    assert work.feed.broadcaster.newest.explanation.target == Target(285)
    assert np.abs(work.image.astype(int) - 128).max() < 4, "the overlay is transparent"


def test_the_overlay_is_drawn_in_the_chosen_colormap(start, fake_explainer, explain_one):
    work = start(fake_explainer())
    work.settings.change(opacity=1.0)
    peak_rgb = []
    for seq, colormap in enumerate(("viridis", "jet")):
        work.settings.change(colormap=colormap)
        explain_one(work, seq)
        peak_rgb.append(work.image[10, 13].astype(int))
    red, green, _ = peak_rgb[0]
    assert green > 150, "viridis ends with yellow"
    red, green, _ = peak_rgb[1]
    assert red > green + 50, "jet ends with red"


def test_a_failure_is_reported_and_logged_once_and_the_next_frame_is_explained(
    start, fake_explainer, make_frame, explain_one, eventually, caplog
):
    explainer = fake_explainer()
    work = start(explainer)
    explainer.failure = RuntimeError("out of memory")
    for seq in range(3):
        work.frame_queue.put(work.feed, make_frame(seq=seq))
        eventually(lambda: len(explainer.explained) == seq + 1)  # noqa: B023
    eventually(lambda: "out of memory" in work.feed.failure)
    assert work.feed.metrics.read().explained == 0
    assert work.feed.broadcaster.newest is None

    explainer.failure = None
    explain_one(work, 3)
    eventually(lambda: work.feed.failure == "")
    assert caplog.text.count("Traceback") == 1, "a persistent failure is not logged for every frame"


def test_a_failure_makes_a_live_feed_lost(start, fake_explainer, make_frame, eventually):
    explainer = fake_explainer()
    work = start(explainer)
    explainer.failure = RuntimeError("out of memory")
    work.feed.offer(make_frame(), None)
    eventually(lambda: work.feed.status.state == "lost")
    assert "out of memory" in work.feed.status.message


def test_the_thread_ends_when_the_queue_is_closed(start, fake_explainer, explain_one):
    work = start(fake_explainer())
    explain_one(work, 0)
    work.frame_queue.close()
    work.thread.join(30.0)
    assert not work.thread.is_alive()


def test_frames_of_all_feeds_are_explained_in_one_call_and_sent_to_their_own_viewers(
    prepare, fake_explainer, make_frame, eventually
):
    explainer = fake_explainer()
    work = prepare(explainer, feeds=3)
    for number, feed in enumerate(work.feeds):
        feed.offer(make_frame(np.full((40 + number, 60, 3), 128, np.uint8)), None, seq=10 * number)
    work.thread.start()
    eventually(lambda: all(feed.broadcaster.newest is not None for feed in work.feeds))
    assert explainer.batches == [["a", "b", "c"]]
    assert [feed.broadcaster.newest.seq for feed in work.feeds] == [0, 10, 20]
    for number, feed in enumerate(work.feeds):
        with Image.open(io.BytesIO(feed.broadcaster.newest.jpeg)) as image:
            assert image.size == (60, 40 + number)


def test_if_not_all_feeds_wait_their_frames_are_explained_one_by_one(prepare, fake_explainer, make_frame, eventually):
    explainer = fake_explainer()
    work = prepare(explainer, feeds=3)
    for feed in work.feeds[:2]:
        feed.offer(make_frame(), None)
    work.thread.start()
    eventually(lambda: all(feed.broadcaster.newest is not None for feed in work.feeds[:2]))
    assert explainer.batches == [["a"], ["b"]], "a batch of another size would have to be compiled first"


def test_if_a_batch_fails_all_its_feeds_report_it_and_recover(prepare, fake_explainer, make_frame, eventually, caplog):
    explainer = fake_explainer()
    work = prepare(explainer, feeds=2)
    explainer.failure = RuntimeError("out of memory")
    for feed in work.feeds:
        feed.offer(make_frame(), None)
    work.thread.start()
    eventually(lambda: all("out of memory" in feed.failure for feed in work.feeds))
    explainer.failure = None
    for feed in work.feeds:
        feed.offer(make_frame(), None)
    eventually(lambda: not any(feed.failure for feed in work.feeds))
    eventually(lambda: all(feed.broadcaster.newest is not None for feed in work.feeds))
    assert caplog.text.count("Traceback") == 1


def test_a_frame_that_fails_on_its_own_does_not_affect_other_feeds(prepare, fake_explainer, make_frame, eventually):
    explainer = fake_explainer()
    explain_each = explainer.explain_each

    def fail_for_the_first(frames, *arguments, **options):
        if frames[0].source_id == "a":
            raise RuntimeError("out of memory")
        return explain_each(frames, *arguments, **options)

    explainer.explain_each = fail_for_the_first
    work = prepare(explainer, feeds=3)
    for feed in work.feeds[:2]:
        feed.offer(make_frame(), None)
    work.thread.start()
    eventually(lambda: work.feeds[1].broadcaster.newest is not None)
    assert "out of memory" in work.feeds[0].failure
    assert work.feeds[0].broadcaster.newest is None
    assert [feed.failure for feed in work.feeds[1:]] == ["", ""]


def test_a_listener_is_called_when_a_frame_was_taken_before_it_is_explained(
    prepare, fake_explainer, make_frame, eventually
):
    explainer = fake_explainer()
    work = prepare(explainer, feeds=2)
    requested_when_taken = {}
    for feed in work.feeds:
        feed.on_taken(lambda name=feed.name: requested_when_taken.setdefault(name, explainer.num_requested))
        feed.offer(make_frame(), None)
    work.thread.start()
    eventually(lambda: all(feed.broadcaster.newest is not None for feed in work.feeds))
    assert requested_when_taken == {"a": 0, "b": 0}


@pytest.fixture
def timed_explainer(fake_explainer):
    """An explainer that takes `step_s` of a fake `clock` per frame."""
    explainer = fake_explainer()
    explain_each = explainer.explain_each
    explainer.clock, explainer.step_s = FakeClock(), 0.0

    def advance_and_explain(frames, *arguments, **options):
        explainer.clock.advance(explainer.step_s * len(frames))
        return explain_each(frames, *arguments, **options)

    explainer.explain_each = advance_and_explain
    return explainer


@pytest.mark.parametrize("feeds", [1, 3])
def test_the_frame_interval_is_the_time_per_frame_also_for_a_batch(
    prepare, timed_explainer, make_frame, eventually, feeds
):
    timed_explainer.step_s = 0.3
    work = prepare(timed_explainer, feeds, timed_explainer.clock)
    assert work.thread.frame_interval_s == 0.0
    for feed in work.feeds:
        feed.offer(make_frame(), None)
    work.thread.start()
    eventually(lambda: work.thread.frame_interval_s > 0.0)
    assert timed_explainer.batches == [["a", "b", "c"][:feeds]]
    assert work.thread.frame_interval_s == pytest.approx(0.3)


def test_the_frame_interval_follows_a_faster_step(start, timed_explainer, explain_one):
    timed_explainer.step_s = 0.5
    work = start(timed_explainer, clock=timed_explainer.clock)
    explain_one(work, 0)
    timed_explainer.step_s = 0.0
    for seq in range(1, 12):
        explain_one(work, seq)
    work.run_once()
    assert 0.0 < work.thread.frame_interval_s < 0.25


def test_two_classes_side_by_side_make_one_overlay_of_two_panes(start, fake_explainer, explain_one):
    work = start(fake_explainer())
    work.settings.change(mode="side_by_side", target=285, other=282)
    explain_one(work, 0)
    newest = work.feed.broadcaster.newest
    assert (newest.explanation.target, newest.second.target) == (Target(285), Target(282))
    assert work.image.shape[1] >= 2 * newest.frame.rgb.shape[1]


def test_a_contrast_class_is_subtracted_from_the_top_class_shown(start, fake_explainer, explain_one):
    work = start(fake_explainer())
    work.settings.change(mode="contrast", other=282)
    explain_one(work, 0)
    assert work.feed.broadcaster.newest.explanation.target == Target(LION, 282)


def test_a_new_top_class_is_explained_in_the_same_frame(start, fake_explainer, make_frame, explain_one):
    explainer = fake_explainer()
    explain_each = explainer.explain_each
    top = explainer.explain_all([make_frame()], [Target(285)])[0][0].smoothed_top
    explainer.explained.clear()
    work = start(explainer)
    explain_one(work, 0)
    explainer.explain_each = lambda *arguments, **options: [
        [replace(each, smoothed_top=top) for each in explanations]
        for explanations in explain_each(*arguments, **options)
    ]
    explain_one(work, 1)
    assert explainer.explained == [(0, Target()), (1, Target(LION)), (1, Target(285))]
    assert work.feed.broadcaster.newest.explanation.target == Target(285)


def test_a_task_is_run_while_frames_arrive(start, fake_explainer, make_frame):
    explainer = fake_explainer()
    work = start(explainer)
    work.frame_queue.put(work.feed, make_frame())
    assert work.frame_queue.submit(lambda explainer: explainer).result(30) is explainer


def test_a_frame_explained_again_is_not_counted_twice(start, fake_explainer, make_frame, eventually):
    work = start(fake_explainer())
    work.feed.offer(make_frame(), None)
    eventually(lambda: work.feed.broadcaster.newest is not None)
    first = work.feed.broadcaster.newest.key
    work.settings.change(opacity=0.1)
    eventually(lambda: work.feed.broadcaster.newest.key != first)
    snapshot = work.feed.metrics.read()
    assert (snapshot.captured, snapshot.explained, snapshot.dropped) == (1, 1, 0)


def test_faithfulness_is_measured_six_times_a_second_while_somebody_watches(
    start, fake_explainer, make_frame, eventually
):
    explainer, clock = fake_explainer(), FakeClock()
    images = []
    logits = explainer.logits
    explainer.logits = lambda frames: images.append(frames[0]) or logits(frames)
    work = start(explainer, clock=clock)
    work.feed.offer(make_frame(), None)
    eventually(lambda: work.feed.broadcaster.newest is not None)

    def num_measured_after(seconds):
        clock.advance(seconds)
        for _ in range(3):
            work.run_once()
        return len(images)

    async def watch():
        with work.feed.broadcaster.watch():
            return [num_measured_after(seconds) for seconds in (0.0, 0.1, 0.1, 0.2, 10.0)]

    assert num_measured_after(10.0) == 0, "nobody watches"
    assert asyncio.run(watch()) == [1, 1, 2, 3, 4], "of a frame that stays, too"
    assert work.feed.faithfulness.score is not None
    assert num_measured_after(10.0) == 4


def test_feeds_that_show_different_classes_are_explained_in_one_call(prepare, fake_explainer, make_frame, eventually):
    explainer = fake_explainer()
    work = prepare(explainer, feeds=2)
    lion, cat = (explainer.explain_all([make_frame()], [Target(index)])[0][0] for index in (LION, 285))
    for feed, explanation in zip(work.feeds, (lion, cat), strict=True):
        feed.broadcaster.publish(EncodedFrame(b"", make_frame(), explanation, OverlayStyle()))
    explainer.batches.clear()
    explainer.explained.clear()
    for feed in work.feeds:
        feed.offer(make_frame(), None)
    work.thread.start()
    eventually(lambda: all(feed.broadcaster.newest.jpeg for feed in work.feeds))
    assert explainer.batches == [["a", "b"]]
    assert explainer.explained == [(0, Target(LION)), (0, Target(285))]


def explain_with_top_maps(work, explain_one, seq):
    """Explains a frame for somebody who asks for the top maps, and returns what is shown."""
    request = work.feed.request_top_maps()
    explain_one(work, seq)
    request.result(30)
    return work.feed.broadcaster.newest


def test_the_top_maps_come_from_the_call_that_explains_the_frame(start, fake_explainer, explain_one):
    explainer = fake_explainer()
    explainer.prepare(explainer.cam_config, 3)
    work = start(explainer)
    explain_one(work, 0)
    explainer.batches.clear()
    shown = explain_with_top_maps(work, explain_one, 1)
    assert [each.target.index for each in shown.top_maps] == [s.index for s in shown.explanation.smoothed_top]
    assert shown.top_maps[0] is shown.explanation, "what is shown is not explained twice"
    assert len(explainer.batches) == 1
    explain_one(work, 2)
    assert work.feed.broadcaster.newest.top_maps == (), "each request is for one frame"


@pytest.mark.parametrize("obstacle", ["not prepared", "another class", "another method"])
def test_without_room_in_the_call_a_frame_is_shown_without_top_maps(start, fake_explainer, explain_one, obstacle):
    explainer = fake_explainer()
    if obstacle != "not prepared":
        explainer.prepare(explainer.cam_config, 3)
    work = start(explainer)
    explain_one(work, 0)
    explain_each = explainer.explain_each
    if obstacle == "another class":
        top = work.feed.broadcaster.newest.explanation.smoothed_top
        explainer.explain_each = lambda *arguments: [
            [replace(each, smoothed_top=top) for each in explanations] for explanations in explain_each(*arguments)
        ]
        work.settings.change(target=7)
    elif obstacle == "another method":
        work.settings.change(method="hirescam")
    shown = explain_with_top_maps(work, explain_one, 1)
    assert shown.top_maps == ()
    assert shown.explanation.target.index == (7 if obstacle == "another class" else LION)


def test_who_asks_for_top_maps_hears_also_of_a_frame_that_fails(start, fake_explainer, make_frame, caplog):
    explainer = fake_explainer()
    explainer.failure = RuntimeError("out of memory")
    work = start(explainer)
    request = work.feed.request_top_maps()
    work.frame_queue.put(work.feed, make_frame())
    request.result(30)
    assert "out of memory" in caplog.text


class RecordedOverlays(list[EncodedFrame]):
    """A recorder that keeps the overlays in memory."""

    def put(self, overlay_rgb, encoded):
        self.append(encoded)


def test_revisions_of_a_frozen_frame_are_recorded_with_the_time_of_their_display(
    start, fake_explainer, make_frame, eventually
):
    work = start(fake_explainer())
    recorded = RecordedOverlays()
    work.feed.record_to(recorded)
    work.feed.offer(make_frame(), None)
    eventually(lambda: len(recorded) == 1)
    work.settings.change(opacity=0.3)
    eventually(lambda: work.feed.broadcaster.newest.overlay_style.opacity == 0.3)
    assert len(recorded) == 1, "a live frame is recorded once"
    work.settings.change(frozen=True)
    eventually(lambda: len(recorded) == 2)
    work.settings.change(target=285)
    eventually(lambda: len(recorded) == 3)
    assert [shown.explanation.target.index for shown in recorded] == [LION, LION, 285]
    times_ns = [shown.pts_ns for shown in recorded]
    assert times_ns == sorted(set(times_ns))
    assert work.feed.broadcaster.newest.pts_ns == times_ns[0], "viewers see its true age"


def test_a_frozen_frame_is_explained_as_a_still_and_live_frames_are_not(start, fake_explainer, explain_one, eventually):
    explainer = fake_explainer()
    explainer.precision = "int8"
    work = start(explainer)
    explain_one(work, 0)
    assert work.feed.broadcaster.newest.explanation.precision == "int8"
    work.settings.change(frozen=True)
    explain_one(work, 1)
    assert work.feed.broadcaster.newest.explanation.precision == "float32"
    work.settings.change(frozen=False)
    explain_one(work, 2)
    assert work.feed.broadcaster.newest.explanation.precision == "int8"


def test_int8_is_compared_with_float32_while_frames_flow(start, fake_explainer, explain_one, eventually):
    explainer = fake_explainer()
    explainer.precision = "int8"
    clock = FakeClock()
    work = start(explainer, clock=clock)
    explain_one(work, 0)
    eventually(lambda: explainer.is_float32_prepared and not work.thread.precision_monitor._preparing.is_alive())
    explain_one(work, 1)
    eventually(lambda: work.thread.precision_monitor.words == "int8, agrees 1.000 with float32 (last minute)")
    assert explainer.checked == [1]
