"""Evidence, and the peaks by which maps are normalized."""

import itertools
import math

import numpy as np
import pytest

from live_cam.explain.saliency.evidence import PeakNormalizer, evidence
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.types import Target

RAMP = IMAGENET_RESNET50.evidence_logits
A, B = 1, 2
S = 1_000_000_000


def logits(of_a: float, of_b: float = 0.0):
    return np.array([0.0, of_a, of_b], np.float32)


@pytest.mark.parametrize("score", [-50.0, 0.0, 5.0, 5.9])
def test_score_of_an_empty_frame_is_no_evidence(score):
    assert evidence(logits(score), Target(A), "gradcam", RAMP) == 0.0


@pytest.mark.parametrize("score", [16.0, 27.0, 1e30])
def test_score_of_a_photograph_is_full_evidence(score):
    assert evidence(logits(score), Target(A), "gradcam", RAMP) == 1.0


def test_evidence_grows_steadily_with_the_score():
    values = [evidence(logits(score), Target(A), "gradcam", RAMP) for score in np.arange(0.0, 30.0, 0.25)]
    steps = [after - before for before, after in itertools.pairwise(values)]
    assert min(steps) >= 0.0
    assert max(steps) < 0.05
    assert any(0.3 < value < 0.7 for value in values)


def test_evidence_is_that_of_the_target_and_not_of_the_top_class():
    assert evidence(logits(0.0, of_b=27.0), Target(A), "gradcam", RAMP) == 0.0
    assert evidence(logits(0.0, of_b=27.0), Target(B), "gradcam", RAMP) == 1.0


def test_evidence_with_contrast_is_the_difference_of_the_logits():
    # Both are far above those of an empty frame, but nothing distinguishes them.
    assert evidence(logits(20.0, of_b=20.0), Target(A, B), "gradcam", RAMP) == 0.0
    assert evidence(logits(20.0, of_b=22.0), Target(A, B), "gradcam", RAMP) == 0.0
    assert 0.0 < evidence(logits(22.0, of_b=20.0), Target(A, B), "gradcam", RAMP) < 1.0
    assert evidence(logits(20.0, of_b=5.0), Target(A, B), "gradcam", RAMP) == 1.0
    assert evidence(logits(3.0, of_b=-20.0), Target(A, B), "gradcam", RAMP) == 1.0


def test_evidence_of_a_counterfactual_is_that_of_the_top_class():
    # A low logit of the class is no lack of evidence against it; an empty frame is.
    assert evidence(logits(-5.0, of_b=27.0), Target(A, counterfactual=True), "gradcam", RAMP) == 1.0
    assert evidence(logits(27.0), Target(A, counterfactual=True), "gradcam", RAMP) == 1.0
    assert evidence(logits(27.0), Target(A, counterfactual=True), "eigencam", RAMP, peak_share=0.0) == 1.0
    assert evidence(logits(-5.0, of_b=5.0), Target(A, counterfactual=True), "gradcam", RAMP) == 0.0


def test_evidence_of_a_counterfactual_is_none_where_its_map_is_far_weaker_than_that_of_the_top_class():
    shares = (0.0, 0.02, 0.1, 0.2, 1.0)
    against = [evidence(logits(27.0), Target(A, counterfactual=True), "gradcam", RAMP, share) for share in shares]
    assert against == pytest.approx([0.0, 0.0, 0.444, 1.0, 1.0], abs=1e-3)


@pytest.mark.parametrize("target", [Target(A), Target(A, B)])
def test_evidence_of_a_classless_method_is_that_of_the_top_class(target):
    assert evidence(logits(-5.0, of_b=27.0), target, "eigencam", RAMP) == 1.0
    assert evidence(logits(-5.0, of_b=5.0), target, "eigencam", RAMP) == 0.0


def test_vmax_follows_a_higher_peak_at_once():
    vmax = PeakNormalizer()
    assert vmax.update(1.0, 0, Target()) == 1.0
    assert vmax.update(5.0, 1, Target()) == 5.0


def test_vmax_follows_a_lower_peak_with_a_time_constant_of_half_a_second():
    vmax = PeakNormalizer()
    vmax.update(5.0, 10 * S, Target())
    # After one time constant, 1/e of the difference is left.
    assert vmax.update(1.0, 10 * S + S // 2, Target()) == pytest.approx(1.0 + 4.0 / math.e)


@pytest.mark.parametrize("fps", [3, 10, 30, 1000])
def test_vmax_falls_equally_at_every_frame_rate(fps):
    vmax = PeakNormalizer()
    vmax.update(5.0, 0, Target())
    for frame in range(1, fps + 1):
        after_a_second = vmax.update(1.0, frame * S // fps, Target())
    assert after_a_second == pytest.approx(1.0 + 4.0 * math.exp(-2.0), rel=1e-6)


def test_vmax_is_never_below_the_peak():
    vmax = PeakNormalizer()
    rng = np.random.default_rng(0)
    pts_ns = 0
    for _ in range(500):
        peak = float(rng.uniform(0.0, 10.0))
        # Time stands still or goes back if a source restarts.
        pts_ns += int(rng.integers(-S // 10, S // 10))
        value = vmax.update(peak, pts_ns, Target())
        assert peak <= value <= 10.0


def test_vmax_of_empty_maps_falls_to_zero():
    vmax = PeakNormalizer()
    vmax.update(3.0, 0, Target())
    assert vmax.update(0.0, 3600 * S, Target()) == pytest.approx(0.0, abs=1e-9)
    assert PeakNormalizer().update(0.0, 0, Target()) == 0.0


@pytest.mark.parametrize("other", [Target(B), Target(A, B), Target()])
def test_another_key_has_its_own_vmax(other):
    vmax = PeakNormalizer()
    vmax.update(100.0, 0, Target(A))
    assert vmax.update(1.0, 1, other) == 1.0


def test_images_without_times_do_not_share_a_vmax():
    vmax = PeakNormalizer()
    assert [vmax.update(peak, 0, Target()) for peak in (10.0, 1.0, 5.0)] == [10.0, 1.0, 5.0]


def test_frozen_frame_keeps_its_vmax():
    vmax = PeakNormalizer(live=True)
    vmax.update(9.0, 0, "lion")
    smoothed = vmax.update(4.0, 100_000_000, "lion")
    assert smoothed > 4.0
    assert vmax.update(4.0, 100_000_000, "lion") == smoothed
