"""The step on OpenVINO against the step on TensorFlow, and the converted steps it keeps."""

import os
import subprocess
import sys

import numpy as np
import pytest

from live_cam.errors import WeightsError
from live_cam.explain.openvino_step import OpenVinoStep

LION, CHEETAH = 291, 293


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
def test_openvino_computes_what_tensorflow_computes(make_step, make_openvino_step, photographs, layer, score):
    reference, step = make_step(layer, score=score), make_openvino_step(layer, score=score)
    for rgb in photographs.values():
        for vectors in (questions({}), questions({LION: 1.0, CHEETAH: -1.0}), questions({CHEETAH: -1.0})):
            maps, logits = step(rgb[np.newaxis], vectors)
            expected_maps, expected_logits = reference(rgb[np.newaxis], vectors)
            assert (maps.dtype, maps.shape) == (np.float32, expected_maps.shape)
            np.testing.assert_allclose(logits, expected_logits, atol=1e-3)
            np.testing.assert_allclose(maps, expected_maps, atol=2e-3 * max(expected_maps.max(), 1e-6))


@pytest.mark.parametrize("layer", ["conv5_block3_out", "conv4_block6_out"])
@pytest.mark.parametrize("label", ["lion", "cheetah", "Egyptian cat", "espresso"])
def test_bfloat16_gives_the_same_label_and_nearly_the_same_map(make_openvino_step, photographs, label, layer):
    frames = photographs[label][np.newaxis]
    for method in ("gradcam", "layercam"):
        maps, logits = make_openvino_step(layer, precision="bfloat16")(frames, questions({}), method)
        expected_maps, expected_logits = make_openvino_step(layer)(frames, questions({}), method)
        assert (maps.dtype, logits.dtype) == (np.float32, np.float32)
        assert logits.argmax() == expected_logits.argmax()
        assert np.corrcoef(maps.ravel(), expected_maps.ravel())[0, 1] > 0.99


def test_frames_of_any_size_and_several_questions_at_once(make_openvino_step, photographs):
    step = make_openvino_step()
    several = questions({}, {LION: 1.0}, {CHEETAH: 1.0})
    for rgb in (photographs["lion"], np.tile(photographs["lion"], (3, 2, 1))):
        maps, logits = step(rgb[np.newaxis], several)
        for k in range(3):
            one, same = step(rgb[np.newaxis], several[:, k : k + 1])
            np.testing.assert_allclose(maps[0, k], one[0, 0], rtol=1e-3, atol=1e-4)
            np.testing.assert_allclose(logits, same, rtol=1e-3, atol=1e-4)


def test_several_frames_with_several_questions_each_are_answered_as_by_tensorflow(
    make_step, make_openvino_step, photographs
):
    # Rows of zeros ask for the likeliest, the second and the third; OpenVINO once read the wrong memory for these.
    frames = [photographs["lion"], photographs["espresso"]]
    targets = np.tile(questions({}, {CHEETAH: 1.0}, {}, {}), (2, 1, 1))
    maps, logits = make_openvino_step()(frames, targets)
    expected_maps, expected_logits = make_step()(frames, targets)
    np.testing.assert_allclose(logits, expected_logits, atol=1e-3)
    np.testing.assert_allclose(maps, expected_maps, atol=2e-3 * expected_maps.max())


