"""What the explainer is given: wrong arguments are refused at once, with the choices."""

import numpy as np
import pytest

from live_cam import Explainer, Frame, Target
from live_cam.errors import UsageError, WeightsError
from live_cam.explain.arguments import check_cam_config, check_targets
from live_cam.types import CamConfig


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"score": "logits"}, "score is one of logit, probability, not 'logits'"),
        ({"runtime": "tf"}, "runtime is one of auto, tensorflow, openvino, not 'tf'"),
        ({"method": "GradCAM"}, r"method is one of gradcam, .*, not 'GradCAM'"),
        ({"precision": "fp16"}, r"precision is one of auto, float32, .*, not 'fp16'"),
        ({"performance_hint": "fast"}, "performance_hint is one of latency, throughput, not 'fast'"),
        ({"layer": -1}, "layer is the name of an activation, not -1"),
        ({"method": ["gradcam"]}, "method is one of"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_loaded(arguments, message):
    with pytest.raises(UsageError, match=message):
        Explainer(**arguments)


def test_weights_may_be_named_by_a_string():
    with pytest.raises(WeightsError, match="there is no weight file"):
        Explainer(weights="absent.h5")


FRAME = Frame(np.zeros((2, 2, 3), np.uint8), 0)


@pytest.mark.parametrize(
    ("frames", "targets", "message"),
    [
        ([FRAME], [[]], "there is no target"),
        ([FRAME], [[Target(-1)]], "there is no class -1; the classes are 0 to 999"),
        ([FRAME], [[Target(1000)]], "there is no class 1000"),
        ([FRAME], [[Target(1, contrast=1000)]], "there is no class 1000"),
        ([FRAME, FRAME], [[Target()]], "targets for 1 frames, not for 2"),
        ([FRAME, FRAME], [[Target()], [Target(), Target()]], "as many targets, not 1 and 2"),
        ([FRAME], [[Target(1, 2, counterfactual=True)]], "takes no contrast class"),
    ],
)
def test_wrong_targets_are_refused(frames, targets, message):
    with pytest.raises(UsageError, match=message):
        check_targets(frames, targets, 1000)


@pytest.mark.parametrize(
    ("arguments", "message"), [(("fc", "GradCAM"), "method is one of"), ((-1, "gradcam"), "layer is the name")]
)
def test_a_wrong_layer_or_method_of_a_call_is_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        check_cam_config(CamConfig(*arguments))


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 0, 3)])
def test_a_frame_without_pixels_is_refused(shape):
    with pytest.raises(ValueError, match="a frame has pixels"):
        Frame(np.zeros(shape, np.uint8), 0)
