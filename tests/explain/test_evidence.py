import itertools
import math

import numpy as np
import pytest

from live_cam.explain.evidence import Scales, strength
from live_cam.frame import Target

A, B = 1, 2
S = 1_000_000_000


def logits(of_a: float, of_b: float = 0.0):
    return np.array([0.0, of_a, of_b], np.float32)


@pytest.mark.parametrize("score", [-50.0, 0.0, 5.0, 5.9])
def test_a_score_that_an_empty_picture_reaches_is_no_evidence(score):
    assert strength(logits(score), Target(A), "gradcam") == 0.0


@pytest.mark.parametrize("score", [16.0, 27.0, 1e30])
def test_a_score_that_photographs_of_the_thing_reach_is_full_evidence(score):
    assert strength(logits(score), Target(A), "gradcam") == 1.0


def test_evidence_grows_with_the_score_and_without_jumps():
    strengths = [strength(logits(score), Target(A), "gradcam") for score in np.arange(0.0, 30.0, 0.25)]
    steps = [after - before for before, after in itertools.pairwise(strengths)]
    assert min(steps) >= 0.0
    assert max(steps) < 0.05
    assert any(0.3 < value < 0.7 for value in strengths)


def test_evidence_is_of_the_class_asked_for_and_not_of_the_likeliest():
    assert strength(logits(0.0, of_b=27.0), Target(A), "gradcam") == 0.0
    assert strength(logits(0.0, of_b=27.0), Target(B), "gradcam") == 1.0


def test_evidence_against_another_class_is_the_distance_between_the_two():
    # Both far above what an empty picture has, and yet there is nothing to tell them apart by.
    assert strength(logits(20.0, of_b=20.0), Target(A, B), "gradcam") == 0.0
    assert strength(logits(20.0, of_b=22.0), Target(A, B), "gradcam") == 0.0
    assert 0.0 < strength(logits(22.0, of_b=20.0), Target(A, B), "gradcam") < 1.0
    assert strength(logits(20.0, of_b=5.0), Target(A, B), "gradcam") == 1.0
    assert strength(logits(3.0, of_b=-20.0), Target(A, B), "gradcam") == 1.0


def test_against_a_class_can_speak_whatever_is_to_be_seen():
    # That little speaks for the class is no lack of evidence against it; that there is nothing to be seen is.
    assert strength(logits(-5.0, of_b=27.0), Target(A, against=True), "gradcam") == 1.0
    assert strength(logits(27.0), Target(A, against=True), "gradcam") == 1.0
    assert strength(logits(-5.0, of_b=5.0), Target(A, against=True), "gradcam") == 0.0


@pytest.mark.parametrize("target", [Target(A), Target(A, B)])
def test_a_map_that_knows_no_classes_needs_no_more_than_something_to_be_seen(target):
    assert strength(logits(-5.0, of_b=27.0), target, "eigencam") == 1.0
    assert strength(logits(-5.0, of_b=5.0), target, "eigencam") == 0.0


def test_the_scale_follows_a_brighter_map_at_once():
    scale = Scales()
    assert scale.update(1.0, 0, Target()) == 1.0
    assert scale.update(5.0, 1, Target()) == 5.0


def test_the_scale_follows_a_fainter_map_with_a_time_constant_of_half_a_second():
    scale = Scales()
    scale.update(5.0, 10 * S, Target())
    # After one time constant, 1/e of the way is left.
    assert scale.update(1.0, 10 * S + S // 2, Target()) == pytest.approx(1.0 + 4.0 / math.e)


@pytest.mark.parametrize("fps", [3, 10, 30, 1000])
def test_brightness_fades_alike_at_every_frame_rate(fps):
    scale = Scales()
    scale.update(5.0, 0, Target())
    for frame in range(1, fps + 1):
        after_a_second = scale.update(1.0, frame * S // fps, Target())
    assert after_a_second == pytest.approx(1.0 + 4.0 * math.exp(-2.0), rel=1e-6)


def test_the_scale_never_lies_under_the_map_it_is_for():
    scale = Scales()
    rng = np.random.default_rng(0)
    pts_ns = 0
    for _ in range(500):
        peak = float(rng.uniform(0.0, 10.0))
        # Time stands still or goes back where a source starts again.
        pts_ns += int(rng.integers(-S // 10, S // 10))
        value = scale.update(peak, pts_ns, Target())
        assert peak <= value <= 10.0


def test_an_empty_map_lets_the_scale_fall_to_nothing_and_stays_finite():
    scale = Scales()
    scale.update(3.0, 0, Target())
    assert scale.update(0.0, 3600 * S, Target()) == pytest.approx(0.0, abs=1e-9)
    assert Scales().update(0.0, 0, Target()) == 0.0


@pytest.mark.parametrize("other", [Target(B), Target(A, B), Target()])
def test_another_question_starts_with_a_scale_of_its_own(other):
    scale = Scales()
    scale.update(100.0, 0, Target(A))
    assert scale.update(1.0, 1, other) == 1.0


def test_pictures_without_times_do_not_share_a_scale():
    scale = Scales()
    assert [scale.update(peak, 0, Target()) for peak in (10.0, 1.0, 5.0)] == [10.0, 1.0, 5.0]


def test_a_picture_that_stands_still_keeps_its_scale():
    scales = Scales(live=True)
    scales.update(9.0, 0, "lion")
    smoothed = scales.update(4.0, 100_000_000, "lion")
    assert smoothed > 4.0
    assert scales.update(4.0, 100_000_000, "lion") == smoothed
