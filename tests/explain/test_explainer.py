"""The explainer on the real network and real photographs."""

import doctest
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import numpy as np
import pytest

from live_cam.errors import LiveCamError, UnknownLayerError, UsageError, WeightsError
from live_cam.explain.explainer import Explainer
from live_cam.explain.runtime import conversion_process, openvino_backend
from live_cam.explain.saliency.targets import probabilities
from live_cam.models.labels import imagenet_labels
from live_cam.models.layers import DEFAULT_LAYER, FUSED_LAYERS
from live_cam.types import CamConfig, Target

pytestmark = pytest.mark.slow  # whose tests use the explainer, too

LION, CHEETAH, ESPRESSO = 291, 293, 967
S = 1_000_000_000


def test_photograph_of_a_lion_is_explained_as_a_lion(explainer, photographs, make_frame):
    found = explainer.explain(make_frame(photographs["lion"]))
    assert found.target == Target(LION)
    assert (found.target_label, found.contrast_label) == ("lion", None)
    assert found.top[0].label == "lion"
    assert found.top[0].probability == pytest.approx(0.98, abs=0.01)
    assert found.evidence > 0.5
    assert found.vmax >= found.saliency_map.max() > 0.0
    assert (found.saliency_map.shape, found.saliency_map.dtype) == ((7, 7), np.float32)
    assert (found.logits.shape, found.logits.dtype) == ((1000,), np.float32)


@pytest.mark.parametrize("axis", [0, 1], ids=["tall", "wide"])
def test_map_is_on_the_lion(explainer, photographs, make_frame, axis):
    # The lion is in one half of an otherwise grey frame, then in the other.
    lion = photographs["lion"]
    for half in (0, 1):
        halves = [np.full_like(lion, 128), np.full_like(lion, 128)]
        halves[half] = lion
        frame = make_frame(np.concatenate(halves, axis=axis))
        along = explainer.explain(frame, Target(LION)).saliency_map.sum(axis=1 - axis)
        off, on = (along[4:], along[:3]) if half == 0 else (along[:3], along[4:])
        assert on.sum() > 3.0 * off.sum()


@pytest.mark.parametrize("label", ["lion", "cheetah", "Egyptian cat", "espresso"])
def test_top_three_are_sorted_probabilities_of_the_logits(explainer, photographs, make_frame, label):
    found = explainer.explain(make_frame(photographs[label]))
    probabilities = [score.probability for score in found.top]
    assert len(probabilities) == 3
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0.0 <= probability <= 1.0 for probability in probabilities)
    assert sum(probabilities) <= 1.0 + 1e-9
    exponentials = np.exp(found.logits.astype(np.float64))
    for score in found.top:
        assert score.label == imagenet_labels()[score.index]
        assert score.probability == pytest.approx(exponentials[score.index] / exponentials.sum(), rel=1e-5)
    assert found.top[0].index == found.logits.argmax()


@pytest.mark.parametrize("logits", [[1e30, -1e30, 0.0], [-1e30] * 3, [0.0] * 3, [88.0, 89.0, 1000.0]])
def test_probabilities_of_any_logits_sum_to_one(logits):
    assert probabilities(np.array(logits, np.float32), "softmax").sum() == pytest.approx(1.0)


def test_given_class_is_explained_although_another_is_the_top_class(explainer, photographs, make_frame):
    found = explainer.explain(make_frame(photographs["lion"]), Target(CHEETAH))
    assert found.target == Target(CHEETAH)
    assert found.target_label == "cheetah"
    assert found.top[0].label == "lion"
    top = explainer.explain(make_frame(photographs["lion"]))
    assert not np.allclose(found.saliency_map, top.saliency_map)
    assert found.evidence < top.evidence


def test_contrast_without_index_explains_the_top_class(explainer, photographs, make_frame):
    frame = make_frame(photographs["lion"])
    found = explainer.explain(frame, Target(contrast=CHEETAH))
    assert found.target == Target(LION, CHEETAH)
    assert (found.target_label, found.contrast_label) == ("lion", "cheetah")
    with_index = explainer.explain(frame, Target(LION, CHEETAH))
    np.testing.assert_allclose(found.saliency_map, with_index.saliency_map, rtol=1e-5, atol=1e-6)
    assert not np.allclose(found.saliency_map, explainer.explain(frame, Target(LION)).saliency_map)
    assert found.evidence > 0.5


