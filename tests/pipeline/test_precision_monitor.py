"""int8 is checked against float32 while it runs."""

from dataclasses import replace

import numpy as np
import pytest

from live_cam.pipeline.precision_monitor import PrecisionMonitor
from live_cam.types import CamConfig
from tests.clocks import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def explainer(fake_explainer):
    explainer = fake_explainer()
    explainer.precision = "int8"
    return explainer


@pytest.fixture
def watch(explainer, clock, make_frame, make_explanation, eventually):
    """Shows frames, one a second, to a monitor whose float32 is ready: `watch(seconds, precision=, evidence=)`."""
    monitor = PrecisionMonitor(explainer, clock)
    seqs = iter(range(10_000))

    def show(seconds, precision="int8", evidence=1.0):
        for _ in range(seconds):
            explanation = replace(make_explanation(evidence=evidence), precision=precision)
            monitor.follow(make_frame(seq=next(seqs)), explanation)
            eventually(lambda: monitor._preparing is None or not monitor._preparing.is_alive())
            clock.advance(1.0)
        return monitor

    return show


def test_float32_is_neither_compared_nor_prepared(watch, explainer):
    assert watch(30, precision="float32").words == ""
    assert explainer.checked == []
    assert not explainer.is_float32_prepared


def test_one_frame_every_few_seconds_is_compared(watch, explainer):
    assert watch(1).words == "int8, not yet compared with float32"
    assert watch(60).words == "int8, agrees 1.000 with float32 (last minute)"
    assert explainer.is_float32_prepared
    assert np.diff(explainer.checked).tolist() == [5] * (len(explainer.checked) - 1)
    assert len(explainer.checked) == 12


def test_a_map_without_evidence_is_not_compared(watch, explainer):
    watch(30, evidence=0.0)
    assert explainer.checked == []


def test_where_int8_is_not_true_enough_float32_goes_on_and_that_is_said_once(watch, explainer, caplog):
    explainer.exact_map = np.random.default_rng(0).normal(size=(7, 7)).astype(np.float32)
    watch(10)
    assert explainer.precision == "int8"  # two frames may mislead
    monitor = watch(10)
    assert explainer.precision == "float32"
    assert monitor.words.startswith("float32, as int8 agreed only ")
    checks_n = len(explainer.checked)
    assert watch(60, precision="float32").words == monitor.words
    assert len(explainer.checked) == checks_n
    assert len([record for record in caplog.records if "going on in float32" in record.message]) == 1


def test_what_was_more_than_a_minute_ago_does_not_count(watch, explainer):
    exact = explainer.exact_map
    explainer.exact_map = exact + 0.03 * np.random.default_rng(0).normal(size=(7, 7)).astype(np.float32)
    early = watch(21).words
    assert early.startswith("int8, agrees 0.9")
    explainer.exact_map = exact
    assert watch(70).words == "int8, agrees 1.000 with float32 (last minute)"


def test_agreement_is_not_rounded_up(watch, explainer):
    shown = explainer.exact_map
    explainer.exact_map = shown.copy()
    explainer.exact_map[3, 3] = 0.05
    assert 0.9995 < np.corrcoef(shown.ravel(), explainer.exact_map.ravel())[0, 1] < 0.9999
    assert watch(10).words == "int8, agrees 0.999 with float32 (last minute)"


def test_another_layer_is_explained_in_float32_and_not_compared(explainer, clock, make_frame, make_explanation):
    monitor = PrecisionMonitor(explainer, clock)
    monitor.follow(make_frame(), make_explanation(cam_config=CamConfig("conv4_block6_out", "gradcam")))
    assert monitor.words == ""
