"""Randomised weights: with a real Keras model, and the similarities against SciPy and scikit-image."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

from live_cam import UsageError
from live_cam.explain.metrics.baselines import random_map
from live_cam.explain.metrics.randomization import cascading_randomization, randomized_models, similarity, ssim

pytestmark = pytest.mark.slow

PX = 24


@pytest.fixture(scope="module")
def model():
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((PX, PX, 3)),
            layers.Conv2D(8, 3, padding="same", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, name="predictions"),
        ]
    )
    rng = np.random.default_rng(0)
    # Neither all 0 nor all 1, which shuffling would not change.
    network.set_weights([rng.normal(0.5, 0.3, each.shape).clip(0.1) for each in network.get_weights()])
    kernel, bias = network.get_layer("predictions").get_weights()
    network.get_layer("predictions").set_weights([kernel - kernel.mean(), bias])
    return network


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).uniform(-1, 1, (3, PX, PX, 3)).astype(np.float32)


def cam(network, images):
    """Returns the class activation map of the first class."""
    import keras

    features = keras.Model(network.inputs[0], network.layers[2].output)(images, training=False).numpy()
    maps = features @ network.get_layer("predictions").get_weights()[0][:, 0]
    return list(np.maximum(maps, 0.0))


def test_weights_are_randomised_from_the_logits_down_and_stay_so(model):
    trained = {layer.name: layer.get_weights() for layer in model.layers}
    names, changed = [], []
    for name, randomized in randomized_models(model):
        names.append(name)
        pairs = {each.name: (each.get_weights(), trained[each.name]) for each in randomized.layers if each.weights}
        changed.append({each for each, (now, was) in pairs.items() if any(map(np.any, map(np.subtract, now, was)))})
        for now, was in pairs.values():
            for array, of_trained in zip(now, was, strict=True):
                assert np.sort(array, axis=None).tolist() == np.sort(of_trained, axis=None).tolist()
    assert names == ["predictions", "norm", "conv"]
    assert changed == [{"predictions"}, {"predictions", "norm"}, {"predictions", "norm", "conv"}]
    for layer in model.layers:
        for now, was in zip(layer.get_weights(), trained[layer.name], strict=True):
            assert (now == was).all()


def test_maps_of_the_weights_change_and_those_of_edges_give_themselves_away(model, images):
    edges = [np.abs(np.diff(image[..., 0], axis=0)) for image in images]
    stages = list(cascading_randomization(model, lambda network: cam(network, images) + edges))
    assert [stage.layer for stage in stages] == ["predictions", "norm", "conv"]
    for stage in stages:
        assert [(each.spearman, each.ssim) for each in stage.similarities[3:]] == [(pytest.approx(1.0),) * 2] * 3
        assert max(each.spearman for each in stage.similarities[:3]) < 0.9
    assert len({stage.similarities[0].spearman for stage in stages}) == 3


def test_stages_can_be_chosen_and_repeat(model, images):
    runs = [list(cascading_randomization(model, lambda network: cam(network, images), ["conv"])) for _ in range(2)]
    assert [stage.layer for stage in runs[0]] == ["conv"]
    assert runs[0] == runs[1]
    everything = list(cascading_randomization(model, lambda network: cam(network, images)))
    assert runs[0][0] == everything[-1]


def test_a_layer_that_does_not_exist_is_named(model):
    with pytest.raises(UsageError, match="no layer 'dense' with weights; the one of its logits is 'predictions'"):
        next(randomized_models(model, ["dense"]))


def test_similarities_are_those_of_scipy_and_scikit_image():
    first = random_map((40, 50), 0)
    for seed in range(1, 4):
        second = np.maximum(0.5 * first + random_map((40, 50), seed) - 0.6, 0.0)
        found = similarity(first, 9 * second, (40, 50))
        assert found.spearman == pytest.approx(spearmanr(first.ravel(), second.ravel()).statistic)
        scaled = [(each / each.max()).astype(np.float64) for each in (first, second)]
        expected = structural_similarity(
            *scaled, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0
        )
        assert found.ssim == pytest.approx(expected, abs=1e-6)


def test_an_empty_map_has_no_ranks():
    assert math.isnan(similarity(random_map((20, 20), 0), np.zeros((20, 20), np.float32), (20, 20)).spearman)
    assert ssim(*[np.zeros((20, 20), np.float32)] * 2) == 1.0
