"""Classes that an audience teaches: takes, leases, bounds, and the switch to what was taught."""

import io
import threading
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from live_cam.errors import UsageError
from live_cam.explain.explainer import Explainer
from live_cam.pipeline.examples import MAX_CLASSES, MAX_TAKES
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.layer_loader import LayerLoader
from live_cam.pipeline.live_model import LiveModel
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.session import Session
from live_cam.pipeline.settings import Settings, SettingsStore
from live_cam.pipeline.taught_takes import MAX_PICTURES
from live_cam.pipeline.teaching import Teaching
from live_cam.pipeline.worker import Worker
from live_cam.teach.folder import teach_folder
from live_cam.types import Frame, Target
from tests.clocks import FakeClock, S
from tests.teach.colours import PURPLE, TEAL, paint

pytestmark = pytest.mark.slow

LIMIT_BYTES = 10_000_000


@pytest.fixture(scope="module")
def explainer(colour_models):
    return Explainer(colour_models[0], precision="float32", smooth=True)


class Audience:
    """Teaches colours, on a clock of its own; the fit is done at once, or by `fit` if it is `late`."""

    def __init__(self, explainer, late=False, limit_bytes=LIMIT_BYTES, labels=()):
        self.clock = FakeClock()
        classifier = explainer.classifier
        self.settings = SettingsStore(
            Settings(layer=classifier.default_layer), tuple(classifier.layers), classifier.labels
        )
        self.waiting = []
        run = self.waiting.append if late else (lambda function: function())
        self.teaching = Teaching(explainer, self.settings, run, limit_bytes, self.clock, labels)
        self.rng = np.random.default_rng(0)
        self.seq = 0

    def fit(self):
        while self.waiting:
            self.waiting.pop(0)()

    def frame(self, colour, after_s=0.1):
        self.clock.advance(after_s)
        self.seq += 1
        return Frame(paint(self.rng, colour), self.clock.now_ns(), self.seq, "camera")

    def show(self, class_id, colour, frames_n=5):
        self.teaching.start(class_id)
        for _ in range(frames_n):
            self.teaching.start(class_id)
            self.teaching.collect(self.frame(colour))
        self.teaching.stop()

    def teach_both(self, takes_n=2):
        self.purple, self.teal = (self.teaching.add_class(label) for label in ("purple", "teal"))
        for _ in range(takes_n):
            self.show(self.purple, PURPLE)
            self.show(self.teal, TEAL)

    @property
    def num_pictures(self):
        return sum(pictures for pictures, _ in self.counts.values())

    @property
    def counts(self):
        return {each["label"]: (each["pictures"], len(each["takes"])) for each in self.teaching.describe()["classes"]}

    def answer(self, colour):
        return self.teaching.model.explainer.explain(self.frame(colour), Target()).top[0].label


@pytest.fixture
def audience(explainer):
    return Audience(explainer)


def test_two_classes_are_taught_by_showing_them(audience):
    heard = []
    audience.settings.add_listener(lambda: heard.append(audience.settings.labels))
    audience.teach_both()
    assert audience.counts == {"purple": (10, 2), "teal": (10, 2)}
    assert audience.settings.labels == ("purple", "teal")
    assert heard[-1] == ("purple", "teal"), "frames that stay are explained again"
    assert [audience.answer(colour) for colour in (PURPLE, TEAL)] == ["purple", "teal"]
    state = audience.teaching.describe()
    assert (state["accuracy"]["right"], state["accuracy"]["takes"]) == (4, 4)
    assert state["accuracy"]["low"] < 0.6 < state["accuracy"]["high"]
    assert (state["in_use"], state["fitting"], state["showing"]) == (True, False, None)
    assert np.array(state["classes"][0]["map"]).shape == audience.teaching.taught.evidence[0].mean_map.shape


def test_frames_within_a_tenth_of_a_second_are_one_example(audience):
    mug = audience.teaching.add_class("mug")
    audience.teaching.start(mug)
    for _ in range(30):
        audience.teaching.collect(audience.frame(PURPLE, after_s=1 / 30))
    frame = audience.frame(PURPLE)
    audience.teaching.collect(replace(frame, revision=1))
    assert audience.counts == {"mug": (8, 1)}, "one in four, and no frame that is explained again"


def test_one_class_or_a_class_without_examples_changes_nothing(audience):
    purple = audience.teaching.add_class("purple")
    audience.teaching.add_class("teal")
    audience.show(purple, PURPLE)
    assert audience.teaching.model is None
    assert audience.settings.labels == ("red", "green", "blue")
    with pytest.raises(UsageError, match="nothing is taught yet"):
        audience.teaching.require_taught()


