"""One core for the process: a signal finds a stack, in whatever order explainers go."""

import subprocess
import sys

import pytest

from tests.colour_models import write_colour_model

# The first explainer goes before the second, which would restore the first one's stack for signals.
INTERRUPTED = """
import gc, signal, sys
from live_cam.explain.explainer import Explainer

first = Explainer(sys.argv[1])
second = Explainer(sys.argv[1])
del first
gc.collect()
del second
gc.collect()
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.slow
def test_an_interrupt_is_survived_after_explainers_that_went_in_their_order(tmp_path):
    model = write_colour_model(tmp_path / "colours.onnx", ["red", "green"], pooled=True)
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED, model], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "interrupted\n"), ended.stderr
