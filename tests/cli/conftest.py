"""Runs of the command line: in this process, and as processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Any

import pytest

from live_cam.cli import app as command_line
from live_cam.cli.options import ExplainerOptions
from live_cam.cli.server import ServeOptions
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.models.model import Model
from tests import processes

# The program with a fake in place of the network, whose import and compilation take seconds.
_WITH_FAKE_EXPLAINER = """
from live_cam.explain import explainer
from tests.conftest import FakeExplainer
explainer.Explainer = lambda *_, **__: FakeExplainer(0.02)
from live_cam.__main__ import main
main()
"""


def program(fake: bool) -> list[str]:
    """Returns the command that starts `live-cam`, with a fake explainer if it is `fake`; it runs in the project."""
    return [sys.executable, *(("-c", _WITH_FAKE_EXPLAINER) if fake else ("-m", "live_cam"))]


@dataclass
class Result:
    """What a user sees of a run.

    Attributes:
        status: The exit status.
        stdout, stderr: What was printed.
    """

    status: int
    stdout: str
    stderr: str

    def error(self, status: int) -> str:
        """Returns the error: one line, with nothing on standard output."""
        assert self.status == status, self.stderr
        (line,) = self.stderr.splitlines()
        assert line.startswith("live-cam: ")
        assert self.stdout == ""
        return line


@pytest.fixture
def live_cam(weights, capfd, monkeypatch) -> Iterator[Callable[..., Result]]:
    """Runs `live-cam` in this process: `live_cam("explain", path, "--json")`.

    It has no download to show the progress of, as the weights are there.
    """
    for name in ("TF_CPP_MIN_LOG_LEVEL", "OPENCV_LOG_LEVEL"):  # `run` sets them for good
        monkeypatch.setenv(name, os.environ.get(name, "3"))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def run(*words: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["live-cam", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            command_line.run()
        return Result(int(ended.value.code or 0), *capfd.readouterr())

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def shared_explainer(explainer, monkeypatch) -> list[dict[str, Any]]:
    """Lets commands with the default options explain with the explainer of the whole test run; others create theirs.

    Returns the arguments of all explainers that the commands create.
    """
    from live_cam.explain import explainer as module

    create = module.Explainer
    names = signature(ExplainerOptions).parameters
    calls = []

    def create_or_share(model: Model, **arguments: Any) -> object:
        calls.append(arguments)
        is_default = all(arguments[name] == names[name].default for name in names if name in arguments)
        return explainer if is_default and model.classifier is IMAGENET_RESNET50 else create(model, **arguments)

    monkeypatch.setattr(module, "Explainer", create_or_share)
    return calls


@pytest.fixture
def fake_program(fake_explainer, live_cam, monkeypatch) -> Callable[..., Result]:
    """Runs `live-cam` in this process as `live_cam` does, with a fake explainer."""
    monkeypatch.setattr("live_cam.explain.explainer.Explainer", lambda *_, **__: fake_explainer())
    return live_cam


@pytest.fixture(scope="session")
def start_process(weights) -> Callable[..., Any]:
    """Starts `live-cam` as a process and kills it at the end of a `with` block, so that a failed test ends.

    It has no download to show the progress of, as the weights are there. A `fake` one explains with a fake.
    """

    @contextmanager
    def start(*words: object, fake: bool = False, stderr: int = subprocess.STDOUT) -> Iterator[subprocess.Popen[str]]:
        command = [*program(fake), *map(str, words)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    return start


@pytest.fixture
def parse_serve(live_cam, monkeypatch) -> Callable[..., ServeOptions]:
    """Returns the options of `live-cam serve` as parsed; nothing is built with them."""

    def parse(*words: object) -> ServeOptions:
        parsed: list[ServeOptions] = []

        def stop(options: ServeOptions) -> None:
            parsed.append(options)
            raise SystemExit

        monkeypatch.setattr("live_cam.cli.serve.build_server", stop)
        assert live_cam(*words).stderr == ""
        (options,) = parsed
        return options

    return parse


@pytest.fixture
def free_port() -> int:
    return processes.free_port()


@pytest.fixture(scope="session")
def lion(gradio_media):
    return gradio_media / "images" / "lion.jpg"


@pytest.fixture(scope="session")
def cheetah(gradio_media):
    return gradio_media / "images" / "cheetah.jpg"


@pytest.fixture
def default_hangup() -> Iterator[None]:
    """Gives SIGHUP its default action, here and in processes started from here: `nohup` ignores it."""
    handler = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, handler)
