"""Choosing runtime, precision and device."""

import subprocess
import sys

import numpy as np
import pytest

from live_cam.errors import UnknownLayerError, UsageError
from live_cam.explain.runtimes import compile_step
from live_cam.explain.weights import find_weights

NOTHING = np.zeros((1, 1, 1000), np.float32)


def test_other_weights_are_another_step(tmp_path):
    # What a converted step is kept under: were it the same for both, one's answers would be shown as the other's.
    path = tmp_path / "weights.h5"
    path.write_bytes(b"one")
    one = find_weights(path).digest
    path.write_bytes(b"two")
    assert find_weights(path).digest != one


def test_an_unknown_layer_is_told_whatever_the_runtime(weights):
    with pytest.raises(UnknownLayerError, match="conv9"):
        compile_step(weights, "conv9", runtime="openvino").step(np.zeros((1, 9, 9, 3), np.uint8), NOTHING)
    with pytest.raises(UnknownLayerError, match="conv9"):
        compile_step(weights, "conv9", runtime="tensorflow")


def test_a_method_with_layers_of_its_own_takes_no_other(weights):
    assert compile_step(weights, method="layercam-fused", runtime="openvino").layers == (
        "conv3_block4_out",
        "conv4_block6_out",
        "conv5_block3_out",
    )
    with pytest.raises(UsageError, match=r"layercam-fused explains conv3_block4_out, .* leave --layer out"):
        compile_step(weights, "conv5_block3_out", "layercam-fused")


def test_a_device_that_is_not_there_is_wrong_usage_and_those_there_are_named(weights):
    with pytest.raises(UsageError, match=r"no device 'NPU\.7' on this machine; it reaches .*CPU"):
        compile_step(weights, device="NPU.7")


def test_a_device_is_openvinos(weights):
    assert compile_step(weights, device="CPU").runtime == "openvino"
    with pytest.raises(UsageError, match="--device names a device of OpenVINO's"):
        compile_step(weights, runtime="tensorflow", device="CPU")


def test_a_precision_that_the_device_would_silently_replace_is_wrong_usage(weights):
    import openvino

    if "FP16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor does compute in float16")
    with pytest.raises(UsageError, match=r"CPU computes in float32.* here, not in float16"):
        compile_step(weights, runtime="openvino", precision="float16")


@pytest.mark.parametrize("runtime", ["tensorflow", "openvino"])
def test_what_the_processor_does_best_is_what_is_taken(weights, runtime):
    import openvino

    has_bfloat16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    compiled = compile_step(weights, runtime=runtime)
    assert (compiled.runtime, compiled.device) == (runtime, "CPU")
    assert compiled.precision == ("bfloat16" if has_bfloat16 else "float32")


@pytest.mark.slow
def test_a_warm_start_imports_no_tensorflow(archive):
    code = (
        "import sys, pathlib, live_cam; explainer = live_cam.Explainer(pathlib.Path(sys.argv[1]), runtime='openvino');"
        "print(explainer.runtime, 'tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    for _ in range(2):
        result = subprocess.run(
            [sys.executable, "-c", code, str(archive)], capture_output=True, text=True, check=False, timeout=240
        )
        assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["openvino", "False", "False"]
