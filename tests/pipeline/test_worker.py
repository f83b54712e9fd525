import asyncio
import io
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from live_cam.frame import EncodedFrame, Look, Target
from live_cam.pipeline.controls import Controls
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.inbox import Inbox
from live_cam.pipeline.lenses import Lenses
from live_cam.pipeline.statistics import Statistics
from live_cam.pipeline.worker import WorkerThread

LION = 291


class Work:
    """A worker thread with what it shares with the others; its feeds are called a, b, c, ..."""

    def __init__(self, explainer, feeds=1):
        self.controls = Controls()
        self.inbox = Inbox()
        self.feeds = [Feed(name, "demo", self.controls, self.inbox, Statistics()) for name in "abcd"[:feeds]]
        self.feed = self.feeds[0]
        self.thread = WorkerThread(explainer, self.inbox, Lenses(explainer, lambda: None), at_once=feeds)

    @property
    def picture(self):
        """The newest picture, decoded."""
        with Image.open(io.BytesIO(self.feed.hub.newest.jpeg)) as image:
            return np.asarray(image)


@pytest.fixture
def prepare():
    """Prepares a worker: `prepare(explainer, feeds=1)`; once started, it has ended when the test has."""
    prepared = []

    def make(explainer, feeds=1):
        prepared.append(Work(explainer, feeds))
        return prepared[-1]

    yield make
    for work in prepared:
        work.inbox.close()


@pytest.fixture
def start(prepare):
    """Starts a worker: `start(explainer, feeds=1)`."""

    def make(explainer, feeds=1):
        work = prepare(explainer, feeds)
        work.thread.start()
        return work

    return make


@pytest.fixture
def explain_one(make_frame, eventually):
    """Hands a worker one grey frame and waits for its picture: `explain_one(work, seq)`."""

    def explain(work, seq):
        work.inbox.put(work.feed, make_frame(seq=seq))
        eventually(lambda: work.feed.hub.newest is not None and work.feed.hub.newest.seq == seq)

    return explain


def test_a_frame_comes_out_as_a_picture_with_its_number_its_time_and_its_explanation(
    start, fake_explainer, make_frame, eventually
):
    work = start(fake_explainer())
    frame = make_frame(seq=41)
    work.inbox.put(work.feed, frame)
    eventually(lambda: work.feed.statistics.read().explained == 1)
    newest = work.feed.hub.newest
    assert (newest.seq, newest.pts_ns) == (41, frame.pts_ns)
    assert newest.explanation.target_label == "lion"
    assert work.picture.shape == frame.rgb.shape
    change = np.abs(work.picture.astype(int) - frame.rgb).sum(axis=2)
    assert change[:24, :32].max() > 100, "the map's peak is at the top left"
    assert change[30:, 40:].max() < 20


def test_what_viewers_choose_holds_from_the_next_frame_on(start, fake_explainer, explain_one):
    explainer = fake_explainer()
    work = start(explainer)
    explain_one(work, 0)
    work.controls.change(target=285)
    work.controls.change(opacity=0.0)
    explain_one(work, 1)
    assert explainer.explained == [(0, Target()), (1, Target(285))]
    assert work.feed.hub.newest.explanation.target == Target(285)
    assert np.abs(work.picture.astype(int) - 128).max() < 4, "the picture is painted, at no opacity"


def test_the_colours_viewers_choose_are_those_painted(start, fake_explainer, explain_one):
    work = start(fake_explainer())
    work.controls.change(opacity=1.0)
    hottest = []
    for seq, colormap in enumerate(("viridis", "jet")):
        work.controls.change(colormap=colormap)
        explain_one(work, seq)
        hottest.append(work.picture[10, 13].astype(int))
    red, green, _ = hottest[0]
    assert green > 150, "viridis ends with yellow"
    red, green, _ = hottest[1]
    assert red > green + 50, "jet ends with red"


def test_a_frame_that_cannot_be_explained_is_told_and_the_next_one_is_explained(
    start, fake_explainer, make_frame, explain_one, eventually, caplog
):
    explainer = fake_explainer()
    work = start(explainer)
    explainer.failure = RuntimeError("out of memory")
    for seq in range(3):
        work.inbox.put(work.feed, make_frame(seq=seq))
        eventually(lambda: len(explainer.explained) == seq + 1)  # noqa: B023 (waited for within the turn)
    eventually(lambda: "out of memory" in work.feed.failure)
    assert work.feed.statistics.read().explained == 0
    assert work.feed.hub.newest is None

    explainer.failure = None
    explain_one(work, 3)
    eventually(lambda: work.feed.failure == "")
    assert caplog.text.count("Traceback") == 1, "a fault that stays is logged once, not at every frame"


def test_a_failure_makes_a_feed_that_is_live_a_lost_one(start, fake_explainer, make_frame, eventually):
    explainer = fake_explainer()
    work = start(explainer)
    explainer.failure = RuntimeError("out of memory")
    work.feed.offer(make_frame(), None)
    eventually(lambda: work.feed.status.state == "lost")
    assert "out of memory" in work.feed.status.message


