"""The crowd, with a fake explainer in this process; `python -m scripts.benchmarks.crowd` runs the whole program."""

from __future__ import annotations

import pytest

from scripts.benchmarks import crowd


@pytest.mark.slow
def test_viewers_who_read_nothing_are_compared_with_none(address, capsys, monkeypatch):
    monkeypatch.setattr(crowd, "SETTLE_S", 0.0)
    alone, beside = crowd.measure(address, viewers=2, silent=4, seconds=1.5, rounds=1)  # latencies come once a second
    crowd.report(alone, beside)
    rows = [line.rsplit(maxsplit=3) for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[0] for row in rows] == list(alone[0])
    assert all(float(figure) > 0 for row in rows for figure in row[1:])
