"""Selecting runtime, precision and device."""

import subprocess
import sys

import pytest

from live_cam.errors import UsageError
from live_cam.explain.runtime.select import layers_to_explain, select_backend
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.models.open import ModelOptions, open_model
from live_cam.models.weights.find import find_weights, silent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(weights):
    return open_model(None, ModelOptions(), silent)


def test_other_weights_are_another_step(tmp_path):
    # The cache key of converted steps: with the same digest, the step of one would be used for the other.
    path = tmp_path / "weights.h5"
    path.write_bytes(b"one")
    one = find_weights(path).digest
    path.write_bytes(b"two")
    assert find_weights(path).digest != one


def test_method_with_its_own_layers_accepts_no_other():
    assert layers_to_explain(IMAGENET_RESNET50, "layercam-fused", None) == (
        "conv3_block4_out",
        "conv4_block6_out",
        "conv5_block3_out",
    )
    assert layers_to_explain(IMAGENET_RESNET50, "layercam", None) == ("conv5_block3_out",)
    assert layers_to_explain(IMAGENET_RESNET50, "layercam", "conv1_relu") == ("conv1_relu",)


def test_unknown_device_is_a_usage_error_that_lists_the_available_ones(model):
    with pytest.raises(UsageError, match=r"no device 'NPU\.7' on this machine; available: .*CPU"):
        select_backend(model, device="NPU.7")


def test_device_selects_openvino(model):
    assert select_backend(model, device="CPU").runtime == "openvino"
    with pytest.raises(UsageError, match="--device names an OpenVINO device"):
        select_backend(model, runtime="tensorflow", device="CPU")


def test_unsupported_precision_is_a_usage_error(model):
    import openvino

    if "FP16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU supports float16")
    with pytest.raises(UsageError, match=r"CPU computes in float32.* here, not in float16"):
        select_backend(model, runtime="openvino", precision="float16")


@pytest.mark.parametrize("runtime", ["tensorflow", "openvino"])
def test_fastest_precision_of_the_cpu_is_the_default(model, runtime):
    import openvino

    has_bfloat16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    backend = select_backend(model, runtime=runtime)
    assert (backend.runtime, backend.device) == (runtime, "CPU")
    assert backend.precision == ("bfloat16" if has_bfloat16 else "float32")


@pytest.mark.slow
def test_a_cached_step_and_a_file_of_openvino_open_without_tensorflow(explainer, archive_file, colour_models):
    assert explainer.runtime == "openvino", "its step is in the cache"
    code = (
        "import sys, live_cam; explainer = live_cam.Explainer(weights=sys.argv[1]);"
        "from live_cam.models import describe, network_file;"
        "file = network_file.NetworkFile(sys.argv[2], 'openvino');"
        "described = describe._describe(describe.asdict(file));"
        "print(explainer.runtime, described['classes'], 'tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    words = [sys.executable, "-c", code, str(archive_file), str(colour_models[0])]
    result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=240)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["openvino", "3", "False", "False"]