def test_when_the_inbox_is_closed_the_thread_ends(start, fake_explainer, explain_one):
    work = start(fake_explainer())
    explain_one(work, 0)
    work.inbox.close()
    work.thread.join(10.0)
    assert not work.thread.is_alive()


def test_frames_of_all_feeds_are_explained_in_one_call_and_each_goes_to_its_own_viewers(
    prepare, fake_explainer, make_frame, eventually
):
    explainer = fake_explainer()
    work = prepare(explainer, feeds=3)
    for number, feed in enumerate(work.feeds):
        feed.next_seq = 10 * number
        feed.offer(make_frame(np.full((40 + number, 60, 3), 128, np.uint8)), None)
    work.thread.start()
    eventually(lambda: all(feed.hub.newest is not None for feed in work.feeds))
    assert explainer.batches == [["a", "b", "c"]]
    assert [feed.hub.newest.seq for feed in work.feeds] == [0, 10, 20]
    for number, feed in enumerate(work.feeds):
        with Image.open(io.BytesIO(feed.hub.newest.jpeg)) as image:
            assert image.size == (60, 40 + number)


def test_when_not_all_feeds_wait_their_frames_are_explained_one_by_one(prepare, fake_explainer, make_frame, eventually):
    explainer = fake_explainer()
    work = prepare(explainer, feeds=3)
    for feed in work.feeds[:2]:
        feed.offer(make_frame(), None)
    work.thread.start()
    eventually(lambda: all(feed.hub.newest is not None for feed in work.feeds[:2]))
    assert explainer.batches == [["a"], ["b"]], "a batch of another size would have to be compiled first"


def test_when_a_batch_fails_all_its_feeds_tell_and_recover(prepare, fake_explainer, make_frame, eventually, caplog):
    explainer = fake_explainer()
    work = prepare(explainer, feeds=2)
    explainer.failure = RuntimeError("out of memory")
    for feed in work.feeds:
        feed.offer(make_frame(), None)
    work.thread.start()
    eventually(lambda: all("out of memory" in feed.failure for feed in work.feeds))
    assert caplog.text.count("Traceback") == 1
    explainer.failure = None
    for feed in work.feeds:
        feed.offer(make_frame(), None)
    eventually(lambda: not any(feed.failure for feed in work.feeds))
    eventually(lambda: all(feed.hub.newest is not None for feed in work.feeds))


def test_a_frame_that_fails_on_its_own_is_not_held_against_the_other_feeds(
    prepare, fake_explainer, make_frame, eventually
):
    explainer = fake_explainer()
    explain_each = explainer.explain_each

    def fail_for_the_first(frames, targets, lens):
        if frames[0].source_id == "a":
            raise RuntimeError("out of memory")
        return explain_each(frames, targets, lens)

    explainer.explain_each = fail_for_the_first
    work = prepare(explainer, feeds=3)
    for feed in work.feeds[:2]:
        feed.offer(make_frame(), None)
    work.thread.start()
    eventually(lambda: work.feeds[1].hub.newest is not None)
    assert "out of memory" in work.feeds[0].failure
    assert work.feeds[0].hub.newest is None
    assert [feed.failure for feed in work.feeds[1:]] == ["", ""]


def test_a_feed_is_told_that_its_frame_was_taken_before_it_is_explained(
    prepare, fake_explainer, make_frame, eventually
):
    explainer = fake_explainer()
    work = prepare(explainer, feeds=2)
    asked_when_taken = {}
    for feed in work.feeds:
        feed.on_taken = lambda name=feed.name: asked_when_taken.setdefault(name, explainer.asked)
        feed.offer(make_frame(), None)
    work.thread.start()
    eventually(lambda: all(feed.hub.newest is not None for feed in work.feeds))
    assert asked_when_taken == {"a": 0, "b": 0}


@pytest.mark.parametrize("feeds", [1, 3])
def test_a_turn_is_the_time_that_one_frame_takes_also_when_several_are_explained_at_once(
    prepare, fake_explainer, make_frame, eventually, feeds
):
    work = prepare(fake_explainer(delay_s=0.3), feeds)
    assert work.thread.turn_s == 0.0
    for feed in work.feeds:
        feed.offer(make_frame(), None)
    work.thread.start()
    eventually(lambda: work.thread.turn_s > 0.0)
    assert 0.3 <= work.thread.turn_s < 0.6


def test_a_turn_follows_a_step_that_has_become_faster(start, fake_explainer, explain_one, eventually):
    explainer = fake_explainer(delay_s=0.5)
    work = start(explainer)
    explain_one(work, 0)
    explainer.delay_s = 0.0
    for seq in range(1, 12):
        explain_one(work, seq)
    eventually(lambda: 0.0 < work.thread.turn_s < 0.25)


def test_two_classes_side_by_side_make_one_picture_of_two_panes(start, fake_explainer, explain_one):
    work = start(fake_explainer())
    work.controls.change(question="beside", target=285, other=282)
    explain_one(work, 0)
    newest = work.feed.hub.newest
    assert (newest.explanation.target, newest.beside.target) == (Target(285), Target(282))
    assert work.picture.shape[1] >= 2 * newest.frame.rgb.shape[1]


