"""Explainers of random weights: of graphs and of taught heads. Those of Keras are in `test_own_model`."""

import numpy as np
import pytest

from live_cam.api.measure import estimates, measure_with, with_random_weights
from live_cam.explain.explainer import Explainer
from live_cam.explain.metrics.base import explain_with, input_image, predict_with
from live_cam.explain.randomized import randomized_explainer
from live_cam.models.linear_head import LinearHead
from live_cam.models.taught_head import TaughtHead, network_digest
from live_cam.types import Frame, Target
from tests.colour_models import paint_picture
from tests.models.openvino_files.graphs import GraphWriter

pytestmark = pytest.mark.slow


@pytest.fixture
def frame():
    return Frame(paint_picture(), 0)


@pytest.mark.parametrize("number", [0, 1], ids=["linear head", "recipro-cam"])
def test_random_weights_answer_otherwise_and_the_same_for_a_seed(colour_models, frame, number):
    explainer = Explainer(colour_models[number], precision="float32")
    trained = explainer.explain(frame, Target(0))
    randomized = [randomized_explainer(explainer, seed) for seed in (0, 0, 1)]
    first, again, other = (each.explain(frame, Target(0)) for each in randomized)
    np.testing.assert_array_equal(first.logits, again.logits)
    np.testing.assert_array_equal(first.saliency_map, again.saliency_map)
    assert first.saliency_map.shape == trained.saliency_map.shape
    assert first.cam_config == trained.cam_config
    assert len({tuple(each.logits) for each in (trained, first, other)}) == 3
    digests = [each.weights_digest for each in (explainer, *randomized)]
    assert digests[1] == digests[2]
    assert len(set(digests)) == 3
    np.testing.assert_array_equal(explainer.explain(frame, Target(0)).saliency_map, trained.saliency_map)


def test_a_taught_head_is_random_too(colour_models, frame):
    base = Explainer(colour_models[0], method="eigencam", precision="float32")
    weights = np.array([[5.0, -1.0], [-2.0, 3.0], [0.5, 0.25]], np.float32)
    head = LinearHead(weights, np.array([0.0, 1.0], np.float32))
    digest = network_digest(base.model.classifier, base.model.digest)
    taught = base.with_head(TaughtHead(head, ("warm", "cold"), (0.0, 1.0), digest))
    randomized = randomized_explainer(taught)
    assert randomized.classifier.labels == ("warm", "cold")
    found = randomized.linear_head
    assert sorted(found.weights.ravel()) == sorted(weights.ravel())
    assert (found.weights != weights).any()
    (activation,) = randomized.activations([frame])
    assert not np.allclose(activation, taught.activations([frame])[0])
    explanation = randomized.explain(frame, Target(1))
    by_hand = activation.mean(axis=(0, 1)) @ found.weights + found.bias
    np.testing.assert_allclose(explanation.logits, by_hand, rtol=1e-5)
    assert explanation.cam_config == taught.cam_config


def test_what_has_no_random_weights_is_said_and_left_out(colour_models, frame, tmp_path, caplog):
    path = tmp_path / "gone.onnx"
    path.write_bytes(colour_models[0].read_bytes())
    explainer = Explainer(path)
    path.unlink()
    assert with_random_weights(explainer) is None
    (message,) = caplog.messages
    assert message.startswith("the maps are not compared with those of random weights: ")
    assert f"{path} is not a file" in message
    image = input_image(explainer, frame.rgb)
    predict, explain = predict_with(explainer), explain_with(explainer, 0)
    values = measure_with(predict, explain, None, image, explain(image[np.newaxis])[0], 0, seed=0)
    assert values["map"]["deletion"] >= 0.0
    assert "randomization" not in estimates([values])


def test_numbers_that_overflow_are_no_correlation(colour_models, frame, tmp_path):
    explainer = Explainer(colour_models[0], precision="float32")
    image = input_image(explainer, frame.rgb)
    predict, explain = predict_with(explainer), explain_with(explainer, 0)
    writer, kernel = GraphWriter(), np.full((8, 8, 3, 3), 1e30, np.float32)
    huge = (
        writer.add("Conv", kernel[:, :3]).add("Conv", kernel).add("Relu").pooled().dense().write(tmp_path / "huge.onnx")
    )
    explain_huge = explain_with(Explainer(huge, method="eigencam", precision="float32"), 0)
    values = measure_with(predict, explain, explain_huge, image, explain(image[np.newaxis])[0], 0, seed=0)
    assert np.isnan(values["map"]["randomization"])
    assert values["map"]["deletion"] >= 0.0