def test_class_below_its_contrast_has_no_evidence(explainer, photographs, make_frame):
    assert explainer.explain(make_frame(photographs["lion"]), Target(CHEETAH, LION)).evidence == 0.0


def test_counterfactual_of_a_clear_top_class_is_empty(explainer, photographs, make_frame):
    found = explainer.explain(make_frame(photographs["lion"]), Target(counterfactual=True))
    assert found.target == Target(LION, counterfactual=True)
    assert found.target_label == "lion"
    assert not found.saliency_map.any()
    assert found.evidence == 0.0


def test_counterfactual_is_where_the_map_of_the_class_is_empty(explainer, photographs, make_frame):
    frame = make_frame(photographs["lion"])
    positive, negative = (explainer.explain(frame, Target(ESPRESSO, counterfactual=a)) for a in (False, True))
    assert positive.evidence == 0.0
    assert negative.evidence > 0.3
    assert negative.saliency_map.max() > 0.0
    assert not ((positive.saliency_map > 0.0) & (negative.saliency_map > 0.0)).any()


def test_counterfactual_has_scale_and_evidence_of_its_own_map(explainer, photographs, make_frame):
    frame = make_frame(photographs["lion"])
    top, cheetah, espresso = explainer.explain_all(
        [frame], [Target(), *(Target(index, counterfactual=True) for index in (CHEETAH, ESPRESSO))]
    )[0]
    assert espresso.vmax == pytest.approx(espresso.saliency_map.max())
    assert 0.0 < espresso.vmax < 0.3 * top.vmax
    assert cheetah.evidence < 0.3 < espresso.evidence


def test_counterfactual_of_an_empty_frame_has_no_evidence(explainer, make_frame):
    black = np.zeros((480, 640, 3), np.uint8)
    assert explainer.explain(make_frame(black), Target(ESPRESSO, counterfactual=True)).evidence == 0.0


def test_counterfactual_excludes_contrast(explainer, photographs, make_frame):
    for index in (None, LION):
        with pytest.raises(ValueError, match="takes no contrast class"):
            explainer.explain(make_frame(photographs["lion"]), Target(index, CHEETAH, counterfactual=True))


def test_several_frames_and_targets_match_single_calls(explainer, photographs, make_frame):
    # Two cameras of different sizes.
    frames = [make_frame(photographs["lion"]), make_frame(photographs["espresso"])]
    targets = [Target(CHEETAH), Target(), Target(LION, LION), Target(contrast=CHEETAH), Target()]
    for frame, explanations in zip(frames, explainer.explain_all(frames, targets), strict=True):
        top = explainer.explain(frame).top
        single_targets = [Target(CHEETAH), Target(top[0].index), Target(LION, LION), Target(contrast=CHEETAH)]
        single_targets.append(Target(top[1].index))  # the second `Target()` is the second class
        for found, target in zip(explanations, single_targets, strict=True):
            single = explainer.explain(frame, target)
            assert (found.target, found.target_label) == (single.target, single.target_label)
            assert found.evidence == pytest.approx(single.evidence, abs=0.05)
            # The shared explainer computes in bfloat16 if the CPU supports it.
            np.testing.assert_allclose(found.saliency_map, single.saliency_map, atol=0.05)
            assert found.vmax >= found.saliency_map.max()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_empty_frame_has_no_evidence(explainer, make_frame, level):
    found = explainer.explain(make_frame(np.full((480, 640, 3), level, np.uint8)))
    assert found.evidence == 0.0
    assert np.isfinite(found.saliency_map).all()


def test_noise_has_little_evidence(explainer, make_frame):
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    assert explainer.explain(make_frame(noise)).evidence < 0.4


