import threading

import pytest

from live_cam.errors import LiveCamError, OutputError
from live_cam.pipeline.layer_loader import LayerLoader
from live_cam.types import CamConfig
from tests.clocks import FakeClock

FIRST = CamConfig("conv5_block3_out", "gradcam")
FINE = CamConfig("conv3_block4_out", "layercam")


class SlowExplainer:
    """An explainer that prepares layers when the test lets it."""

    def __init__(self):
        self.cam_config = FIRST
        self.prepared = {(FIRST, 1)}
        self.requested = []
        self.failure = None
        self.released = threading.Event()

    def is_ready(self, cam_config, num_targets=1):
        return (cam_config, num_targets) in self.prepared

    def prepare(self, cam_config, num_targets=1):
        self.requested.append(cam_config if num_targets == 1 else (cam_config, num_targets))
        self.released.wait(30)
        if self.failure is not None:
            raise self.failure
        self.prepared |= {(cam_config, 1), (cam_config, num_targets)}


@pytest.fixture
def explainer():
    slow = SlowExplainer()
    yield slow
    slow.released.set()


@pytest.fixture
def ready():
    return threading.Event()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def layer_loader(explainer, ready, clock):
    return LayerLoader(explainer, ready.set, clock)


def test_the_current_layer_is_used_while_another_is_prepared(layer_loader, explainer, ready):
    assert [layer_loader.request(FINE, FIRST) for _ in range(3)] == [FIRST] * 3
    assert "Preparing conv3_block4_out" in layer_loader.message(FINE)
    explainer.released.set()
    assert ready.wait(30)
    assert explainer.requested == [FINE]
    assert layer_loader.request(FINE, FIRST) == FINE
    assert layer_loader.message(FINE) == ""


def test_a_layer_that_is_ready_is_used_at_once(layer_loader, explainer):
    assert layer_loader.request(FIRST, FIRST) == FIRST
    assert layer_loader.message(FIRST) == ""
    assert explainer.requested == []


@pytest.mark.parametrize("failure", [OutputError("the disk is full"), RuntimeError("the disk is full")])
def test_a_layer_that_fails_is_reported_and_retried_after_half_a_minute(layer_loader, explainer, ready, clock, failure):
    explainer.failure = failure
    explainer.released.set()
    layer_loader.request(FINE, FIRST)
    assert ready.wait(30)
    assert "the disk is full" in layer_loader.message(FINE)
    assert [layer_loader.request(FINE, FIRST) for _ in range(3)] == [FIRST] * 3
    assert explainer.requested == [FINE]
    explainer.failure = None
    ready.clear()
    clock.advance(30.0)
    assert layer_loader.request(FINE, FIRST) == FIRST
    assert ready.wait(30)
    assert layer_loader.request(FINE, FIRST) == FINE


def test_a_layer_that_made_room_for_others_is_prepared_again_after_ten_seconds(layer_loader, explainer, ready, clock):
    explainer.released.set()
    layer_loader.request(FINE, FIRST)
    assert ready.wait(30)
    explainer.prepared.remove((FINE, 1))
    assert [layer_loader.request(FINE, FIRST) for _ in range(3)] == [FIRST] * 3
    assert layer_loader.message(FINE) == "conv3_block4_out made room for layers that others watch"
    assert explainer.requested == [FINE]
    ready.clear()
    clock.advance(10.0)
    assert layer_loader.request(FINE, FIRST) == FIRST
    assert ready.wait(30)
    assert explainer.requested == [FINE, FINE]
    assert layer_loader.request(FINE, FIRST) == FINE


def test_more_targets_that_fail_are_not_tried_again_at_once(layer_loader, explainer, ready):
    explainer.failure = LiveCamError("no memory")
    explainer.released.set()
    layer_loader.ensure_targets(FIRST, 3)
    assert ready.wait(30)
    for _ in range(3):
        layer_loader.ensure_targets(FIRST, 3)
    assert explainer.requested == [(FIRST, 3)]
    assert layer_loader.request(FIRST, FIRST) == FIRST
    assert layer_loader.message(FIRST) == ""


def test_more_targets_are_prepared_once_and_after_what_is_being_prepared(layer_loader, explainer, ready):
    layer_loader.request(FINE, FIRST)
    layer_loader.ensure_targets(FIRST, 3)
    explainer.released.set()
    assert ready.wait(30)
    ready.clear()
    for _ in range(3):
        layer_loader.ensure_targets(FIRST, 3)
    assert ready.wait(30)
    assert explainer.requested == [FINE, (FIRST, 3)]


def test_the_explainers_own_layer_is_used_when_the_current_one_is_gone(layer_loader):
    assert layer_loader.request(FINE, CamConfig("conv2_block3_out", "gradcam")) == FIRST
