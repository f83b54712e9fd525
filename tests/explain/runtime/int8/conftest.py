"""The small ResNet, converted once, and pictures for it."""

from __future__ import annotations

import numpy as np
import openvino as ov
import pytest


@pytest.fixture(scope="session")
def converted(make_graph, tmp_path_factory):
    """The .xml file of the step of the small ResNet's last activation, for one frame and one target."""
    from live_cam.explain.runtime.conversion import convert, save

    path = tmp_path_factory.mktemp("int8") / "step.xml"
    save(convert(make_graph("conv5_block2_out").concrete(1, 1)), path)
    return path


@pytest.fixture
def read_step(converted):
    """Reads the converted step, a new model each time."""
    return lambda: ov.Core().read_model(converted)


@pytest.fixture(scope="session")
def pictures(photographs):
    """Crops of four photographs, uint8 (24, 224, 224, 3)."""
    from live_cam.explain.runtime.int8.crops import crops
    from live_cam.models.preprocess import resize_to_input

    inputs = np.empty((24, 224, 224, 3), np.uint8)
    resize_to_input(crops(list(photographs.values()), len(inputs), 0), inputs)
    return inputs


@pytest.fixture
def run():
    """Runs a step on pictures in float32: activations, gradients and logits of each."""

    def infer(model, pictures):
        compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        request = compiled.create_infer_request()
        targets = np.zeros((1, 1, 1000), np.float32)
        outputs = []
        for picture in pictures:
            request.infer([picture[np.newaxis], targets])
            outputs.append([tensor.data.copy() for tensor in request.output_tensors])
        return [np.concatenate(each) for each in zip(*outputs, strict=True)]

    return infer
