"""The script that breaks cameras, with a fake explainer; `python -m scripts.faults` breaks each twenty times."""

from __future__ import annotations

import pytest

from scripts import faults


@pytest.mark.slow
def test_each_fault_is_reported_and_recovered_from(fake_explainer, capsys):
    # After the pause the rate of each camera is known, and a silent one is reported sooner.
    results, _ = faults.run(lambda _: fake_explainer(), 1, pause_s=(0.5, 0.5), fault_s=(0.0, 0.0))
    # How soon is for the script to show, on an idle machine; tests/pipeline holds the limits against a fake clock.
    for result in results:
        (reported_s,), (recovered_s,) = result.reported_s, result.recovered_s
        assert reported_s > 0, result.name
        assert recovered_s > 0, result.name
    faults.report(results)
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    assert [(name.strip(), count.strip()) for name, count, *_ in rows] == [(result.name, "1") for result in results]
    assert len(rows) == 11