def test_vmax_falls_slowly_when_the_object_leaves_the_frame(explainer, photographs, make_frame):
    black = np.zeros((480, 640, 3), np.uint8)
    before = explainer.explain(make_frame(photographs["cheetah"], pts_ns=S))
    soon = explainer.explain(make_frame(black, pts_ns=S + S // 30))
    late = explainer.explain(make_frame(black, pts_ns=10 * S))
    assert 0.9 * before.vmax < soon.vmax < before.vmax
    assert soon.saliency_map.max() < 0.5 * before.saliency_map.max()
    assert late.vmax == pytest.approx(late.saliency_map.max(), rel=1e-3)
    # Another target has its own vmax.
    locked = explainer.explain(make_frame(photographs["cheetah"], pts_ns=10 * S + 1), Target(LION))
    assert locked.vmax == pytest.approx(locked.saliency_map.max())


def test_explainer_states_its_settings_and_the_digest_of_its_weights(explainer, weights):
    assert explainer.layer == "conv5_block3_out"
    assert (explainer.method, explainer.score) == ("gradcam", "logit")
    assert explainer.runtime in ("tensorflow", "openvino")
    assert explainer.precision in ("float32", "bfloat16")
    assert explainer.weights_digest == weights.digest


@pytest.mark.slow
def test_layer_score_and_weight_file_can_be_chosen(archive_file, photographs, make_frame):
    explainer = Explainer(weights=archive_file, layer="conv4_block6_out", score="probability")
    assert (explainer.layer, explainer.score) == ("conv4_block6_out", "probability")
    assert explainer.model_options == ("--weights", archive_file.name)
    found = explainer.explain(make_frame(photographs["Egyptian cat"]))
    assert found.saliency_map.shape == (14, 14)
    assert found.target_label == "Egyptian cat"


def test_method_can_change_with_every_frame(explainer, photographs, make_frame):
    frame = make_frame(photographs["lion"])
    cam_config = CamConfig(DEFAULT_LAYER, "eigencam")
    assert explainer.is_ready(cam_config)
    ((before,),) = explainer.explain_all([frame], [Target()])
    ((other,),) = explainer.explain_all([frame], [Target()], cam_config)
    ((after,),) = explainer.explain_all([frame], [Target()])
    assert (before.cam_config, other.cam_config, after.cam_config) == (
        explainer.cam_config,
        cam_config,
        explainer.cam_config,
    )
    np.testing.assert_array_equal(before.saliency_map, after.saliency_map)
    assert not np.allclose(before.saliency_map, other.saliency_map)
    # Each method has its own vmax, since their maps differ in magnitude.
    assert other.vmax == pytest.approx(other.saliency_map.max())
    assert after.vmax == pytest.approx(after.saliency_map.max(), rel=1e-3)


def test_layer_that_is_not_ready_is_refused(explainer, photographs, make_frame):
    for cam_config in (CamConfig("conv2_block3_out", "gradcam"), CamConfig(DEFAULT_LAYER, "layercam-fused")):
        assert not explainer.is_ready(cam_config)
        with pytest.raises(LiveCamError, match=r"conv\w+.* is not ready; call prepare\(\)"):
            explainer.explain_all([make_frame(photographs["lion"])], [Target()], cam_config)
    assert explainer.explain(make_frame(photographs["lion"])).target_label == "lion"


@pytest.mark.slow
def test_frames_are_explained_while_another_layer_is_prepared(photographs, make_frame):
    explainer = Explainer()
    frame = make_frame(photographs["lion"])
    cam_config = CamConfig(DEFAULT_LAYER, "layercam-fused")
    preparing = threading.Thread(target=explainer.prepare, args=(cam_config,))
    preparing.start()
    while preparing.is_alive():
        assert explainer.explain(frame).target_label == "lion"
        preparing.join(0.2)
    assert explainer.is_ready(cam_config)
    ((found,),) = explainer.explain_all([frame], [Target()], cam_config)
    assert found.cam_config == CamConfig("+".join(FUSED_LAYERS), "layercam-fused")
    assert found.saliency_map.shape == (28, 28)
    assert found.saliency_map.max() > 0.0
    assert explainer.explain(frame).saliency_map.shape == (7, 7)


def test_logits_are_those_of_the_explanations(explainer, photographs, make_frame):
    frames = [photographs["lion"], photographs["espresso"], np.zeros((9, 9, 3), np.uint8)]
    logits = explainer.logits(frames)
    assert (logits.shape, logits.dtype) == ((3, 1000), np.float32)
    for rgb, found in zip(frames, logits, strict=True):
        np.testing.assert_array_equal(found, explainer.explain(make_frame(rgb)).logits)


def test_only_live_frames_are_smoothed(explainer, photographs, make_frame):
    rng = np.random.default_rng(0)
    live = Explainer(smooth=True)
    lion = photographs["lion"]
    noisy = np.clip(lion + rng.normal(0.0, 20.0, lion.shape), 0, 255).astype(np.uint8)
    for explainer_, is_smoothed in ((live, True), (explainer, False)):
        first = explainer_.explain(make_frame(lion, pts_ns=S), Target(LION))
        second = explainer_.explain(make_frame(noisy, pts_ns=S + S // 30), Target(LION))
        np.testing.assert_array_equal(first.smoothed_map, first.saliency_map)
        assert np.array_equal(second.smoothed_map, second.saliency_map) == (not is_smoothed)
        assert (second.smoothed_top == second.top) == (not is_smoothed)
        moved, would_move = (np.abs(m - first.saliency_map).max() for m in (second.smoothed_map, second.saliency_map))
        assert moved < 0.5 * would_move if is_smoothed else moved == would_move
    # A frame by itself, as of a frozen view, is shown as it is, and leaves what comes after it alone.
    alone = live.explain(replace(make_frame(noisy, pts_ns=S + S // 30), source_id=""), Target(LION))
    np.testing.assert_array_equal(alone.smoothed_map, alone.saliency_map)
    assert (alone.smoothed_top, alone.vmax) == (alone.top, alone.saliency_map.max())
    assert live.explain(make_frame(noisy, pts_ns=S + S // 30), Target(LION)).smoothed_top != alone.top
    # Another class has its own map, and so has another method.
    for cam_config in (None, CamConfig(DEFAULT_LAYER, "eigencam")):
        ((other,),) = live.explain_all([make_frame(noisy, pts_ns=S + S // 30)], [Target(CHEETAH)], cam_config)
        np.testing.assert_array_equal(other.smoothed_map, other.saliency_map)


def test_unknown_layer_is_an_error_of_the_constructor(network, monkeypatch):
    def convert_here(request, path):
        conversion_process._convert((asdict(request), str(path)))

    # Converted in this process, which has the network; see test_conversion_process for errors of a subprocess.
    monkeypatch.setattr("live_cam.models.resnet50.build_resnet50", lambda _weights: network)
    monkeypatch.setattr(openvino_backend, "convert_in_subprocess", convert_here)
    with pytest.raises(UnknownLayerError, match="did you mean conv5_block3_out"):
        Explainer(layer="conv5_block3_output")


def test_missing_weight_file_is_an_error_before_tensorflow_is_imported(tmp_path):
    code = (
        "import sys; from live_cam import Explainer\n"
        "try: Explainer(weights=sys.argv[1])\n"
        "except OSError as error: print(error, 'tensorflow' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "none.npz")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.stdout.strip() == f"there is no weight file {tmp_path / 'none.npz'} False"


def test_a_layer_for_a_method_with_its_own_is_an_error_before_weights_are_looked_for(tmp_path):
    with pytest.raises(UsageError, match="layercam-fused explains"):
        Explainer(weights=tmp_path / "none.npz", layer=DEFAULT_LAYER, method="layercam-fused")


def test_weights_in_double_precision_are_refused(tmp_path):
    np.savez(tmp_path / "w.npz", **{"predictions/bias": np.zeros(1000)})  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match=r"w\.npz contains values that are not float32"):
        Explainer(weights=tmp_path / "w.npz")


@pytest.mark.parametrize("target", [Target(LION, LION), Target(CHEETAH, CHEETAH), Target(contrast=LION)])
def test_class_with_itself_as_contrast_has_no_evidence(explainer, photographs, make_frame, target):
    # The lion is the top class here: e_A - e_A is all zeros, which elsewhere means the top class.
    found = explainer.explain(make_frame(photographs["lion"]), target)
    assert not found.saliency_map.any()
    assert found.evidence == 0.0


def test_example_of_the_docstring_runs(weights):
    from live_cam.explain import explainer

    assert doctest.testmod(explainer) == doctest.TestResults(failed=0, attempted=6)


def test_threads_that_explain_at_once_each_get_their_own_result(explainer, photographs, make_frame):
    frames = [make_frame(rgb) for rgb in photographs.values()]
    expected = [explainer.explain(frame).saliency_map for frame in frames]

    def explain(call):
        return explainer.explain(frames[call % len(frames)]).saliency_map

    with ThreadPoolExecutor(8) as threads:
        for call, found in enumerate(threads.map(explain, range(48))):
            np.testing.assert_array_equal(found, expected[call % len(frames)])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_explainer_says_what_to_do_and_does_not_hang(explainer, photographs, make_frame):
    frame = make_frame(photographs["lion"])
    with warnings.catch_warnings(), explainer._passes.exclusively():  # as if another thread explained meanwhile
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's, of forks beside threads
        child = os.fork()
        if child == 0:
            try:
                explainer.explain(frame)
            except UsageError as error:
                os._exit("another process" in str(error))
            finally:
                os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_no_frames_have_no_explanations(explainer):
    assert explainer.explain_all([], [Target()]) == []
    assert explainer.logits([]).shape == (0, 1000)