def test_a_take_that_nobody_confirms_ends_with_what_it_has(audience):
    audience.teach_both()
    audience.teaching.start(audience.purple)
    audience.teaching.collect(audience.frame(PURPLE))
    audience.clock.advance(3.5)  # the page was closed
    audience.teaching.collect(audience.frame(TEAL))
    assert audience.counts == {"purple": (11, 3), "teal": (10, 2)}
    assert audience.teaching.describe()["showing"] is None


def test_undo_clear_remove_and_reset(audience):
    audience.teach_both()
    audience.teaching.undo()
    assert audience.counts == {"purple": (10, 2), "teal": (5, 1)}
    audience.teaching.start(audience.teal)
    audience.teaching.collect(audience.frame(TEAL))
    audience.teaching.undo()
    assert audience.counts["teal"] == (5, 1), "the take that was running is gone, and no other"
    audience.teaching.clear(audience.teal)
    assert audience.counts["teal"] == (0, 0)
    assert audience.teaching.model is None
    assert audience.settings.labels == ("red", "green", "blue")
    audience.show(audience.teal, TEAL)
    assert audience.teaching.model is not None
    audience.teaching.remove(audience.teal)
    assert list(audience.counts) == ["purple"]
    audience.teaching.reset()
    assert (audience.counts, audience.teaching.size_bytes, audience.teaching.model) == ({}, 0, None)


def test_classes_that_are_given_stay_when_all_starts_over(explainer):
    audience = Audience(explainer, labels=("first", "second"))
    ids = [each["id"] for each in audience.teaching.describe()["classes"]]
    for class_id, colour in zip(ids, (PURPLE, TEAL), strict=True):
        audience.show(class_id, colour)
    assert audience.answer(TEAL) == "second"
    audience.teaching.reset()
    assert audience.counts == {"first": (0, 0), "second": (0, 0)}
    assert audience.teaching.model is None


def test_a_new_name_keeps_the_examples(audience):
    audience.teach_both()
    audience.teaching.rename(audience.teal, "sea")
    assert audience.answer(TEAL) == "sea"
    with pytest.raises(UsageError, match="'purple' already"):
        audience.teaching.rename(audience.teal, "Purple")
    audience.teaching.rename(audience.teal, "Sea")


def test_the_own_classes_come_back_and_go(audience):
    audience.teach_both()
    audience.settings.change(target=1)
    audience.teaching.use(False)
    assert (audience.teaching.model, audience.settings.labels[0]) == (None, "red")
    assert audience.settings.current.target is None, "another class had that number"
    audience.teaching.use(True)
    assert audience.answer(PURPLE) == "purple"


def test_what_changed_during_the_fit_is_fitted_next(explainer):
    audience = Audience(explainer, late=True)
    audience.teach_both()
    assert audience.teaching.describe()["fitting"]
    first = audience.waiting.pop(0)
    audience.teaching.rename(audience.teal, "sea")
    first()
    audience.fit()
    assert audience.settings.labels == ("purple", "sea")
    assert not audience.teaching.describe()["fitting"]


def test_classes_takes_pictures_and_bytes_are_bounded(explainer, audience):
    mug = audience.teaching.add_class("mug")
    audience.show(mug, PURPLE, MAX_PICTURES + 20)
    assert audience.counts["mug"] == (MAX_PICTURES + 20, 2), "a full take ends, and the page goes on with the next"
    for number in range(MAX_CLASSES - 1):
        audience.teaching.add_class(f"class {number}")
    with pytest.raises(UsageError, match="10 classes, which is the most"):
        audience.teaching.add_class("eleventh")
    for _ in range(MAX_TAKES):
        try:
            audience.show(mug, PURPLE, 1)
        except UsageError as error:
            assert "100 takes, which is the most" in str(error)  # noqa: PT017
            break
    assert len(audience.teaching.describe()["classes"][0]["takes"]) == MAX_TAKES
    small = Audience(explainer, limit_bytes=5_000)
    mug = small.teaching.add_class("mug")
    small.teaching.start(mug)
    for _ in range(40):
        small.teaching.collect(small.frame(PURPLE, after_s=0.05))
    assert small.teaching.size_bytes < 10_000
    assert "memory for examples is full" in small.teaching.describe()["message"]
    before = small.teaching.size_bytes
    with pytest.raises(UsageError, match="memory for examples is full"):
        small.teaching.start(mug)
    small.teaching.collect(small.frame(PURPLE))
    assert small.teaching.size_bytes == before


def test_the_zip_teaches_the_same_with_the_command(audience, explainer, tmp_path):
    audience.teach_both()
    (tmp_path / "examples.zip").write_bytes(audience.teaching.as_zip())
    with zipfile.ZipFile(io.BytesIO(audience.teaching.as_zip())) as archive:
        assert len(archive.namelist()) == 20
    taught, problems = teach_folder(explainer, tmp_path / "examples.zip", "mine", lambda *_: None)
    assert (taught.head.labels, problems, taught.accuracy.right_n) == (("purple", "teal"), [], 4)


