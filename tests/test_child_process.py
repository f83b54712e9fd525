"""Child processes end with their parent, whatever they are doing, and not before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.processes import process_state

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

PARENT = """
import sys, threading
from live_cam.child_process import start_child

def start():
    child = start_child("tests.waiting_child", [])
    children.append((child, child.stdout.readline().decode()))

children = []
thread = threading.Thread(target=start)
thread.start()
thread.join()
print(children[0][1], end="", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_child_outlives_the_thread_that_started_it_and_not_the_process(eventually, is_stopped):
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if is_stopped:
            os.kill(pid, signal.SIGSTOP)
            eventually(lambda: process_state(pid) == "T")
        assert process_state(pid) != "Z"
        parent.kill()
    eventually(lambda: process_state(pid) == "Z")
