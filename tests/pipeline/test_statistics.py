import pytest

from live_cam.pipeline.statistics import Statistics

_MS = 1_000_000


class FakeClock:
    def __init__(self):
        self.now_ns = 5_000 * _MS

    def __call__(self):
        return self.now_ns

    def advance_ms(self, duration_ms):
        self.now_ns += round(duration_ms * _MS)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def statistics(clock):
    return Statistics(clock_ns=clock)


def test_before_the_first_frame_there_is_nothing_to_say(statistics):
    readings = statistics.read()
    assert (readings.captured, readings.explained, readings.fps) == (0, 0, 0.0)
    assert readings.age_p50_ms is None
    assert readings.age_p95_ms is None


@pytest.mark.parametrize("rate_fps", [2, 10, 30, 120])
def test_fps_is_the_rate_at_which_frames_are_explained(statistics, clock, rate_fps):
    for _ in range(5 * rate_fps):
        clock.advance_ms(1000 / rate_fps)
        statistics.count_captured()
        statistics.count_captured()
        statistics.count_explained(clock.now_ns)
    readings = statistics.read()
    assert readings.fps == pytest.approx(rate_fps, rel=0.01)
    assert (readings.captured, readings.explained) == (10 * rate_fps, 5 * rate_fps)


def test_fps_follows_a_change_within_two_seconds(statistics, clock):
    for interval_ms, count in ((100, 50), (25, 90)):
        for _ in range(count):
            clock.advance_ms(interval_ms)
            statistics.count_explained(clock.now_ns)
    assert statistics.read().fps == pytest.approx(40, rel=0.01)


def test_two_seconds_after_the_last_frame_nothing_is_said_of_fps_and_age_but_the_counts_stay(statistics, clock):
    for _ in range(10):
        clock.advance_ms(50)
        statistics.count_captured()
        statistics.count_explained(clock.now_ns - 30 * _MS)
    clock.advance_ms(2001)
    readings = statistics.read()
    assert readings.fps == 0.0
    assert readings.age_p50_ms is None
    assert readings.age_p95_ms is None
    assert (readings.captured, readings.explained) == (10, 10)


def test_one_frame_has_an_age_but_no_rate(statistics, clock):
    statistics.count_explained(clock.now_ns - 40 * _MS)
    readings = statistics.read()
    assert readings.fps == 0.0
    assert readings.age_p50_ms == pytest.approx(40)


def test_age_is_from_capture_to_the_picture_and_slow_frames_show_in_the_95th_percentile(statistics, clock):
    for number in range(101):
        clock.advance_ms(10)
        statistics.count_explained(clock.now_ns - number * _MS)
    readings = statistics.read()
    assert readings.age_p50_ms == pytest.approx(50)
    assert readings.age_p95_ms == pytest.approx(95)


def test_ages_of_more_than_two_seconds_ago_are_forgotten(statistics, clock):
    for _ in range(20):
        clock.advance_ms(10)
        statistics.count_explained(clock.now_ns - 900 * _MS)
    clock.advance_ms(2500)
    for _ in range(3):
        clock.advance_ms(10)
        statistics.count_explained(clock.now_ns - 20 * _MS)
    readings = statistics.read()
    assert readings.age_p50_ms == pytest.approx(20)
    assert readings.age_p95_ms == pytest.approx(20)


def test_what_one_feed_counts_is_counted_in_the_total_too(clock):
    total = Statistics(clock_ns=clock)
    one, other = Statistics(total, clock), Statistics(total, clock)
    for _ in range(3):
        one.count_captured()
    one.count_dropped()
    other.count_captured()
    one.count_explained(clock.now_ns - 10 * _MS)
    other.count_explained(clock.now_ns - 30 * _MS)
    other.count_painted(70.0)
    counts = [(read.captured, read.explained, read.dropped) for read in (one.read(), other.read(), total.read())]
    assert counts == [(3, 1, 1), (1, 1, 0), (4, 2, 1)]
    assert total.read().age_p50_ms == pytest.approx(20)
    assert (one.read().painted_p50_ms, total.read().painted_p50_ms) == (None, 70.0)


def test_painted_ages_are_told_apart_from_those_of_the_pictures_and_forgotten_after_two_seconds(statistics, clock):
    assert statistics.read().painted_p50_ms is None
    for number in range(101):
        clock.advance_ms(10)
        statistics.count_painted(float(number))
    readings = statistics.read()
    assert (readings.painted_p50_ms, readings.painted_p95_ms) == (50, 95)
    assert readings.age_p50_ms is None
    clock.advance_ms(2001)
    assert statistics.read().painted_p95_ms is None


def test_the_rate_alone_is_the_rate_among_all_readings(statistics, clock):
    for _ in range(20):
        clock.advance_ms(40)
        statistics.count_explained(clock.now_ns)
    assert statistics.fps == statistics.read().fps == pytest.approx(25)
    clock.advance_ms(2001)
    assert statistics.fps == 0.0
