import pytest

from live_cam.pipeline.metrics import Metrics
from tests.clocks import FakeClock, S

_MS = 1_000_000


@pytest.fixture
def clock():
    return FakeClock(5 * S)


@pytest.fixture
def metrics(clock):
    return Metrics(clock=clock)


def test_before_the_first_frame_there_is_neither_rate_nor_age(metrics):
    snapshot = metrics.read()
    assert (snapshot.captured, snapshot.explained, snapshot.fps) == (0, 0, 0.0)
    assert snapshot.age_p50_ms is None
    assert snapshot.age_p95_ms is None


@pytest.mark.parametrize("rate_fps", [2, 10, 30, 120])
def test_fps_is_the_rate_at_which_frames_are_explained(metrics, clock, rate_fps):
    for _ in range(5 * rate_fps):
        clock.advance(1000 / rate_fps / 1000)
        metrics.count_captured()
        metrics.count_captured()
        metrics.count_explained(clock.now_ns())
    snapshot = metrics.read()
    assert snapshot.fps == pytest.approx(rate_fps, rel=0.01)
    assert (snapshot.captured, snapshot.explained) == (10 * rate_fps, 5 * rate_fps)


def test_fps_follows_a_change_within_two_seconds(metrics, clock):
    for interval_ms, count in ((100, 50), (25, 90)):
        for _ in range(count):
            clock.advance(interval_ms / 1000)
            metrics.count_explained(clock.now_ns())
    assert metrics.read().fps == pytest.approx(40, rel=0.01)


def test_two_seconds_after_the_last_frame_rate_and_age_expire_but_counts_stay(metrics, clock):
    for _ in range(10):
        clock.advance(0.05)
        metrics.count_captured()
        metrics.count_explained(clock.now_ns() - 30 * _MS)
    clock.advance(2.001)
    snapshot = metrics.read()
    assert snapshot.fps == 0.0
    assert snapshot.age_p50_ms is None
    assert snapshot.age_p95_ms is None
    assert (snapshot.captured, snapshot.explained) == (10, 10)


def test_one_frame_has_an_age_but_no_rate(metrics, clock):
    metrics.count_explained(clock.now_ns() - 40 * _MS)
    snapshot = metrics.read()
    assert snapshot.fps == 0.0
    assert snapshot.age_p50_ms == pytest.approx(40)


def test_age_is_from_capture_to_the_overlay_with_median_and_95th_percentile(metrics, clock):
    for number in range(101):
        clock.advance(0.01)
        metrics.count_explained(clock.now_ns() - number * _MS)
    snapshot = metrics.read()
    assert snapshot.age_p50_ms == pytest.approx(50)
    assert snapshot.age_p95_ms == pytest.approx(95)


def test_ages_expire_after_two_seconds(metrics, clock):
    for _ in range(20):
        clock.advance(0.01)
        metrics.count_explained(clock.now_ns() - 900 * _MS)
    clock.advance(2.5)
    for _ in range(3):
        clock.advance(0.01)
        metrics.count_explained(clock.now_ns() - 20 * _MS)
    snapshot = metrics.read()
    assert snapshot.age_p50_ms == pytest.approx(20)
    assert snapshot.age_p95_ms == pytest.approx(20)


def test_the_total_counts_what_each_feed_counts(clock):
    total = Metrics(clock=clock)
    one, other = Metrics(total, clock), Metrics(total, clock)
    for _ in range(3):
        one.count_captured()
    one.count_dropped()
    other.count_captured()
    one.count_explained(clock.now_ns() - 10 * _MS)
    other.count_explained(clock.now_ns() - 30 * _MS)
    other.count_displayed(70.0)
    counts = [(read.captured, read.explained, read.dropped) for read in (one.read(), other.read(), total.read())]
    assert counts == [(3, 1, 1), (1, 1, 0), (4, 2, 1)]
    assert total.read().age_p50_ms == pytest.approx(20)
    assert (one.read().display_p50_ms, total.read().display_p50_ms) == (None, 70.0)


def test_display_latencies_are_separate_from_ages_and_expire_after_two_seconds(metrics, clock):
    assert metrics.read().display_p50_ms is None
    for number in range(101):
        clock.advance(0.01)
        metrics.count_displayed(float(number))
    snapshot = metrics.read()
    assert (snapshot.display_p50_ms, snapshot.display_p95_ms) == (50, 95)
    assert snapshot.age_p50_ms is None
    clock.advance(2.001)
    assert metrics.read().display_p95_ms is None


def test_the_rate_alone_is_that_of_the_snapshot(metrics, clock):
    for _ in range(20):
        clock.advance(0.04)
        metrics.count_explained(clock.now_ns())
    assert metrics.fps == metrics.read().fps == pytest.approx(25)
    clock.advance(2.001)
    assert metrics.fps == 0.0