def test_a_class_held_against_the_likeliest_is_that_of_the_picture_shown(start, fake_explainer, explain_one):
    work = start(fake_explainer())
    work.controls.change(question="versus", other=282)
    explain_one(work, 0)
    assert work.feed.hub.newest.explanation.target == Target(LION, 282)


def test_when_another_class_becomes_the_likeliest_it_is_explained_in_the_very_same_picture(
    start, fake_explainer, make_frame, explain_one
):
    explainer = fake_explainer()
    explain_each = explainer.explain_each
    top = explainer.explain_all([make_frame()], [Target(285)])[0][0].steady_top
    explainer.explained.clear()
    work = start(explainer)
    explain_one(work, 0)
    explainer.explain_each = lambda *asked: [
        [replace(answer, steady_top=top) for answer in answers] for answers in explain_each(*asked)
    ]
    explain_one(work, 1)
    assert explainer.explained == [(0, Target()), (1, Target(LION)), (1, Target(285))]
    assert work.feed.hub.newest.explanation.target == Target(285)


def test_an_aside_is_answered_while_frames_come(start, fake_explainer, make_frame):
    explainer = fake_explainer()
    work = start(explainer)
    work.inbox.put(work.feed, make_frame())
    assert work.inbox.ask(lambda network: network).result(10) is explainer


def test_a_picture_explained_again_is_not_counted_and_not_recorded_twice(start, fake_explainer, make_frame, eventually):
    work = start(fake_explainer())
    work.feed.offer(make_frame(), None)
    eventually(lambda: work.feed.hub.newest is not None)
    first = work.feed.hub.newest.seq
    work.controls.change(opacity=0.1)
    eventually(lambda: work.feed.hub.newest.seq != first)
    readings = work.feed.statistics.read()
    assert (readings.captured, readings.explained, readings.dropped) == (1, 1, 0)


def test_while_somebody_watches_the_map_is_put_to_the_test_and_else_nothing_is_asked(
    start, fake_explainer, make_frame, eventually
):
    explainer = fake_explainer()
    pictures = []
    logits = explainer.logits
    explainer.logits = lambda frames: pictures.append(frames[0]) or logits(frames)
    work = start(explainer)
    work.feed.offer(make_frame(), None)
    eventually(lambda: work.feed.hub.newest is not None)
    time.sleep(0.5)
    assert pictures == []

    async def watch():
        with work.feed.hub.watch():
            while work.feed.trust.score is None:
                await asyncio.sleep(0.02)
            begin_n, begin_s = len(pictures), time.monotonic()
            await asyncio.sleep(1.0)
            return len(pictures) - begin_n, time.monotonic() - begin_s

    tested_n, took_s = asyncio.run(watch())
    assert 1 <= tested_n <= 6 * took_s + 2, "twice a second, three pictures each, of a picture that stands still, too"


def test_feeds_that_show_different_things_are_explained_in_one_call_all_the_same(
    prepare, fake_explainer, make_frame, eventually
):
    explainer = fake_explainer()
    work = prepare(explainer, feeds=2)
    lion, cat = (explainer.explain_all([make_frame()], [Target(index)])[0][0] for index in (LION, 285))
    for feed, explanation in zip(work.feeds, (lion, cat), strict=True):
        feed.hub.publish(EncodedFrame(b"", make_frame(), explanation, Look()))
    explainer.batches.clear()
    explainer.explained.clear()
    for feed in work.feeds:
        feed.offer(make_frame(), None)
    work.thread.start()
    eventually(lambda: all(feed.hub.newest.jpeg for feed in work.feeds))
    assert explainer.batches == [["a", "b"]]
    assert explainer.explained == [(0, Target(LION)), (0, Target(285))]


class Kept(list):
    """A recorder that keeps what it is given."""

    def put(self, picture, shown):
        self.append(shown)


def test_what_is_asked_about_a_frozen_picture_is_recorded_when_it_is_seen(
    start, fake_explainer, make_frame, eventually
):
    work = start(fake_explainer())
    work.feed.recorder = kept = Kept()
    work.feed.offer(make_frame(pts_ns=time.monotonic_ns()), None)
    eventually(lambda: len(kept) == 1)
    work.controls.change(opacity=0.3)
    eventually(lambda: work.feed.hub.newest.look.opacity == 0.3)
    assert len(kept) == 1, "a live picture is recorded once"
    work.controls.change(frozen=True)
    eventually(lambda: len(kept) == 2)
    work.controls.change(target=285)
    eventually(lambda: len(kept) == 3)
    assert [shown.explanation.target.index for shown in kept] == [LION, LION, 285]
    times_ns = [shown.pts_ns for shown in kept]
    assert times_ns == sorted(set(times_ns))
    assert work.feed.hub.newest.pts_ns == times_ns[0], "viewers are told its true age"
