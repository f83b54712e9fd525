import io

import numpy as np
import pytest
from PIL import Image

from live_cam.frame import Target
from live_cam.pipeline.controls import Controls
from live_cam.pipeline.mailbox import Mailbox
from live_cam.pipeline.statistics import Statistics
from live_cam.pipeline.worker import WorkerThread
from live_cam.sinks.hub import Hub


class Work:
    """A worker thread with what it shares with the others."""

    def __init__(self, explainer):
        self.controls = Controls()
        self.mailbox = Mailbox()
        self.statistics = Statistics()
        self.hub = Hub()
        self.thread = WorkerThread(explainer, self.mailbox, self.controls, self.statistics, self.hub)

    @property
    def picture(self):
        """The newest picture, decoded."""
        with Image.open(io.BytesIO(self.hub.newest.jpeg)) as image:
            return np.asarray(image)


@pytest.fixture
def start():
    """Starts a worker: `start(explainer)`; it has ended when the test has."""
    started = []

    def make(explainer):
        started.append(Work(explainer))
        started[-1].thread.start()
        return started[-1]

    yield make
    for work in started:
        work.mailbox.close()


@pytest.fixture
def explain_one(make_frame, eventually):
    """Hands a worker one grey frame and waits for its picture: `explain_one(work, seq)`."""

    def explain(work, seq):
        work.mailbox.put(make_frame(seq=seq))
        eventually(lambda: work.hub.newest is not None and work.hub.newest.seq == seq)

    return explain


def test_a_frame_comes_out_as_a_picture_with_its_number_its_time_and_its_explanation(
    start, fake_explainer, make_frame, eventually
):
    work = start(fake_explainer())
    frame = make_frame(seq=41)
    work.mailbox.put(frame)
    eventually(lambda: work.statistics.read().explained == 1)
    newest = work.hub.newest
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
    work.controls.set_target(Target(285, versus=282))
    work.controls.set_opacity(0.0)
    explain_one(work, 1)
    assert explainer.explained == [(0, Target()), (1, Target(285, 282))]
    assert work.hub.newest.explanation.target == Target(285, 282)
    assert np.abs(work.picture.astype(int) - 128).max() < 4, "the picture is painted, at no opacity"


def test_the_colours_viewers_choose_are_those_painted(start, fake_explainer, explain_one):
    work = start(fake_explainer())
    work.controls.set_opacity(1.0)
    hottest = []
    for seq, colormap in enumerate(("viridis", "jet")):
        work.controls.set_colormap(colormap)
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
        work.mailbox.put(make_frame(seq=seq))
        eventually(lambda: len(explainer.explained) == seq + 1)  # noqa: B023 (waited for within the turn)
    eventually(lambda: "out of memory" in work.thread.failure)
    assert work.statistics.read().explained == 0
    assert work.hub.newest is None

    explainer.failure = None
    explain_one(work, 3)
    eventually(lambda: work.thread.failure == "")
    assert caplog.text.count("Traceback") == 1, "a fault that stays is logged once, not at every frame"


def test_when_the_mailbox_is_closed_the_thread_ends(start, fake_explainer, explain_one):
    work = start(fake_explainer())
    explain_one(work, 0)
    work.mailbox.close()
    work.thread.join(10.0)
    assert not work.thread.is_alive()
