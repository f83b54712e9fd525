"""What a phone's camera would see of the terminal, read back."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from live_cam.cli.qr import show_qr

ADDRESS = "https://192.168.178.123:7860/?token=abcdefghijklmnop"
SHOW = f"from live_cam.cli.qr import show_qr; show_qr({ADDRESS!r})"

needs_terminal = pytest.mark.skipif(os.name != "posix", reason="makes a pseudo-terminal")


def printed(columns=80, lines=24, **environment):
    """Runs `show_qr` at a terminal of that size and gives what it wrote there."""
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
    written = b""
    try:
        while block := os.read(ours, 65536):
            written += block
    except OSError:  # how Linux says that the last writer has gone
        pass
    os.close(ours)
    assert process.wait(60) == 0, written.decode()
    return written.decode()


def picture(written):
    """Draws a dark terminal whose cells are two square modules each, one above the other."""
    rows = []
    for line in re.sub(r"\x1b\[[\d;]*m", "", written).splitlines():
        cells = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
        rows += zip(*(cells[cell] for cell in line), strict=True)
    modules = np.array(rows, np.uint8) * 255
    return np.pad(np.kron(modules, np.ones((8, 8), np.uint8)), 40)


@needs_terminal
def test_the_code_in_the_terminal_is_read_as_the_address():
    assert cv2.QRCodeDetector().detectAndDecode(picture(printed()))[0] == ADDRESS


@needs_terminal
def test_it_is_white_and_black_whatever_the_terminals_own_colours():
    for line in printed().splitlines():
        assert re.fullmatch(r"\x1b\[38;5;231;48;5;16m[ ▀▄█]+\x1b\[0m", line)


@needs_terminal
@pytest.mark.parametrize(
    "terminal",
    [{"columns": 30}, {"lines": 12}, {"PYTHONIOENCODING": "ascii"}, {"TERM": "dumb"}],
    ids=["too narrow", "too low", "no blocks", "dumb"],
)
def test_where_it_could_not_be_read_nothing_is_printed(terminal):
    assert printed(**terminal) == ""


def test_nothing_is_printed_where_the_output_is_no_terminal(capsys):
    show_qr(ADDRESS)
    assert capsys.readouterr() == ("", "")
