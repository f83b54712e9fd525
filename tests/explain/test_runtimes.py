import os
import subprocess
import sys

import numpy as np
import pytest

from live_cam.errors import UnknownLayerError, UsageError, WeightsError
from live_cam.explain import arrays
from live_cam.explain.openvino_step import OpenVinoStep
from live_cam.explain.runtimes import compile_step
from live_cam.explain.weights import Weights

LION, CHEETAH = 291, 293


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache of converted steps that all tests here share, since converting takes seconds."""
    return tmp_path_factory.mktemp("steps")


@pytest.fixture(scope="module")
def make_step(network, cache):
    """Makes a step on OpenVINO: `make_step(layer, score="logit", precision="float32", define=...)`."""
    from live_cam.explain.step import TensorFlowStep

    def make(layer, score="logit", precision="float32", define=None):
        define = define or (lambda: TensorFlowStep(network, layer, "gradcam", score))
        return OpenVinoStep(define, cache, ("real weights", layer, "gradcam", score), precision)

    return make


def questions(*targets):
    vectors = np.zeros((1, len(targets), 1000), np.float32)
    for row, classes in zip(vectors[0], targets, strict=True):
        for index, weight in classes.items():
            row[index] = weight
    return vectors


@pytest.mark.parametrize(
    ("layer", "score"),
    [("conv5_block3_out", "logit"), ("conv4_block6_out", "logit"), ("conv5_block3_out", "probability")],
)
def test_openvino_computes_what_tensorflow_computes(network, make_step, photographs, layer, score):
    from live_cam.explain.step import TensorFlowStep

    reference, step = TensorFlowStep(network, layer, score=score), make_step(layer, score)
    for rgb in photographs.values():
        for vectors in (questions({}), questions({LION: 1.0, CHEETAH: -1.0}), questions({CHEETAH: -1.0})):
            maps, logits = step(rgb[np.newaxis], vectors)
            expected_maps, expected_logits = reference(rgb[np.newaxis], vectors)
            assert (maps.dtype, maps.shape) == (np.float32, expected_maps.shape)
            np.testing.assert_allclose(logits, expected_logits, atol=1e-3)
            np.testing.assert_allclose(maps, expected_maps, atol=2e-3 * max(expected_maps.max(), 1e-6))


@pytest.mark.parametrize("label", ["lion", "cheetah", "Egyptian cat", "espresso"])
def test_bfloat16_gives_the_same_label_and_nearly_the_same_map(make_step, photographs, label):
    frames = photographs[label][np.newaxis]
    maps, logits = make_step("conv5_block3_out", precision="bfloat16")(frames, questions({}))
    expected_maps, expected_logits = make_step("conv5_block3_out")(frames, questions({}))
    assert logits.argmax() == expected_logits.argmax()
    assert np.corrcoef(maps.ravel(), expected_maps.ravel())[0, 1] > 0.99


def test_frames_of_any_size_and_several_questions_at_once(make_step, photographs):
    step = make_step("conv5_block3_out")
    several = questions({}, {LION: 1.0}, {CHEETAH: 1.0})
    for rgb in (photographs["lion"], np.tile(photographs["lion"], (3, 2, 1))):
        maps, logits = step(rgb[np.newaxis], several)
        for k in range(3):
            one, same = step(rgb[np.newaxis], several[:, k : k + 1])
            np.testing.assert_allclose(maps[0, k], one[0, 0], rtol=1e-3, atol=1e-4)
            np.testing.assert_allclose(logits, same, rtol=1e-3, atol=1e-4)


def test_a_step_converted_before_is_not_converted_again(make_step, photographs):
    make_step("conv5_block3_out")(photographs["lion"][np.newaxis], questions({}))

    def define():
        raise AssertionError("converted again")

    again = make_step("conv5_block3_out", define=define)
    assert again(photographs["lion"][np.newaxis], questions({}))[1].argmax() == LION


def test_a_spoilt_step_in_the_cache_is_converted_again_and_nothing_else_stays(network, tmp_path, photographs):
    from live_cam.explain.step import TensorFlowStep

    def make():
        return OpenVinoStep(lambda: TensorFlowStep(network, "conv5_block3_out"), tmp_path, ("x",), "float32")

    def ask(step):
        return step(photographs["lion"][np.newaxis], questions({}))[1].argmax()

    ask(make())
    (folder,) = tmp_path.glob("step-*")
    (folder / "step.xml").write_text((folder / "step.xml").read_text()[:1000])
    assert ask(make()) == LION
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, "steps.lock"]


def test_a_step_that_cannot_be_kept_is_computed_all_the_same(network, tmp_path, photographs):
    from live_cam.explain.step import TensorFlowStep

    (tmp_path / "file").touch()
    step = OpenVinoStep(lambda: TensorFlowStep(network, "conv5_block3_out"), tmp_path / "file", ("x",), "float32")
    assert step(photographs["lion"][np.newaxis], questions({}))[1].argmax() == LION


def test_weights_that_do_not_fit_are_tried_once(tmp_path):
    tries = []

    def define():
        tries.append(1)
        raise WeightsError("they do not fit")

    with pytest.raises(WeightsError, match="do not fit"):
        OpenVinoStep(define, tmp_path, ("x",), "float32")(np.zeros((1, 9, 9, 3), np.uint8), questions({}))
    assert len(tries) == 1


def test_other_weights_are_another_step(values, tmp_path):
    other = {**values, "predictions/bias": values["predictions/bias"] + 1}
    assert Weights("file", tmp_path, other).digest != Weights("file", tmp_path, values).digest
    path = tmp_path / "weights.h5"
    path.write_bytes(b"one")
    one = Weights("file", path, None).digest
    path.write_bytes(b"two")
    assert Weights("file", path, None).digest != one


def test_an_unknown_layer_is_told_whatever_the_runtime(weights):
    step, _, _ = compile_step(weights, "conv9", "gradcam", "logit", "openvino", "float32")
    with pytest.raises(UnknownLayerError, match="conv9"):
        step(np.zeros((1, 9, 9, 3), np.uint8), questions({}))


def test_a_precision_the_runtime_lacks_is_wrong_usage(weights):
    with pytest.raises(UsageError, match="tensorflow runtime computes in float32"):
        compile_step(weights, "conv5_block3_out", "gradcam", "logit", "tensorflow", "bfloat16")


def test_openvino_reports_nothing_to_anybody(tmp_path):
    code = "import sys, live_cam.explain.openvino_step; print(sys.modules['openvino_telemetry'])"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HOME": str(tmp_path), "CI": "false"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.stdout == "None\n", result.stderr
    assert list(tmp_path.iterdir()) == []


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


def test_the_digest_of_the_weights_found_is_that_of_their_values(weights, values):
    assert weights.values is None or weights.digest == arrays.digest(values)
