"""Networks whose head is linear: one activation answers every question, and each place's share of it is exact."""

import gc
from dataclasses import replace

import numpy as np
import pytest

from live_cam.errors import UsageError
from live_cam.explain.activation_cache import ActivationCache
from live_cam.explain.explainer import Explainer
from live_cam.explain.votes import place_votes
from live_cam.pipeline.layer_loader import LayerLoader
from live_cam.pipeline.live_model import LiveModel
from live_cam.pipeline.settings import Settings
from live_cam.types import CamConfig, Frame, Target
from tests.colour_models import RED, YELLOW, paint_picture, write_colour_model

pytestmark = pytest.mark.slow

S = 1_000_000_000


class Counting:
    """An explainer of colours, with the number of pictures that its network has seen."""

    def __init__(self, explainer):
        self.explainer = explainer
        self.passes_n = 0
        step = explainer._steps.first
        observe = step.activations

        def count(frames):
            self.passes_n += len(frames)
            return observe(frames)

        step.activations = count


@pytest.fixture
def counting(colour_models):
    return Counting(Explainer(colour_models[0], smooth=True))


@pytest.fixture(scope="module")
def colours(colour_models):
    return Explainer(colour_models[0], precision="float32")


def test_a_frame_answers_every_question_from_one_pass(counting):
    explainer, frame = counting.explainer, Frame(paint_picture(), S, 1, "camera")
    explainer.explain(frame)
    questions = [
        Target(1),
        Target(0, 2),
        Target(contrast=2),
        Target(counterfactual=True),
        Target(2, counterfactual=True),
    ]
    for target in questions:
        explainer.explain(frame, target)
    explainer.explain_all([replace(frame, source_id="", revision=3)], [Target(), Target(), Target()])
    place_votes(explainer, frame, 0.5, 0.5, 3)
    assert counting.passes_n == 1
    explainer.explain(Frame(paint_picture(), S, 2, "camera"))
    assert counting.passes_n == 2, "other pixels, though they are equal"


def test_answers_from_a_kept_activation_are_those_of_a_fresh_one(colour_models):
    frame = Frame(paint_picture(), 0)
    for method in ("gradcam", "xgradcam", "gradcam++", "eigencam"):
        kept = Explainer(colour_models[0], method=method)
        kept.explain(frame)
        for target in (Target(2), Target(1, 0), Target(counterfactual=True)):
            fresh = Explainer(colour_models[0], method=method).explain(frame, target)
            found = kept.explain(frame, target)
            np.testing.assert_array_equal(found.saliency_map, fresh.saliency_map)
            assert (found.target, found.evidence, found.top) == (fresh.target, fresh.evidence, fresh.top)


def test_a_change_of_the_runner_up_costs_no_other_pass(counting):
    explainer = counting.explainer
    model = LiveModel(explainer, LayerLoader(explainer, lambda: None))
    settings = Settings(mode="contrast", layer=explainer.layer)
    red, green_and_red = np.full((32, 48, 3), RED, np.uint8), np.full((32, 48, 3), (90, 240, 20), np.uint8)
    shown = None
    for number, rgb in enumerate((red, green_and_red)):
        ((shown,),) = model.explain([Frame(rgb.copy(), number * S, number, "camera")], settings, [shown])
    assert shown.target == Target(1, 0)
    assert counting.passes_n == 2


def test_pixels_are_forgotten_with_their_frame_and_memory_is_bounded(colours):
    step = colours._steps.first
    cache, fit = ActivationCache(max_bytes=0), list
    first, second = (paint_picture() for _ in range(2))
    cache.observe(step, [first], fit)
    assert cache.find(step, first) is not None
    cache.observe(step, [second], fit)
    assert cache.find(step, first) is None, "it made room"
    assert cache.find(colours, second) is None, "of another step"
    (held,) = cache._held.values()
    del second
    gc.collect()
    assert held.rgb() is None, "the cache keeps no pixels"


def test_votes_of_all_places_are_the_logits(colours):
    frame = Frame(paint_picture(), 0)
    (activation,) = colours.activations([frame])
    head = colours.linear_head
    np.testing.assert_allclose(
        head.votes(activation).sum(axis=(0, 1)) + head.bias, colours.explain(frame).logits, atol=1e-4
    )


def test_a_place_speaks_for_what_is_there(colours):
    frame = Frame(paint_picture(), 0)
    box, votes = place_votes(colours, frame, 0.1, 0.5, 3)
    assert votes[0].label == "red"
    assert votes[0].contribution > 0.0 > votes[1].contribution
    assert box[0] <= 0.1 <= box[2]
    assert box[1] <= 0.5 <= box[3]
    _, of_yellow = place_votes(colours, frame, 0.7, 0.5, 3)
    assert {vote.label for vote in of_yellow[:2]} == {"red", "green"}, "what yellow is made of"
    assert box[2] - box[0] == pytest.approx(1 / colours.explain(frame).saliency_map.shape[1])
    assert votes[0].logit == pytest.approx(colours.explain(frame).logits[0], abs=1e-4)


def test_what_the_network_does_not_see_has_no_vote(colour_models):
    cropped = Explainer(colour_models[0], resize="crop")
    frame = Frame(np.full((32, 320, 3), YELLOW, np.uint8), 0)
    assert place_votes(cropped, frame, 0.01, 0.5, 3)[1] == []
    assert len(place_votes(cropped, frame, 0.5, 0.5, 3)[1]) == 3


def test_a_head_that_is_not_linear_has_no_votes_and_says_so(colour_models):
    warm = Explainer(colour_models[1])
    assert warm.linear_head is None
    with pytest.raises(UsageError, match="more than a mean over the places"):
        place_votes(warm, Frame(paint_picture(), 0), 0.5, 0.5, 3)


def test_more_targets_than_were_prepared_need_no_preparation(tmp_path):
    path = write_colour_model(tmp_path / "four.onnx", ["red", "green", "blue", "yellow"], pooled=True)
    explainer = Explainer(path)
    assert explainer.is_ready(explainer.cam_config, 4)
    (explanations,) = explainer.explain_all([Frame(paint_picture(), 0)], [Target()] * 4)
    assert [each.target.index for each in explanations] == np.argsort(-explanations[0].logits).tolist()


def test_the_last_layer_has_to_be_prepared_for_votes_and_teaching(make_tiny_explainer):
    explainer = make_tiny_explainer("middle")
    frame = Frame(np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8), 0)
    explainer.explain(frame)
    with pytest.raises(UsageError, match="the last layer, high, is not prepared; choose it"):
        place_votes(explainer, frame, 0.5, 0.5, 3)
    explainer.prepare(CamConfig("high", "gradcam"))
    assert len(place_votes(explainer, frame, 0.5, 0.5, 3)[1]) == 3
    by_gradients = explainer.explain(frame)
    ((from_activation,),) = explainer.explain_all([frame], [Target()], CamConfig("high", "gradcam"))
    np.testing.assert_allclose(from_activation.logits, by_gradients.logits, atol=1e-4)


@pytest.fixture
def make_tiny_explainer(tiny_network):
    return lambda layer: Explainer(tiny_network, layer=layer, runtime="tensorflow", precision="float32")
