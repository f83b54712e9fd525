"""The soak, with a fake explainer in this process; `python -m scripts.benchmarks.soak` runs the whole program."""

from __future__ import annotations

import os
from contextlib import ExitStack

import numpy as np
import pytest

from scripts.benchmarks import soak


@pytest.mark.slow
def test_a_soak_prints_the_slope_of_each_quantity(address, capsys, tmp_path):
    (tmp_path / "left behind").touch()
    with ExitStack() as stack:
        soak.connect_viewers(address, 2, stack)
        samples = soak.watch(os.getpid(), address, 2.0, interval_s=0.1, temporary=tmp_path)
    soak.report(samples, warm_up_s=0.5, end_s=0.5)
    rows = [line.rsplit(maxsplit=4) for line in capsys.readouterr().out.splitlines()[1:]]
    figures = {row[0]: [float(figure) for figure in row[1:]] for row in rows}
    assert figures.keys() == soak.QUANTITIES.keys()
    assert figures["resident memory, MiB"][0] > 100
    assert figures["threads"][0] > 5
    assert figures["temporary files"] == [1.0, 1.0, 0.0, 0.0]
    assert figures["fps"][0] > 0
    assert figures["latency at encoding, p50, ms"][0] > 1
    assert figures["display latency, p50, ms"][0] > 1


def test_a_soak_prints_medians_at_10_30_and_60_minutes(capsys):
    constants = dict.fromkeys(soak.QUANTITIES.values(), 1.0)
    samples: list[soak.Sample] = [
        {"time_s": float(time_s), **constants, "resident_mib": time_s / 60} for time_s in range(0, 3600, 5)
    ]
    soak.report(samples, warm_up_s=600.0)
    header, resident, *_ = capsys.readouterr().out.splitlines()
    assert header.split()[:6] == ["10", "min", "30", "min", "60", "min"]
    at_marks = [float(figure) for figure in resident.removeprefix("resident memory, MiB").split()[:3]]
    assert at_marks == pytest.approx([9.5, 29.5, 59.5], abs=0.1)


def test_a_slope_has_the_error_of_its_residuals():
    times_s = np.arange(0.0, 3600.0, 36.0)
    noise = np.resize([1.0, -1.0], len(times_s))
    slope, error = soak.slope_per_hour(times_s, 100.0 + 5.0 * times_s / 3600.0 + noise)
    assert slope == pytest.approx(5.0, abs=3 * error)
    assert 0.2 < error < 0.5


def test_a_short_run_has_too_few_samples(capsys):
    sample: soak.Sample = {"time_s": 1.0, **dict.fromkeys(soak.QUANTITIES.values(), 1.0)}
    soak.report([sample], warm_up_s=0.0)
    assert capsys.readouterr().out.count("too few samples") == len(soak.QUANTITIES)
