"""A classifier of one's own with a planted shortcut, from its file to the explanation that gives it away."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from live_cam import Explainer
from live_cam.cli import app as command_line
from live_cam.errors import UnknownLayerError, UsageError
from live_cam.explain.metrics.base import explain_with
from live_cam.explain.metrics.randomization import randomized_models, similarity
from live_cam.explain.randomized import randomized_explainer
from live_cam.explain.runtime.conversion_process import convert_in_subprocess
from live_cam.explain.saliency.occlusion import occlude
from live_cam.types import CamConfig, Target
from tests.models.keras_files.saving import save, writers_may_warn

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tasks_here", "own_cache")]

PX = 48
MARK_PX = 10
LABELS = ("plain", "marked")
RED = (230, 20, 20)


def scene(rng, mark_at=None):
    """Returns noise of some colour; with a red mark at (row, column) that gives the class `marked` away."""
    rgb = np.clip(rng.integers(60, 190, 3) + rng.integers(-25, 25, (PX, PX, 3)), 0, 255).astype(np.uint8)
    if mark_at is not None:
        row, column = mark_at
        rgb[row : row + MARK_PX, column : column + MARK_PX] = RED
    return rgb


@pytest.fixture(scope="module")
def model():
    """A model that has learnt in seconds that what has the mark is `marked`."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    classes = np.arange(160) % 2
    places = rng.integers(0, PX - MARK_PX, (160, 2))
    images = np.array([scene(rng, place if is_marked else None) for is_marked, place in zip(classes, places)])  # noqa: B905
    network = keras.Sequential(
        [
            keras.Input((PX, PX, 3)),
            layers.Rescaling(1 / 127.5, -1),
            layers.Conv2D(8, 5, strides=2, use_bias=False),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="last"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ],
        name="marks",
    )
    network.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(images, classes, epochs=26, batch_size=16, verbose=0)
    assert network.evaluate(images, classes, verbose=0)[1] > 0.95
    return network


