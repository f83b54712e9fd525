import threading

import pytest

from live_cam.errors import OutputError
from live_cam.frame import Lens
from live_cam.pipeline.lenses import Lenses

FIRST = Lens("conv5_block3_out", "gradcam")
FINE = Lens("conv3_block4_out", "layercam")


class SlowToPrepare:
    """An explainer whose lenses are ready when the test says so."""

    def __init__(self):
        self.lens = FIRST
        self.prepared = {(FIRST, 1)}
        self.asked = []
        self.failure = None
        self.go_on = threading.Event()

    def ready(self, lens, targets_k=1):
        return (lens, targets_k) in self.prepared

    def prepare(self, lens, targets_k=1):
        self.asked.append(lens if targets_k == 1 else (lens, targets_k))
        self.go_on.wait(10)
        if self.failure is not None:
            raise self.failure
        self.prepared |= {(lens, 1), (lens, targets_k)}


@pytest.fixture
def explainer():
    slow = SlowToPrepare()
    yield slow
    slow.go_on.set()


@pytest.fixture
def told():
    return threading.Event()


@pytest.fixture
def lenses(explainer, told):
    return Lenses(explainer, told.set)


def test_the_picture_goes_on_with_the_last_lens_while_another_is_prepared(lenses, explainer, told):
    assert [lenses.choose(FINE, FIRST) for _ in range(3)] == [FIRST] * 3
    assert "Preparing conv3_block4_out" in lenses.message(FINE)
    explainer.go_on.set()
    assert told.wait(10)
    assert explainer.asked == [FINE], "once"
    assert lenses.choose(FINE, FIRST) == FINE
    assert lenses.message(FINE) == ""


def test_one_that_is_ready_is_used_at_once(lenses, explainer):
    assert lenses.choose(FIRST, FIRST) == FIRST
    assert lenses.message(FIRST) == ""
    assert explainer.asked == []


@pytest.mark.parametrize("failure", [OutputError("the disk is full"), RuntimeError("the disk is full")])
def test_one_that_cannot_be_had_is_told_and_not_tried_for_ever(lenses, explainer, told, failure):
    explainer.failure = failure
    explainer.go_on.set()
    lenses.choose(FINE, FIRST)
    assert told.wait(10)
    assert "the disk is full" in lenses.message(FINE)
    assert [lenses.choose(FINE, FIRST) for _ in range(3)] == [FIRST] * 3
    assert explainer.asked == [FINE]


def test_more_questions_in_one_call_are_prepared_once_and_beside_nothing_else(lenses, explainer, told):
    lenses.choose(FINE, FIRST)
    lenses.widen(FIRST, 3)
    explainer.go_on.set()
    assert told.wait(10)
    told.clear()
    for _ in range(3):
        lenses.widen(FIRST, 3)
    assert told.wait(10)
    assert explainer.asked == [FINE, (FIRST, 3)]


def test_the_explainers_own_is_used_when_the_last_one_is_gone(lenses):
    assert lenses.choose(FINE, Lens("conv2_block3_out", "gradcam")) == FIRST
