import os
import subprocess
import sys

import pytest

from live_cam.explain.quiet import quiet_native_stderr


def test_native_chatter_is_dropped_and_what_comes_after_is_heard(capfd):
    os.write(2, b"before\n")
    with quiet_native_stderr():
        os.write(2, b"chatter\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"


def test_a_failure_passes_through_and_standard_error_works_again(capfd):
    with pytest.raises(KeyError), quiet_native_stderr():
        raise KeyError("real")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_no_file_descriptor_is_left_open():
    def lowest_free() -> int:
        descriptor = os.open(os.devnull, os.O_RDONLY)
        os.close(descriptor)
        return descriptor

    before = lowest_free()
    for _ in range(20):
        with quiet_native_stderr():
            pass
    assert lowest_free() == before


def test_nobody_waits_for_tensorflow_before_an_explainer_is_made():
    code = (
        "import sys, live_cam.explain.explainer; sys.exit(bool({'tensorflow', 'keras', 'gradio'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0


@pytest.mark.slow
def test_making_an_explainer_writes_nothing_to_the_terminal(weights):
    code = "from live_cam import Explainer; Explainer()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=200)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