def test_frames_of_several_sizes_in_one_call_are_explained_as_one_by_one(make_openvino_step, photographs):
    step = make_openvino_step()
    frames = [photographs["cheetah"], photographs["espresso"]]
    assert frames[0].shape != frames[1].shape
    maps, logits = step(frames, np.zeros((2, 1, 1000), np.float32))
    for n, frame in enumerate(frames):
        one, same = step([frame], questions({}))
        np.testing.assert_allclose(maps[n], one[0], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(logits[n], same[0], rtol=1e-3, atol=1e-4)


def test_side_by_side_many_frames_are_explained_as_one_by_one_and_in_order(
    make_openvino_step, convert_here, tmp_path, photographs
):
    one_by_one = make_openvino_step()
    frames = [list(photographs.values())[n % len(photographs)] for n in range(19)]
    targets = np.zeros((19, 1, 1000), np.float32)
    targets[3, 0, CHEETAH] = 1.0
    side_by_side = OpenVinoStep(convert_here(), tmp_path, ["side by side"], "float32", side_by_side=True)
    maps, logits = side_by_side(frames, targets)
    assert len(list(tmp_path.glob("step-*"))) == 1  # no number of frames is compiled but one
    for n, frame in enumerate(frames):
        one, same = one_by_one([frame], targets[n : n + 1])
        np.testing.assert_allclose(maps[n], one[0], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(logits[n], same[0], rtol=1e-3, atol=1e-4)


def test_the_forward_pass_alone_gives_the_same_logits(make_openvino_step, photographs):
    step, frames = make_openvino_step(), photographs["lion"][np.newaxis]
    np.testing.assert_allclose(step.forward(frames), step(frames, questions({}))[1], rtol=1e-4, atol=1e-4)


def test_what_a_call_gave_is_not_changed_by_the_next(make_openvino_step, photographs):
    step = make_openvino_step()
    maps, logits = step([photographs["lion"]], questions({}))
    kept = maps.copy(), logits.copy()
    step([photographs["espresso"]], questions({}))
    np.testing.assert_array_equal(maps, kept[0])
    np.testing.assert_array_equal(logits, kept[1])


# --- the steps kept on disk ---


@pytest.fixture
def ask(convert_here, tmp_path, photographs):
    """Makes a step anew from the cache in `tmp_path` and asks it what is in the lion's photograph."""

    def make_and_ask(convert=convert_here(), key="x", targets_k=1):  # noqa: B008 (made once is meant)
        step = OpenVinoStep(convert, tmp_path, (key,), "float32")
        return step([photographs["lion"]], questions(*[{}] * targets_k))[1].argmax()

    return make_and_ask


def test_a_step_converted_before_is_not_converted_again(ask):
    def convert_again(*_):
        raise AssertionError("converted again")

    assert ask() == LION
    assert ask(convert_again) == LION


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["conv2_block1_1_conv", "conv3_block4_out"])
def test_a_step_read_from_the_disk_computes_what_tensorflow_does(make_step, make_openvino_step, photographs, layer):
    # On the disk forward pass and gradient share each kernel, which OpenVINO once took one for the other's.
    frames = [photographs["lion"]]
    maps, _ = make_openvino_step(layer)(frames, questions({}), "layercam")
    expected, _ = make_step(layer)(frames, questions({}), "layercam")
    # A feature that one of them rounds to just above zero and the other to zero passes its gradient in one only.
    assert np.abs(maps - expected).max() < 0.05 * expected.max()
    assert np.abs(maps - expected).mean() < 1e-4 * expected.max()


def test_a_spoilt_step_in_the_cache_is_converted_again_and_nothing_else_stays(ask, tmp_path):
    ask()
    (folder,) = tmp_path.glob("step-*")
    (folder / "step.xml").write_text((folder / "step.xml").read_text()[:1000])
    assert ask() == LION
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, "steps.lock"]


def test_a_step_that_cannot_be_kept_is_computed_all_the_same(convert_here, tmp_path, photographs):
    (tmp_path / "file").touch()
    step = OpenVinoStep(convert_here(), tmp_path / "file", ("x",), "float32")
    assert step([photographs["lion"]], questions({}))[1].argmax() == LION


def test_a_full_disk_is_met_with_a_step_for_this_time_only(convert_here, tmp_path, photographs):
    cache, convert = tmp_path / "cache", convert_here()

    def convert_on_a_full_disk(frames_n, targets_k, path):
        if cache in path.parents:
            path.write_text("half a step")
            raise OSError("No space left on device")
        convert(frames_n, targets_k, path)

    step = OpenVinoStep(convert_on_a_full_disk, cache, ("x",), "float32")
    assert step([photographs["lion"]], questions({}))[1].argmax() == LION
    assert [path.name for path in cache.iterdir()] == ["steps.lock"]


@pytest.mark.slow
def test_steps_not_used_for_longest_make_room_on_the_disk(ask, tmp_path, monkeypatch):
    monkeypatch.setattr("live_cam.explain.openvino_step._KEPT_STEPS", 2)
    ask(key="a")
    (a,) = tmp_path.glob("step-*")
    ask(key="b")
    ask(key="a")  # used again, so that b is the one not used for longest
    ask(key="c")
    kept = set(tmp_path.glob("step-*"))
    assert len(kept) == 2
    assert a in kept


def test_weights_that_do_not_fit_are_tried_once(tmp_path):
    tries = []

    def convert(*_):
        tries.append(1)
        raise WeightsError("they do not fit")

    with pytest.raises(WeightsError, match="do not fit"):
        OpenVinoStep(convert, tmp_path, ("x",), "float32")(np.zeros((1, 9, 9, 3), np.uint8), questions({}))
    assert len(tries) == 1


@pytest.mark.parametrize("module", ["openvino_step", "conversion"])
def test_openvino_reports_nothing_to_anybody(tmp_path, module):
    code = f"import sys, live_cam.explain.{module}; print('openvino' in sys.modules, sys.modules['openvino_telemetry'])"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HOME": str(tmp_path), "CI": "false"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.stdout == "True None\n", result.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {".keras"}
