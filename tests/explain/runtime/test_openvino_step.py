"""The step on OpenVINO against the step on TensorFlow, and the cache of converted steps on disk."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from live_cam.errors import LiveCamError, WeightsError
from live_cam.explain.runtime.openvino_step import OpenVinoStep
from tests.explain.oracle import rows
from tests.networks import SMALL_LAYER, SMALL_LOWER_LAYER

pytestmark = pytest.mark.slow

A, B = 291, 293


@pytest.mark.parametrize(
    ("layer", "score"), [(SMALL_LAYER, "logit"), (SMALL_LOWER_LAYER, "logit"), (SMALL_LAYER, "probability")]
)
def test_openvino_matches_tensorflow(make_step, make_openvino_step, photographs, layer, score):
    reference, step = make_step(layer, score=score), make_openvino_step(layer, score=score)
    for rgb in photographs.values():
        for targets in (rows({}), rows({A: 1.0, B: -1.0}), rows({B: -1.0})):
            maps, logits = step(rgb[np.newaxis], targets)
            expected_maps, expected_logits = reference(rgb[np.newaxis], targets)
            assert (maps.dtype, maps.shape) == (np.float32, expected_maps.shape)
            np.testing.assert_allclose(logits, expected_logits, atol=1e-3)
            np.testing.assert_allclose(maps, expected_maps, atol=2e-3 * max(expected_maps.max(), 1e-6))


@pytest.mark.parametrize("layer", [SMALL_LAYER, SMALL_LOWER_LAYER])
@pytest.mark.parametrize("method", ["gradcam", "layercam"])
def test_bfloat16_nearly_matches_float32(make_openvino_step, photographs, layer, method):
    for rgb in photographs.values():
        maps, logits = make_openvino_step(layer, precision="bfloat16")(rgb[np.newaxis], rows({A: 1.0}), method)
        expected_maps, expected_logits = make_openvino_step(layer)(rgb[np.newaxis], rows({A: 1.0}), method)
        assert (maps.dtype, logits.dtype) == (np.float32, np.float32)
        assert np.corrcoef(logits, expected_logits)[0, 1] > 0.99
        assert np.corrcoef(maps.ravel(), expected_maps.ravel())[0, 1] > 0.95
        assert not np.allclose(logits, expected_logits, rtol=1e-5)  # it did compute in less than float32


def test_several_targets_in_one_call_match_single_calls(make_openvino_step, photographs):
    step = make_openvino_step()
    targets = rows({}, {B: 1.0})
    for rgb in (photographs["lion"], np.tile(photographs["lion"], (3, 2, 1))):
        maps, logits = step(rgb[np.newaxis], targets)
        for k in range(2):
            single, single_logits = step(rgb[np.newaxis], targets[:, k : k + 1])
            np.testing.assert_allclose(maps[0, k], single[0, 0], rtol=1e-3, atol=1e-4)
            np.testing.assert_allclose(logits, single_logits, rtol=1e-3, atol=1e-4)


def test_several_frames_and_targets_match_tensorflow(make_step, make_openvino_step, photographs):
    # Rows of zeros mean the first, second and third class; OpenVINO once read the wrong memory for these.
    frames = [photographs["lion"], photographs["espresso"]]
    targets = np.tile(rows({}, {B: 1.0}, {}, {}), (2, 1, 1))
    maps, logits = make_openvino_step()(frames, targets)
    expected_maps, expected_logits = make_step()(frames, targets)
    np.testing.assert_allclose(logits, expected_logits, atol=1e-3)
    np.testing.assert_allclose(maps, expected_maps, atol=2e-3 * expected_maps.max())


def test_frames_of_several_sizes_in_one_call_match_single_calls(make_openvino_step, photographs):
    step = make_openvino_step()
    frames = [photographs["cheetah"], photographs["espresso"]]
    assert frames[0].shape != frames[1].shape
    maps, logits = step(frames, np.zeros((2, 4, 1000), np.float32))  # another test needs this size, too
    for n, frame in enumerate(frames):
        single, single_logits = step([frame], rows({}))
        np.testing.assert_allclose(maps[n, 0], single[0, 0], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(logits[n], single_logits[0], rtol=1e-3, atol=1e-4)


def test_throughput_hint_explains_many_frames_in_order(make_openvino_step, make_convert, tmp_path, photographs):
    reference = make_openvino_step()
    frames = [list(photographs.values())[n % len(photographs)] for n in range(19)]
    targets = np.zeros((19, 1, 1000), np.float32)
    targets[3, 0, B] = 1.0
    step = OpenVinoStep(make_convert(), (224, 224), 1000, tmp_path, ["x"], "float32", performance_hint="throughput")
    maps, logits = step(frames, targets)
    assert len(list(tmp_path.glob("step-*"))) == 1, "only one batch size is compiled"
    for n, frame in enumerate(frames):
        single, single_logits = reference([frame], targets[n : n + 1])
        np.testing.assert_allclose(maps[n], single[0], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(logits[n], single_logits[0], rtol=1e-3, atol=1e-4)


def test_a_linear_head_is_compiled_once_for_any_number_of_targets(make_openvino_step, make_convert, tmp_path):
    step = OpenVinoStep(make_convert(), (224, 224), 1000, tmp_path, ["x"], "float32")
    assert step.linear_cam is None, "nothing is compiled"
    step.prepare(1, 1)
    one_bytes = step.memory_bytes
    step.prepare(1, 5)
    assert step.memory_bytes == one_bytes
    assert step.is_prepared(1, 3)
    assert not step.is_prepared(1, 0)
    assert len(list(tmp_path.glob("step-*"))) == 1, "nothing else was converted"
    lower = make_openvino_step(SMALL_LOWER_LAYER)
    lower.prepare(1, 1)
    assert lower.linear_cam is None, "behind it are convolutions"


def test_the_head_of_a_converted_step_is_that_of_the_network(make_openvino_step, small_network):
    step = make_openvino_step()
    step.prepare(1, 1)
    kernel, bias = small_network.get_layer("predictions").get_weights()
    np.testing.assert_allclose(step.linear_cam.head.weights, kernel, rtol=1e-6)
    np.testing.assert_allclose(step.linear_cam.head.bias, bias, rtol=1e-6)


def test_room_is_made_before_anything_is_compiled(make_convert, tmp_path):
    step = OpenVinoStep(make_convert(SMALL_LOWER_LAYER), (224, 224), 1000, tmp_path, ["x"], "float32")
    needed = []
    step.prepare(1, 1, make_room=needed.append)
    step.prepare(1, 1, make_room=needed.append)
    (weights,) = tmp_path.rglob("step.bin")
    assert needed == [step.memory_bytes]
    assert needed[0] > weights.stat().st_size

    def refuse(_bytes):
        raise LiveCamError("no room")

    with pytest.raises(LiveCamError, match="no room"):
        step.prepare(1, 2, make_room=refuse)
    assert not step.is_prepared(1, 2)
    assert needed == [step.memory_bytes]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives the memory of a mapping back")
def test_weights_leave_memory_once_compiled(make_convert, tmp_path):
    step = OpenVinoStep(make_convert(), (224, 224), 1000, tmp_path, ["x"], "float32")
    step.prepare(1, 1)
    (weights,) = tmp_path.rglob("step.bin")
    assert _resident_bytes(weights) < weights.stat().st_size / 2


def _resident_bytes(path):
    """Returns how much of a mapped file is in this process's memory."""
    mappings = Path("/proc/self/smaps").read_text().split(str(path.resolve()))[1:]
    assert mappings, "it is mapped"
    return sum(1024 * int(mapping.split("Rss:")[1].split()[0]) for mapping in mappings)


