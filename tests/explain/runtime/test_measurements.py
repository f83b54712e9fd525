"""What was measured is kept, for what it depends on, as long as it can be read."""

import pytest

from live_cam.explain.explainer import Explainer
from live_cam.explain.runtime.int8 import gain
from live_cam.explain.runtime.int8.step import Int8Step
from live_cam.explain.runtime.measurements import all_measured, measure_once


@pytest.fixture
def measure(tmp_path):
    """Measures the next number, and returns it: `measure("GPU", ...)`; fewer calls than numbers were measured."""
    numbers = iter(range(9))

    def once(*depends_on, cache=tmp_path):
        return measure_once(cache, "speed", depends_on, lambda: {"s": next(numbers)}, lambda value: value["s"])

    return once


def test_a_measurement_is_taken_once_for_what_it_depends_on(measure, tmp_path):
    assert [measure("GPU"), measure("CPU"), measure("GPU"), measure("GPU", "float32")] == [0, 1, 0, 2]
    (tmp_path / "speedometer-1.txt").write_text("no measurement")
    assert sorted(all_measured(tmp_path, "speed", lambda value: value["s"])) == [0, 1, 2]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"t": 1}', b"\xff"])
def test_what_cannot_be_read_is_measured_again(measure, tmp_path, content):
    measure("GPU")
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    assert list(all_measured(tmp_path, "speed", lambda value: value["s"])) == []
    assert [measure("GPU"), measure("GPU")] == [1, 1]


def test_without_a_cache_it_is_measured_each_time(measure, tmp_path):
    (tmp_path / "file").touch()
    assert [measure("GPU", cache=tmp_path / "file" / "cache") for _ in range(2)] == [0, 1]


@pytest.mark.slow
def test_the_gain_of_int8_is_measured_once(colour_models, tmp_path, monkeypatch):
    exact = Explainer(colour_models[0], precision="float32")._steps.first
    measure_gain, measured = gain.measure_gain, []
    monkeypatch.setattr(gain, "measure_gain", lambda step: (measured.append(step), measure_gain(step))[1])
    step = Int8Step(exact, exact)
    answers = [gain.is_faster(step, tmp_path, digest) for digest in ("model", "model", "another model")]
    assert answers[0] == answers[1]
    assert measured == [step] * 2