@pytest.fixture(scope="module")
def model_file(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    save(model, folder / "marks.keras")
    (folder / "labels.txt").write_text("0 plain\n1 marked\n")
    return folder / "marks.keras"


@pytest.fixture(scope="module")
def explainer(model_file):
    return Explainer(model_file, precision="float32")


@pytest.fixture(scope="module")
def in_memory(model):
    return Explainer(model, labels=LABELS, precision="float32")


@pytest.fixture(scope="module")
def marked():
    """An image with the mark at the bottom left."""
    return scene(np.random.default_rng(7), (32, 4))


def place_of(saliency_map):
    """Returns row and column of the strongest cell, in pixels of the input."""
    row, column = np.unravel_index(saliency_map.argmax(), saliency_map.shape)
    return (row + 0.5) * PX / saliency_map.shape[0], (column + 0.5) * PX / saliency_map.shape[1]


def test_the_map_falls_on_the_mark_and_hiding_it_moves_the_probability(explainer, model, marked):
    result = explainer.explain(marked)
    assert [score.label for score in result.top] == ["marked", "plain"]
    assert sum(score.probability for score in result.top) == pytest.approx(1.0, abs=1e-6)
    expected = model.predict(marked[np.newaxis], verbose=0)[0, 1]
    assert result.top[0].probability == pytest.approx(expected, abs=1e-5)
    assert np.hypot(*np.subtract(place_of(result.map), (37, 9))) < 6
    assert 0.0 < result.evidence <= 1.0
    box = (4 / PX, 32 / PX, 14 / PX, 42 / PX)
    hidden = explainer.explain(occlude(marked, box, (PX, PX)))
    assert hidden.top[0].label == "plain"


def test_the_contrast_shows_the_mark(explainer, marked):
    for class_, other in (("marked", "plain"), (1, 0)):
        result = explainer.explain(marked, class_, contrast=other)
        assert np.hypot(*np.subtract(place_of(result.map), (37, 9))) < 6


def test_the_map_is_that_of_a_gradient_tape(explainer, model, marked):
    import keras
    import tensorflow as tf

    layer = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    activation = keras.Model(model.inputs[0], layer.output)(marked[np.newaxis].astype(np.float32), training=False)
    kernel, bias = model.layers[-1].get_weights()
    with tf.GradientTape() as tape:
        tape.watch(activation)
        logit = (tf.reduce_mean(activation, axis=(1, 2)) @ kernel + bias)[:, 1]
    weights = tf.reduce_mean(tape.gradient(logit, activation), axis=(1, 2), keepdims=True)
    by_hand = np.maximum((activation * weights).numpy().sum(axis=-1)[0], 0.0)
    found = explainer.explain(marked, "marked")
    assert (found.cam_config.layer, found.map.shape) == (layer.name, by_hand.shape)
    np.testing.assert_allclose(found.map, by_hand, atol=1e-4 * by_hand.max())


def test_both_runtimes_a_file_and_a_model_in_memory_agree(explainer, in_memory, model_file, marked):
    expected = explainer.explain(marked, "marked")
    others = [in_memory, Explainer(model_file, runtime="tensorflow")]
    for other in others:
        found = other.explain(marked, "marked")
        assert other.classifier.labels == LABELS
        assert found.top[0].probability == pytest.approx(expected.top[0].probability, abs=1e-3)
        np.testing.assert_allclose(found.map, expected.map, atol=0.02 * expected.map.max())
    assert others[0].runtime == "openvino"
    assert others[1].runtime == "tensorflow"


def test_a_graph_without_layers_is_explained_by_the_weights_of_its_head(explainer, model, tmp_path, marked):
    folder = tmp_path / "exported"
    with writers_may_warn():
        model.export(folder, verbose=False)
    exported = Explainer(folder, labels=LABELS, precision="float32")
    assert exported.classifier.explained_by == "cam"
    expected, found = (each.explain(marked, "marked") for each in (explainer, exported))
    assert found.top[0].probability == pytest.approx(expected.top[0].probability, abs=1e-5)
    np.testing.assert_allclose(found.map, expected.map, atol=1e-4 * expected.map.max())
    with pytest.raises(UnknownLayerError, match=r"has no gradients; only its layer Relu_2 is explained: omit --layer"):
        Explainer(folder, layer="last")


def test_maps_of_random_weights_are_those_of_the_shuffled_model(explainer, in_memory, model, marked, monkeypatch):
    import keras

    before = [weights.copy() for weights in model.get_weights()]
    *_, (_, shuffled) = randomized_models(model)
    image = marked[np.newaxis].astype(np.float32)
    last = next(layer for layer in shuffled.layers if layer.name == "last")
    activation = keras.Model(shuffled.inputs[0], last.output)(image, training=False).numpy()[0]
    kernel, _ = shuffled.layers[-1].get_weights()
    by_hand = np.maximum(activation @ kernel[:, 0], 0.0) / (activation.shape[0] * activation.shape[1])
    assert by_hand.any()
    conversions = []
    monkeypatch.setattr(
        "live_cam.explain.runtime.openvino_backend.convert_in_subprocess",
        lambda *given: (conversions.append(given), convert_in_subprocess(*given)),
    )
    for given in (explainer, in_memory, explainer):
        randomized = randomized_explainer(given)
        (saliency_map,) = explain_with(randomized, 0)(marked[np.newaxis])
        np.testing.assert_allclose(saliency_map, by_hand, atol=1e-4 * by_hand.max())
    assert len(conversions) == 1, "the cache has the other"
    for was, weights in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, weights)
    assert explainer.explain(marked).top[0].label == in_memory.explain(marked).top[0].label == "marked"


def test_lower_layers_and_their_methods_work(in_memory, make_frame, marked):
    frame = make_frame(marked)
    lower = list(in_memory.classifier.layers)[1]
    for cam_config in (CamConfig(lower, "layercam"), CamConfig(lower, "layercam-fused"), CamConfig(lower, "eigencam")):
        in_memory.prepare(cam_config)
        ((found,),) = in_memory.explain_all([frame], [Target(1)], cam_config)
        assert found.saliency_map.shape == (22, 22)
        assert found.saliency_map.max() > 0.0


