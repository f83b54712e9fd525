"""Signals while live-cam starts; those while it serves are in `test_serve.py`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from live_cam.cli.signals import exit_on_signals, handle_hangup

# Sends itself a signal while a module is imported.
_INTERRUPTED_IMPORT = """
import os, sys

class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == "{module}":
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Interrupt())
from live_cam.__main__ import main
main()
"""


@pytest.fixture(autouse=True)
def restored_handlers(default_hangup):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str
)
def test_a_signal_ends_it_with_the_status_of_a_shell(number, status):
    exit_on_signals()
    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(number)
    assert ended.value.code == status


def test_the_second_hangup_interrupts_nothing():
    exit_on_signals()
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)


def test_nohup_keeps_its_meaning():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    exit_on_signals()
    signal.raise_signal(signal.SIGHUP)


def test_after_a_hangup_lines_for_the_closed_terminal_are_dropped():
    ours, terminal = os.openpty()
    stderr = os.dup(2)
    received: list[int] = []
    try:
        os.dup2(terminal, 2)
        os.close(terminal)
        handle_hangup(lambda number, frame: received.append(number))
        os.close(ours)
        with pytest.raises(OSError, match="Input/output error"):
            os.write(2, b"nobody reads this")
        signal.raise_signal(signal.SIGHUP)
        assert os.write(2, b"nor this") == 8
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
    assert received == [signal.SIGHUP]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "module", "words", "status"),
    [
        (signal.SIGINT, "typer", ("--version",), -signal.SIGINT),
        (signal.SIGINT, "cv2", ("explain", "{image}"), 130),
        (signal.SIGINT, "openvino", ("explain", "{image}"), 130),
        (signal.SIGTERM, "live_cam.web.app", ("demo", "--no-open", "--port={port}"), 143),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_signal_while_it_starts_leaves_no_traceback(free_port, lion, number, module, words, status):
    code = _INTERRUPTED_IMPORT.format(number=int(number), module=module)
    command = [sys.executable, "-c", code, *(word.format(port=free_port, image=lion) for word in words)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "", "")


def test_sigterm_while_the_network_is_compiled_is_status_143(live_cam, free_port, monkeypatch):
    def compile_network(*_, **__):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", free_port)) == 0, "the port is bound before"
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("live_cam.explain.explainer.Explainer", compile_network)
    result = live_cam("demo", "--no-open", "--port", free_port)
    assert (result.status, result.stdout, result.stderr) == (143, "", "")
    with socket.create_server(("127.0.0.1", free_port)):
        pass  # the port is free again


@pytest.mark.slow
def test_ctrl_c_while_gradio_is_imported_behind_the_first_page_stops_the_server(free_port):
    code = _INTERRUPTED_IMPORT.format(number=int(signal.SIGINT), module="gradio.blocks")
    command = [sys.executable, "-c", code, "demo", "--no-open", f"--port={free_port}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f":{free_port}/" in ended.stdout