def test_forward_pass_returns_the_same_logits(make_openvino_step, photographs):
    step, frames = make_openvino_step(), photographs["lion"][np.newaxis]
    np.testing.assert_allclose(step.forward(frames), step(frames, rows({}))[1], rtol=1e-4, atol=1e-4)


def test_results_of_a_call_are_not_overwritten_by_the_next(make_openvino_step, photographs):
    step = make_openvino_step()
    maps, logits = step([photographs["lion"]], rows({}))
    copies = maps.copy(), logits.copy()
    step([photographs["espresso"]], rows({}))
    np.testing.assert_array_equal(maps, copies[0])
    np.testing.assert_array_equal(logits, copies[1])


# --- the cache on disk ---


@pytest.fixture
def top_class(make_convert, tmp_path, photographs):
    """Creates a step from the cache in `tmp_path` and returns its top class for the lion's photograph."""

    def run(convert=make_convert(), key="x", cache=tmp_path):  # noqa: B008
        return OpenVinoStep(convert, (224, 224), 1000, cache, (key,), "float32")([photographs["lion"]], rows({}))[
            1
        ].argmax()

    return run


@pytest.fixture
def expected_class(make_step, photographs):
    return make_step()([photographs["lion"]], rows({}))[1].argmax()


def test_cached_step_is_not_converted_again(top_class, expected_class):
    def convert_again(*_):
        raise AssertionError("converted again")

    assert top_class() == expected_class
    assert top_class(convert_again) == expected_class


@pytest.mark.parametrize("name", ["step.xml", "step.bin"])
@pytest.mark.parametrize("size", [0, 1000])
def test_corrupt_step_is_converted_again_and_leaves_nothing_else(top_class, expected_class, tmp_path, name, size):
    top_class()
    (folder,) = tmp_path.glob("step-*")
    content = (folder / name).read_bytes()
    (folder / name).unlink()  # the tests share the file of the weights
    (folder / name).write_bytes(content[:size])
    assert top_class() == expected_class
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, "steps.lock"]


def test_step_works_without_a_writable_cache(top_class, expected_class, tmp_path):
    (tmp_path / "file").touch()
    assert top_class(cache=tmp_path / "file") == expected_class


def test_step_works_on_a_full_disk(top_class, expected_class, make_convert, tmp_path):
    cache, convert = tmp_path / "cache", make_convert()

    def convert_on_a_full_disk(batch_size, num_targets, path):
        if cache in path.parents:
            path.write_text("half a step")
            raise OSError("No space left on device")
        convert(batch_size, num_targets, path)

    assert top_class(convert_on_a_full_disk, cache=cache) == expected_class
    assert [path.name for path in cache.iterdir()] == ["steps.lock"]


def test_conversion_that_fails_for_the_weights_is_not_retried(tmp_path):
    calls = []

    def convert(*_):
        calls.append(1)
        raise WeightsError("they do not match")

    with pytest.raises(WeightsError, match="do not match"):
        OpenVinoStep(convert, (224, 224), 1000, tmp_path, ("x",), "float32")(np.zeros((1, 9, 9, 3), np.uint8), rows({}))
    assert len(calls) == 1


def test_openvino_sends_no_telemetry(tmp_path):
    code = (
        "import sys, live_cam.explain.runtime.openvino_step;"
        "print('openvino' in sys.modules, sys.modules['openvino_telemetry'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HOME": str(tmp_path), "CI": "false"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.stdout == "True None\n", result.stderr
    assert list(tmp_path.iterdir()) == []