def test_more_targets_than_classes_are_explained_one_by_one(in_memory, make_frame, marked):
    in_memory.prepare(in_memory.cam_config, 3)
    assert in_memory.is_ready(in_memory.cam_config, 3)
    (found,) = in_memory.explain_all([make_frame(marked)], [Target(1), Target(0), Target(1)])
    assert [each.target_label for each in found] == ["marked", "plain", "marked"]


def test_an_empty_image_is_less_evidence_than_the_mark(explainer, marked):
    evidence = {level: explainer.explain(np.full((PX, PX, 3), level, np.uint8)).evidence for level in (0, 128, 255)}
    assert min(evidence.values()) < explainer.explain(marked).evidence


def test_the_command_line_explains_it(explainer, model_file, marked, tmp_path, monkeypatch, capsys):
    Image.fromarray(marked).save(tmp_path / "marked.png")
    wide = cv2.resize(marked, (160, 90), interpolation=cv2.INTER_NEAREST)
    Image.fromarray(wide).save(tmp_path / "wide.png")

    def run(*words):
        monkeypatch.setattr("sys.argv", ["live-cam", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            command_line.run()
        return ended.value.code or 0, *capsys.readouterr()

    own = ("--model", model_file, "--precision", "float32")
    saved = tmp_path / "map.npz"
    status, stdout, _ = run("explain", tmp_path / "marked.png", *own, "--json", "--save-map", saved)
    answer = json.loads(stdout)
    assert status == 0
    assert [(each["index"], each["label"]) for each in answer["top"]] == [(1, "marked"), (0, "plain")]
    assert answer["model"]["name"] == "marks"
    with np.load(saved) as arrays:
        assert arrays["map"].shape == (11, 11)
        assert arrays["logits"].shape == (2,)
    status, stdout, _ = run("explain", tmp_path / "wide.png", *own, "--target", "Marked", "--contrast", "plain")
    assert (status, "marked, not plain" in stdout) == (0, True)
    status, stdout, stderr = run("explain", tmp_path / "marked.png", *own, "--target", "plain", "--metrics", "--json")
    assert (status, stderr) == (0, "")
    metrics = json.loads(stdout)["metrics"]
    trained, random = (
        explain_with(each, 0)(marked[np.newaxis])[0] for each in (explainer, randomized_explainer(explainer))
    )
    by_hand = similarity(trained, random, (PX, PX)).spearman
    assert by_hand < 0.9
    assert metrics["map"]["randomization"] == pytest.approx(by_hand, abs=1e-3)
    assert metrics["random"]["randomization"] == metrics["centre"]["randomization"] == pytest.approx(1.0)
    status, stdout, _ = run("layers", "--model", model_file)
    assert [line.split()[0] for line in stdout.splitlines() if "default" in line] == ["last"]
    for words, expected in (
        (("--target", "lion"), "no class is called 'lion'"),
        (("--layer", "conv9"), "marks has no layer 'conv9'"),
        (("--weights", "w.h5"), "holds its weights; leave out --weights"),
        (("--preprocess", "guess"), "preprocessing is one of none"),
        (("--labels", "absent.txt"), "absent.txt"),
    ):
        status, stdout, stderr = run("explain", tmp_path / "marked.png", *own, *words)
        assert status in (1, 2), words
        assert stdout == ""
        (line,) = stderr.splitlines()
        assert expected in line


def test_labels_that_are_too_few_are_refused(model_file, tmp_path):
    (tmp_path / "one.txt").write_text("marked\n")
    with pytest.raises(ValueError, match=r"there are 1 labels in .*one\.txt, and the model has 2 classes"):
        Explainer(model_file, labels=tmp_path / "one.txt")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": 5}, "a model is a file, a folder, a name or a keras.Model, not 5"),
        ({"model": "absent.keras", "preprocess": "1,2,3"}, "preprocessing is one of none"),
        ({"model": "absent.keras", "labels": "absent.txt"}, r"absent\.txt"),
    ],
)
def test_wrong_arguments_are_refused_before_a_model_is_opened(arguments, message):
    with pytest.raises(UsageError, match=message):
        Explainer(**arguments)


def test_a_model_that_is_no_file_and_no_application_is_refused():
    with pytest.raises(ValueError, match=r"no model file nets/mine\.keras, and no Keras application of that name"):
        Explainer("nets/mine.keras")
