from dataclasses import replace

import numpy as np
import pytest

from live_cam.explain.saliency.occlusion import FILL_RGB
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.pipeline.faithfulness_monitor import FaithfulnessMonitor
from live_cam.types import EncodedFrame, OverlayStyle, Target
from tests.clocks import FakeClock

LION = 291


class TopLeftNetwork:
    """A network that recognises the lion by the top left quarter of the frame alone."""

    classifier = IMAGENET_RESNET50

    def logits(self, frames):
        logits = np.zeros((len(frames), 1000), np.float32)
        for row, frame in zip(logits, frames, strict=True):
            quarter = frame[: frame.shape[0] // 2, : frame.shape[1] // 2]
            row[LION] = 15 * np.any(quarter != FILL_RGB, axis=-1).mean()
        return logits


@pytest.fixture
def show(make_explanation, make_frame):
    """Returns an overlay whose map peaks at a place: `show(row, column, target=Target(LION))`."""

    def shown(row, column, target=Target(LION)):
        values = np.zeros((7, 7), np.float32)
        values[row : row + 3, column : column + 3] = 2.0
        logits = np.zeros(1000, np.float32)
        logits[LION] = 15.0
        explanation = replace(make_explanation(target), saliency_map=values, smoothed_map=values, logits=logits)
        return EncodedFrame(b"", make_frame(np.full((224, 224, 3), 200, np.uint8)), explanation, OverlayStyle())

    return shown


@pytest.fixture
def monitor():
    return FaithfulnessMonitor(np.random.default_rng(0))


def measure(monitor, shown, times=60):
    for _ in range(times):
        monitor.follow(shown.explanation)
        monitor.measure(shown, TopLeftNetwork())
    return monitor.score


def test_a_map_that_highlights_what_matters_is_faithful_and_another_is_unfaithful(monitor, show):
    right = measure(monitor, show(0, 0))
    assert right.verdict == "faithful"
    assert right.probability_drop > right.random_drop + 0.1
    wrong = measure(FaithfulnessMonitor(np.random.default_rng(0)), show(4, 4))
    assert wrong.verdict == "unfaithful"
    assert wrong.probability_drop < wrong.random_drop


def test_another_target_starts_afresh(monitor, show):
    assert measure(monitor, show(0, 0)) is not None
    monitor.follow(show(0, 0, Target(285)).explanation)
    assert monitor.score is None


def test_the_first_score_takes_several_passes(monitor, show):
    assert measure(monitor, show(0, 0), times=1) is None
    assert measure(monitor, show(0, 0), times=3) is not None


def test_a_map_without_evidence_is_not_measured(monitor, show):
    shown = show(0, 0)
    nothing = replace(shown, explanation=replace(shown.explanation, evidence=0.0))
    assert measure(monitor, nothing) is None


def test_a_still_frame_is_not_measured_forever(monitor, show):
    shown = show(0, 0)
    measure(monitor, shown)
    score = monitor.score
    measure(monitor, shown)
    assert monitor.score == score
    monitor.follow(show(0, 0, Target(285)).explanation)
    assert measure(monitor, show(4, 4, Target(LION))) is not None, "another target is measured"


def test_a_target_shown_again_in_the_same_scene_keeps_its_measurements(monitor, show):
    lion, cat = show(0, 0), show(0, 0, Target(285))
    score = measure(monitor, lion, times=12)
    monitor.follow(cat.explanation)
    assert monitor.is_new
    monitor.follow(lion.explanation)
    assert monitor.score == score
    assert not monitor.is_new


def test_a_scene_cut_starts_afresh(monitor, show):
    shown = show(0, 0)
    assert measure(monitor, shown).measured >= 3
    monitor.follow(replace(shown.explanation, scene=shown.explanation.scene + 1))
    assert monitor.score is None
    assert monitor.is_new


def test_a_picture_is_new_until_it_has_as_many_measurements_as_a_verdict_takes(monitor, show):
    measure(monitor, show(0, 0), times=8)
    assert monitor.is_new
    assert measure(monitor, show(0, 0), times=1).measured == 3
    assert not monitor.is_new


def test_a_picture_without_evidence_is_never_new(monitor, show):
    shown = show(0, 0)
    monitor.follow(replace(shown.explanation, evidence=0.0))
    assert not monitor.is_new


def test_the_age_is_that_of_the_newest_measurement(show):
    clock = FakeClock()
    monitor = FaithfulnessMonitor(np.random.default_rng(0), clock)
    measure(monitor, show(0, 0), times=3)
    clock.advance(5.0)
    measure(monitor, show(0, 0), times=2)
    assert monitor.age_s == 5.0, "two of three passes make no measurement"
    measure(monitor, show(0, 0), times=1)
    assert monitor.age_s == 0.0
