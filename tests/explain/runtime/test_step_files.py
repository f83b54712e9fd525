"""The cache of converted steps on disk: how much it keeps, and what several processes do at once."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from live_cam.explain.runtime.step_files import StepFiles

STEP_BYTES = 1000


def read(path: Path) -> str:
    """Reads a step that `convert` wrote."""
    text = path.read_text() if path.is_file() else ""
    if len(text) != STEP_BYTES:
        raise RuntimeError("missing or corrupt")
    return text.strip()


def write(path: Path, name: str) -> None:
    path.write_text(name.ljust(STEP_BYTES))


@pytest.fixture
def load(tmp_path):
    """Loads a step that contains its own name, from files of at most three steps."""
    files = StepFiles(tmp_path, max_bytes=3 * STEP_BYTES)
    converted = []

    def run(name):
        def convert(path):
            converted.append(name)
            write(path, name)

        for folder in tmp_path.glob("step-*"):  # the times of files are too coarse to tell one load from the next
            aged_ns = folder.stat().st_mtime_ns - 1_000_000_000
            os.utime(folder, ns=(aged_ns, aged_ns))
        assert files.load(name, read, convert) == name
        return converted

    return run


@pytest.fixture
def kept(tmp_path):
    return lambda: {path.name.removeprefix("step-") for path in tmp_path.glob("step-*")}


def test_disk_space_is_bounded_and_the_least_recently_used_steps_go(load, kept):
    for name in "abc":
        load(name)
    load("a")  # used again, so that b and c are the least recently used
    load("d")
    assert kept() == {"a", "c", "d"}
    load("e")
    assert kept() == {"a", "d", "e"}
    assert load("a") == ["a", "b", "c", "d", "e"], "none that was kept was converted again"


def test_a_step_larger_than_the_bound_is_kept_alone(load, kept, tmp_path):
    load("a")
    files = StepFiles(tmp_path, max_bytes=STEP_BYTES - 1)
    assert files.load("b", read, lambda path: write(path, "b")) == "b"
    assert kept() == {"b"}


def test_what_is_not_a_step_is_left_alone(load, kept, tmp_path):
    (tmp_path / "weights.npz").write_bytes(bytes(10 * STEP_BYTES))
    for name in "abcd":
        load(name)
    assert (tmp_path / "weights.npz").is_file()
    assert kept() == {"b", "c", "d"}


CHILD = """
import sys, time, pathlib
from live_cam.explain.runtime.step_files import StepFiles
cache = pathlib.Path(sys.argv[1])

def read(path):
    if not path.is_file():
        raise RuntimeError("missing")
    return path.read_text()

def convert(path):
    print("converting", flush=True)
    sys.stdin.readline()
    path.write_text("the step")

print(StepFiles(cache).load("x", read, convert), flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """Starts a process that loads a step, and converts it, if it has to, when it reads a line."""
    with ExitStack() as stack:

        def run():
            child = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", CHILD, str(tmp_path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(child.kill)
            return child

        yield run


def test_of_two_processes_one_converts_and_the_other_waits_and_says_so(start):
    one = start()
    assert one.stdout.readline() == "converting\n"
    other = start()
    assert "waiting for another live-cam to convert the network" in other.stderr.readline()
    one.stdin.write("\n")
    one.stdin.close()
    assert one.stdout.read() == "the step\n"
    assert other.stdout.read() == "the step\n", "it did not convert"
    assert other.stderr.read() == "", "it said so once"


def test_a_process_killed_while_converting_blocks_no_other(start):
    one = start()
    assert one.stdout.readline() == "converting\n"
    other = start()
    assert "waiting" in other.stderr.readline()
    one.kill()
    assert other.stdout.readline() == "converting\n"
    other.stdin.close()
    assert other.stdout.read() == "the step\n"


def test_a_step_on_disk_is_read_while_another_is_converted(start, tmp_path):
    (tmp_path / "step-y").mkdir()
    write(tmp_path / "step-y" / "step.xml", "y")
    one = start()
    assert one.stdout.readline() == "converting\n"
    assert StepFiles(tmp_path).load("y", read, lambda path: write(path, "converted again")) == "y"


def test_a_conversion_is_announced_and_a_step_that_is_there_is_not(load, caplog):
    caplog.set_level("INFO", "live_cam")
    load("a")
    assert [record.getMessage().partition(" for ")[0] for record in caplog.records] == ["converting the network"]
    load("a")
    assert len(caplog.records) == 1
