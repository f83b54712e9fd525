"""What reaches the terminal."""

import os
import subprocess
import sys

import pytest

from live_cam.cli.quiet import quiet_native_stderr


def test_native_messages_are_dropped_until_the_block_ends(capfd):
    os.write(2, b"before\n")
    with quiet_native_stderr():
        os.write(2, b"native message\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"


def test_exception_propagates_and_stderr_is_restored(capfd):
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


def test_a_program_without_standard_error_is_quiet_anyway():
    code = """
import os, sys
from live_cam.cli.quiet import quiet_native_stderr
sys.stderr = None
os.close(2)
with quiet_native_stderr():
    print("goes on")
"""
    result = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False, timeout=120)
    assert (result.returncode, result.stdout) == (0, "goes on\n")


def test_importing_the_explainer_imports_no_tensorflow():
    code = (
        "import sys, live_cam.explain.explainer; sys.exit(bool({'tensorflow', 'keras', 'gradio'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0


@pytest.mark.slow
def test_explainers_write_nothing_to_the_terminal_and_leave_what_others_write(weights):
    code = """
import os, sys, threading
from concurrent.futures import ThreadPoolExecutor
from live_cam import Explainer
sys.stderr = None
def is_kept():
    while not over.wait(0.01):
        kept.append(os.path.sameopenfile(2, terminal))
terminal, kept, over = os.dup(2), [], threading.Event()
watch = threading.Thread(target=is_kept)
watch.start()
with ThreadPoolExecutor() as threads:
    list(threads.map(lambda number: Explainer(), range(2)))
over.set()
watch.join()
sys.exit(not all(kept))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=200)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
