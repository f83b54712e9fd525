from live_cam.sources.stream_clock import StreamClock

_MS = 1_000_000
_S = 1_000_000_000
_START = 1_000 * _S


def _run(clock, arrivals):
    """Feeds pairs of stream time and arrival, and returns the capture times."""
    captured = []
    for stream_ns, arrived_ns in arrivals:
        clock.arrived(stream_ns, arrived_ns)
        captured.append(clock.captured_ns(stream_ns, arrived_ns))
    return captured


def test_network_delay_does_not_change_the_capture_time():
    delays_ms = [5, 5, 5, 805, 405, 5]
    arrivals = [(number * 400 * _MS, _START + (number * 400 + delay) * _MS) for number, delay in enumerate(delays_ms)]
    captured = _run(StreamClock(), arrivals)
    for (stream_ns, _), captured_ns in zip(arrivals, captured, strict=True):
        assert abs(captured_ns - (_START + stream_ns + 5 * _MS)) < 1 * _MS


def test_capture_times_never_decrease_and_are_never_in_the_future():
    arrivals = [
        (0, _START),
        (10 * _S, _START + 1 * _S),
        (10 * _S - 100 * _MS, _START + 2 * _S),
        (11 * _S, _START + 3 * _S),
    ]
    captured = _run(StreamClock(), arrivals)
    assert captured == sorted(captured)
    assert all(captured_ns <= arrived_ns for captured_ns, (_, arrived_ns) in zip(captured, arrivals, strict=True))


def test_a_camera_clock_that_runs_slow_by_100_ppm_causes_no_lag():
    arrivals = [(int(at * _S * (1 - 100e-6)), _START + at * _S) for at in range(3600)]
    captured = _run(StreamClock(), arrivals)
    assert max(arrived - at for at, (_, arrived) in zip(captured, arrivals, strict=True)) < 5 * _MS


def test_timestamps_that_restart_are_mapped_anew():
    before = [(100 * _S + number * 40 * _MS, _START + number * 40 * _MS) for number in range(10)]
    after = [(number * 40 * _MS, _START + (number + 10) * 40 * _MS) for number in range(10)]
    captured = _run(StreamClock(), before + after)
    assert captured == [arrived_ns for _, arrived_ns in before + after]


def test_reordered_frames_keep_the_mapping():
    clock = StreamClock()
    _run(clock, [(120 * _MS, _START), (40 * _MS, _START + 40 * _MS)])
    assert abs(clock.captured_ns(160 * _MS, _START + 80 * _MS) - (_START + 40 * _MS)) < 1 * _MS


def test_without_a_timestamp_the_capture_time_is_now():
    clock = StreamClock()
    assert clock.captured_ns(None, _START) == _START
    assert clock.captured_ns(5 * _S, _START + 1) == _START + 1
