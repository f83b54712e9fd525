"""Child processes end with their parent, whatever they are doing, and not before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

PARENT = """
import sys, threading
from live_cam.child_process import start_child

def start():
    child = start_child("tests.waiting_child", [])
    children.append(child)

children = []
thread = threading.Thread(target=start)
thread.start()
thread.join()
(child,) = children
print(child.stdout.readline().decode(), end="", flush=True)
sys.stdin.readline()
"""


def state(pid: int) -> str:
    """Returns Linux's letter for the state of a process; Z if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_child_outlives_the_thread_that_started_it_and_not_the_process(eventually, is_stopped):
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if is_stopped:
            os.kill(pid, signal.SIGSTOP)
            eventually(lambda: state(pid) == "T")
        assert state(pid) in ("S", "T")
        parent.kill()
    eventually(lambda: state(pid) == "Z")
