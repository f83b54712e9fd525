"""A taught head as a model of plain Keras."""

import numpy as np
import pytest

from live_cam.explain.explainer import Explainer
from live_cam.explain.saliency.targets import probabilities
from live_cam.models.linear_head import LinearHead
from live_cam.models.taught_export import export_keras
from live_cam.models.taught_head import TaughtHead, network_digest
from live_cam.types import Frame
from tests.models.keras_files.saving import save, writers_may_warn

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tasks_here", "own_cache")]

LABELS = ("mug", "hand", "nothing")
PX = 40


def make_network(channels=3, pooled=True):
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((PX, PX, channels)),
            layers.Conv2D(6, 3, strides=2, activation="relu", name="low"),
            layers.Conv2D(10, 3, strides=2, activation="relu", name="last"),
            layers.GlobalAveragePooling2D() if pooled else layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(4, activation="softmax"),
        ],
        name="small",
    )


def taught_on(explainer):
    rng = np.random.default_rng(0)
    head = LinearHead(rng.standard_normal((10, 3)).astype(np.float32), rng.standard_normal(3).astype(np.float32))
    digest = network_digest(explainer.model.classifier, explainer.model.digest)
    return TaughtHead(head, LABELS, (0.0, 1.0), digest, name="my things")


@pytest.mark.parametrize(
    ("preprocess", "channels", "from_file"),
    [("caffe", 3, True), ("torch", 3, False), ("-1..1", 3, False), ("none", 1, False)],
)
def test_the_exported_model_predicts_the_same_in_plain_keras(tmp_path, preprocess, channels, from_file):
    import keras

    network = make_network(channels)
    if from_file:
        save(network, tmp_path / "small.keras")
    explainer = Explainer(
        tmp_path / "small.keras" if from_file else network,
        preprocess=preprocess,
        precision="float32",
        runtime="tensorflow",
    )
    mine = explainer.with_head(taught_on(explainer))
    with writers_may_warn():
        export_keras(explainer.model, taught_on(explainer), tmp_path / "mine.keras")
    model = keras.saving.load_model(tmp_path / "mine.keras")
    frames = np.random.default_rng(3).integers(0, 256, (3, PX, PX, 3), np.uint8)
    if channels == 1:
        frames[...] = frames[..., :1]
    expected = model.predict(frames[..., :channels].astype(np.float32), verbose=0)
    found = probabilities(mine.logits(list(frames)), "softmax")
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert model.name == "my_things"


def test_the_exported_model_is_explained_as_the_taught_one(tmp_path):
    explainer = Explainer(make_network(), preprocess="caffe", precision="float32", runtime="tensorflow")
    mine = explainer.with_head(taught_on(explainer))
    with writers_may_warn():
        export_keras(explainer.model, taught_on(explainer), tmp_path / "mine.keras")
    exported = Explainer(tmp_path / "mine.keras", labels=LABELS, precision="float32", runtime="tensorflow")
    frame = Frame(np.random.default_rng(3).integers(0, 256, (PX, PX, 3), np.uint8), 0)
    expected, found = (each.explain(frame) for each in (mine, exported))
    np.testing.assert_allclose(found.saliency_map, expected.saliency_map, atol=1e-5)
    assert found.top[0].label == expected.top[0].label
