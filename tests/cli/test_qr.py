"""The QR code as a phone's camera sees it in the terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from live_cam.cli.urls import show_qr
from tests.processes import read_to_end

URL = "https://192.168.178.123:7860/?token=abcdefghijklmnop"
SHOW = f"from live_cam.cli.urls import show_qr; show_qr({URL!r})"

needs_terminal = pytest.mark.skipif(os.name != "posix", reason="opens a pseudo-terminal")


def show_in_terminal(columns=80, lines=24, **environment):
    """Returns what `show_qr` writes to a terminal of that size; rich looks at the descriptors of the process."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (lines, columns))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment = kept | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environment}
    process = subprocess.Popen(
        [sys.executable, "-c", SHOW], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    written = read_to_end(ours)
    assert process.wait(60) == 0, written
    return written


def draw(written):
    """Draws a dark terminal whose cells are two square modules each, one above the other."""
    rows: list[tuple[int, ...]] = []
    for line in re.sub(r"\x1b\[[\d;]*m", "", written).splitlines():
        cells = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
        rows += zip(*(cells[cell] for cell in line), strict=True)
    modules = np.array(rows, np.uint8) * 255
    return np.pad(np.kron(modules, np.ones((8, 8), np.uint8)), 40)


@needs_terminal
def test_the_code_in_the_terminal_reads_as_the_url():
    assert cv2.QRCodeDetector().detectAndDecode(draw(show_in_terminal()))[0] == URL


@needs_terminal
def test_it_is_white_and_black_whatever_the_colours_of_the_terminal():
    lines = show_in_terminal().splitlines()
    assert len(lines) > 10
    for line in lines:
        assert re.fullmatch(r"\x1b\[38;5;231;48;5;16m[ ▀▄█]+\x1b\[0m", line)


@needs_terminal
@pytest.mark.parametrize(
    "terminal",
    [{"columns": 30}, {"lines": 12}, {"PYTHONIOENCODING": "ascii"}, {"TERM": "dumb"}],
    ids=["too narrow", "too low", "no blocks", "dumb"],
)
def test_nothing_is_printed_where_it_would_not_be_readable(terminal):
    assert show_in_terminal(**terminal) == ""


def test_nothing_is_printed_if_the_output_is_not_a_terminal(capsys):
    show_qr(URL)
    assert capsys.readouterr() == ("", "")