def test_a_network_that_takes_no_classes_says_so(colour_models):
    audience = Audience(Explainer(colour_models[1]))
    with pytest.raises(UsageError, match="takes no classes of your own"):
        audience.teaching.add_class("mug")


# --- with a worker ---


@pytest.fixture
def work(explainer):
    """A worker thread with one feed, whose audience teaches."""
    audience = Audience(explainer)
    queue = FrameQueue()
    feed = Feed("camera", "camera", audience.settings, queue, Metrics())
    feed.teaching = audience.teaching
    model = LiveModel(explainer, LayerLoader(explainer, lambda: None))
    worker = Worker(model, queue)
    worker.start()
    yield audience, feed, queue
    queue.close()
    worker.join(30)


def test_the_live_view_answers_in_the_taught_classes_at_the_next_frame(work, eventually):
    audience, feed, queue = work

    def shown(colour):
        frame = audience.frame(colour)
        queue.put(feed, frame)
        eventually(lambda: feed.broadcaster.newest is not None and feed.broadcaster.newest.seq == frame.seq)
        return feed.broadcaster.newest

    assert shown(PURPLE).explanation.top[0].label in ("red", "blue")
    audience.purple, audience.teal = (audience.teaching.add_class(label) for label in ("purple", "teal"))
    for class_id, colour in ((audience.purple, PURPLE), (audience.teal, TEAL)) * 2:
        audience.teaching.start(class_id)
        collected = audience.num_pictures
        for number in range(3):
            shown(colour)
            # The worker collects a frame after it is shown.
            eventually(lambda wanted=collected + number + 1: audience.num_pictures == wanted)
        audience.teaching.stop()
    assert audience.counts == {"purple": (6, 2), "teal": (6, 2)}
    audience.settings.change(mode="contrast")
    after = shown(TEAL)
    assert after.explanation.smoothed_top[0].label == after.explanation.target_label == "teal"
    assert after.explanation.contrast_label == "purple"
    audience.teaching.use(False)
    assert shown(PURPLE).explanation.top[0].label in ("red", "blue")
    assert feed.failure == ""


def test_collecting_costs_no_pass_of_the_network(explainer, audience, monkeypatch):
    step, passes = explainer._steps.first, []
    observe = step.activations
    monkeypatch.setattr(step, "activations", lambda frames: passes.append(len(frames)) or observe(frames))
    audience.teaching.start(audience.teaching.add_class("mug"))
    for _ in range(5):
        frame = audience.frame(PURPLE)
        explainer.explain(frame)
        audience.teaching.collect(frame)
    assert audience.counts == {"mug": (5, 1)}
    assert passes == [1] * 5


# --- visitors ---


def test_each_visitor_teaches_alone_in_bounded_memory_and_is_forgotten(explainer, clock):
    with Session([], explainer, max_visitors=8, clock=clock) as session:
        visitors = session.visitors
        teachings = []
        for number in range(8):
            feed = visitors.join(f"visitor {number}", f"10.0.0.{number}")
            teachings.append(feed.teaching)
        assert len({id(each) for each in teachings}) == 8
        fill = [threading.Thread(target=_teach_until_full, args=(each, clock)) for each in teachings]
        for thread in fill:
            thread.start()
        for thread in fill:
            thread.join()
        assert sum(each.size_bytes for each in teachings) < 1.1 * 128_000_000
        feed = visitors.find("visitor 0")
        visitors.leave(feed)
        assert visitors.join("visitor 0", "").teaching is teachings[0], "a reload loses nothing"
        visitors.leave(visitors.find("visitor 0"))
        clock.advance(61)
        visitors.teaching("visitor 1")
        assert visitors.join("visitor 0", "").teaching is not teachings[0], "gone when they leave"


def _teach_until_full(teaching, clock):
    rng = np.random.default_rng(id(teaching) % 1000)
    classes = [teaching.add_class(label) for label in ("purple", "teal")]
    for take in range(4):
        teaching.start(classes[take % 2])
        for number in range(10):
            rgb = paint(rng, (PURPLE, TEAL)[take % 2])
            teaching.collect(Frame(rgb, (take * 100 + number) * S, number, "visitor"))
        teaching.stop()


def test_ids_that_never_joined_push_nobody_out(explainer, clock):
    with Session([], explainer, max_visitors=2, clock=clock) as session:
        own = session.visitors.join("anna", "10.0.0.1").teaching
        for number in range(100):
            session.visitors.teaching(f"guess {number}")
        assert session.visitors.teaching("anna") is own
        assert len(session.visitors._teachings) <= 2 * 2 + 1
