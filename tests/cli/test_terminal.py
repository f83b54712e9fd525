"""Names and errors from outside can't move the cursor of the terminal, or forge a line."""

from __future__ import annotations

import io
import logging
import os
import shutil
import subprocess
import sys

import pytest

from live_cam.cli.terminal import LogFormatter, echo, print_error
from live_cam.errors import SourceError
from live_cam.text import printable
from tests.cli.conftest import program
from tests.processes import read_to_end

HOSTILE = "a\x1b[2J\x07\nlive-cam: forged\r\u202egpj\x9b\udcff"
SAFE = r"a\x1b[2J\x07\nlive-cam: forged\r\u202egpj\x9b\udcff"


@pytest.mark.parametrize("text", ["", "Löwe 獅子 🦁.mp4", r"C:\clips\new.mp4"])
def test_what_is_printable_stays(text):
    assert printable(text) == text


def test_what_is_not_printable_is_escaped(capsys):
    assert printable(HOSTILE) == SAFE
    echo(HOSTILE)
    assert capsys.readouterr().out == f"{SAFE}\n"


def test_an_error_is_one_line(capsys):
    print_error(SourceError(f"{HOSTILE} does not exist"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(r"live-cam: a\x1b[2J\x07 live-cam: forged ")


def test_a_log_message_is_one_line_and_a_traceback_has_its_own():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LogFormatter())
    log = logging.Logger("live_cam.test")
    log.addHandler(handler)
    log.warning("%s is lost", HOSTILE)
    assert stream.getvalue() == f"live-cam: {SAFE} is lost\n"
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        log.exception("reading failed")
    lines = stream.getvalue().splitlines()
    assert lines[1:3] == ["live-cam: reading failed", "Traceback (most recent call last):"]
    assert not [line for line in lines if not line.isprintable()]


def test_commands_print_hostile_names_escaped(live_cam, shared_explainer, lion, tmp_path):
    name = HOSTILE.replace("\udcff", "") + ".jpg"
    shutil.copy(lion, tmp_path / name)
    result = live_cam("explain", tmp_path / name, tmp_path / f"missing {name}")
    assert result.status == 1
    assert r"a\x1b[2J\x07\nlive-cam: forged" in result.stdout.splitlines()[0]
    (error,) = result.stderr.splitlines()
    assert all(line.isprintable() for line in [*result.stdout.split("\n"), error])


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_takes_long_is_announced_on_a_terminal_and_nowhere_else(is_terminal):
    program = """
import logging, sys
from live_cam.cli.app import run
sys.argv = ["live-cam", "--version"]
try:
    run()
except SystemExit:
    logging.getLogger("live_cam").info("converting the network")
"""
    reader, writer = os.openpty() if is_terminal else os.pipe()
    subprocess.run([sys.executable, "-c", program], stderr=writer, stdout=subprocess.DEVNULL, check=True)
    os.close(writer)
    assert read_to_end(reader).splitlines() == ["live-cam: converting the network"] * is_terminal


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
@pytest.mark.parametrize("words", [("demo", "--no-open", "--port", "0"), ("explain", "{lion}"), ("bench",)])
def test_what_takes_long_is_said_at_once_but_not_for_a_mistake_that_costs_nothing(words, lion):
    command = [*program(fake=False), *(word.format(lion=lion) for word in words)]
    for mistake, expected in (
        (("--weights", "none.npz"), ["live-cam: starting: this takes seconds,", "live-cam: there is no weight file"]),
        (("--layer", "tealeaves"), ["live-cam: resnet50 has no layer"]),
    ):
        reader, writer = os.openpty()
        subprocess.run([*command, *mistake], stderr=writer, stdout=subprocess.DEVNULL, check=False, timeout=120)
        os.close(writer)
        shown = read_to_end(reader).splitlines()
        assert [line[: len(begin)] for line, begin in zip(shown, expected, strict=True)] == expected
