import subprocess
import sys
import threading

import numpy as np
import pytest

from live_cam.errors import LiveCamError, UnknownLayerError, WeightsError
from live_cam.explain import DEFAULT_LAYER, FUSED_LAYERS
from live_cam.explain.explainer import Explainer
from live_cam.explain.labels import imagenet_labels
from live_cam.explain.probabilities import probabilities
from live_cam.frame import Lens, Target

LION, CHEETAH, ESPRESSO = 291, 293, 967
S = 1_000_000_000


def test_a_photograph_of_a_lion_is_explained_as_a_lion(explainer, photographs, make_frame):
    found = explainer.explain(make_frame(photographs["lion"]))
    assert found.target == Target(LION)
    assert (found.target_label, found.versus_label) == ("lion", None)
    assert found.top[0].label == "lion"
    assert found.top[0].probability == pytest.approx(0.98, abs=0.01)
    assert found.strength > 0.5
    assert found.scale >= found.saliency_map.max() > 0.0
    assert (found.saliency_map.shape, found.saliency_map.dtype) == ((7, 7), np.float32)
    assert (found.logits.shape, found.logits.dtype) == ((1000,), np.float32)


def test_the_map_lies_on_the_lion_and_not_beside_it(explainer, photographs, make_frame):
    # The lion is put in one half of an otherwise grey picture, then in the other.
    lion = photographs["lion"]
    height, width = lion.shape[:2]
    for half in (0, 1):
        rgb = np.full((height, 2 * width, 3), 128, np.uint8)
        rgb[:, half * width : (half + 1) * width] = lion
        by_column = explainer.explain(make_frame(rgb), Target(LION)).saliency_map.sum(axis=0)
        beside, on = (by_column[4:], by_column[:3]) if half == 0 else (by_column[:3], by_column[4:])
        assert on.sum() > 3.0 * beside.sum()


@pytest.mark.parametrize("label", ["lion", "cheetah", "Egyptian cat", "espresso"])
def test_the_top_three_are_sorted_and_are_probabilities_of_the_logits(explainer, photographs, make_frame, label):
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
def test_probabilities_of_any_logits_are_finite_and_sum_to_one(logits):
    assert probabilities(np.array(logits, np.float32)).sum() == pytest.approx(1.0)


def test_a_locked_class_is_explained_though_another_is_likelier(explainer, photographs, make_frame):
    found = explainer.explain(make_frame(photographs["lion"]), Target(CHEETAH))
    assert found.target == Target(CHEETAH)
    assert found.target_label == "cheetah"
    assert found.top[0].label == "lion"
    likeliest = explainer.explain(make_frame(photographs["lion"]))
    assert not np.allclose(found.saliency_map, likeliest.saliency_map)
    assert found.strength < likeliest.strength


def test_why_not_another_explains_the_likeliest_against_it(explainer, photographs, make_frame):
    frame = make_frame(photographs["lion"])
    found = explainer.explain(frame, Target(versus=CHEETAH))
    assert found.target == Target(LION, CHEETAH)
    assert (found.target_label, found.versus_label) == ("lion", "cheetah")
    asked_in_full = explainer.explain(frame, Target(LION, CHEETAH))
    np.testing.assert_allclose(found.saliency_map, asked_in_full.saliency_map, rtol=1e-5, atol=1e-6)
    assert not np.allclose(found.saliency_map, explainer.explain(frame, Target(LION)).saliency_map)
    assert found.strength > 0.5


def test_what_the_picture_speaks_against_has_no_strength(explainer, photographs, make_frame):
    assert explainer.explain(make_frame(photographs["lion"]), Target(CHEETAH, LION)).strength == 0.0


def test_nothing_speaks_against_what_is_plainly_there(explainer, photographs, make_frame):
    found = explainer.explain(make_frame(photographs["lion"]), Target(against=True))
    assert found.target == Target(LION, against=True)
    assert found.target_label == "lion"
    assert not found.saliency_map.any()
    assert found.strength == 0.0


def test_what_speaks_against_a_class_lies_where_its_own_map_is_empty(explainer, photographs, make_frame):
    frame = make_frame(photographs["lion"])
    speaks_for, speaks_against = (explainer.explain(frame, Target(ESPRESSO, against=a)) for a in (False, True))
    assert speaks_for.strength == 0.0
    assert speaks_against.strength > 0.5
    assert speaks_against.saliency_map.max() > 0.0
    assert not ((speaks_for.saliency_map > 0.0) & (speaks_against.saliency_map > 0.0)).any()


@pytest.mark.parametrize("index", [CHEETAH, ESPRESSO])
def test_an_objection_is_painted_on_the_scale_of_the_strongest_reason(explainer, photographs, make_frame, index):
    # On its own scale the faintest would look like the strongest.
    frame = make_frame(photographs["lion"])
    reason, objection = explainer.explain(frame), explainer.explain(frame, Target(index, against=True))
    assert objection.scale == pytest.approx(reason.saliency_map.max(), rel=0.01)
    assert 0.0 < objection.saliency_map.max() < 0.5 * objection.scale


def test_nothing_speaks_against_anything_in_an_empty_picture(explainer, make_frame):
    black = np.zeros((480, 640, 3), np.uint8)
    assert explainer.explain(make_frame(black), Target(ESPRESSO, against=True)).strength == 0.0


def test_what_speaks_against_a_class_is_asked_without_another(explainer, photographs, make_frame):
    for index in (None, LION):
        with pytest.raises(ValueError, match="of that class alone"):
            explainer.explain(make_frame(photographs["lion"]), Target(index, CHEETAH, against=True))


def test_several_frames_are_each_explained_for_several_questions_as_one_by_one(explainer, photographs, make_frame):
    # Two cameras of different sizes.
    frames = [make_frame(photographs["lion"]), make_frame(photographs["espresso"])]
    questions = [Target(CHEETAH), Target(), Target(LION, LION), Target(versus=CHEETAH), Target()]
    for frame, answers in zip(frames, explainer.explain_all(frames, questions), strict=True):
        top = explainer.explain(frame).top
        asked_alone = [Target(CHEETAH), Target(top[0].index), Target(LION, LION), Target(versus=CHEETAH)]
        asked_alone.append(Target(top[1].index))  # the second to ask for the likeliest gets the second likeliest
        for answer, question in zip(answers, asked_alone, strict=True):
            alone = explainer.explain(frame, question)
            assert (answer.target, answer.target_label) == (alone.target, alone.target_label)
            assert answer.strength == pytest.approx(alone.strength, abs=0.05)
            # The shared explainer computes in bfloat16 where it can.
            np.testing.assert_allclose(answer.saliency_map, alone.saliency_map, atol=0.05)
            assert answer.scale >= answer.saliency_map.max()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_picture_has_no_evidence_for_anything(explainer, make_frame, level):
    found = explainer.explain(make_frame(np.full((480, 640, 3), level, np.uint8)))
    assert found.strength == 0.0
    assert np.isfinite(found.saliency_map).all()


def test_noise_is_painted_far_fainter_than_a_photograph(explainer, make_frame):
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    assert explainer.explain(make_frame(noise)).strength < 0.4


def test_brightness_does_not_jump_when_the_thing_leaves_the_picture(explainer, photographs, make_frame):
    # Another question makes the explainer forget what it saw in the other tests.
    explainer.explain(make_frame(photographs["lion"], pts_ns=0), Target(0))
    black = np.zeros((480, 640, 3), np.uint8)
    before = explainer.explain(make_frame(photographs["cheetah"], pts_ns=S))
    soon = explainer.explain(make_frame(black, pts_ns=S + S // 30))
    late = explainer.explain(make_frame(black, pts_ns=10 * S))
    assert 0.9 * before.scale < soon.scale < before.scale
    assert soon.saliency_map.max() < 0.5 * before.saliency_map.max()
    assert late.scale == pytest.approx(late.saliency_map.max(), rel=1e-3)
    # Another question has another scale, at once.
    locked = explainer.explain(make_frame(photographs["cheetah"], pts_ns=10 * S + 1), Target(LION))
    assert locked.scale == pytest.approx(locked.saliency_map.max())


def test_the_explainer_says_what_it_explains_and_where_its_weights_came_from(explainer, weights):
    assert explainer.layer == "conv5_block3_out"
    assert (explainer.method, explainer.score) == ("gradcam", "logit")
    assert explainer.runtime in ("tensorflow", "openvino")
    assert explainer.precision in ("float32", "bfloat16")
    assert explainer.weights_path.is_file()
    assert explainer.weights_way in {"cache", "keras-cache"}


@pytest.mark.slow
def test_another_layer_and_score_and_the_users_own_file_are_what_is_explained(archive, photographs, make_frame):
    explainer = Explainer(archive, layer="conv4_block6_out", score="probability")
    assert (explainer.layer, explainer.score) == ("conv4_block6_out", "probability")
    assert (explainer.weights_way, explainer.weights_path) == ("file", archive)
    found = explainer.explain(make_frame(photographs["Egyptian cat"]))
    assert found.saliency_map.shape == (14, 14)
    assert found.target_label == "Egyptian cat"


def test_another_method_is_looked_through_at_the_next_frame(explainer, photographs, make_frame):
    frame = make_frame(photographs["lion"])
    lens = Lens(DEFAULT_LAYER, "eigencam")
    assert explainer.ready(lens)
    ((before,),) = explainer.explain_all([frame], [Target()])
    ((other,),) = explainer.explain_all([frame], [Target()], lens)
    ((after,),) = explainer.explain_all([frame], [Target()])
    assert (before.lens, other.lens, after.lens) == (explainer.lens, lens, explainer.lens)
    np.testing.assert_array_equal(before.saliency_map, after.saliency_map)
    assert not np.allclose(before.saliency_map, other.saliency_map)
    # The scale is the lens's own, since maps of different methods are of different sizes.
    assert other.scale == pytest.approx(other.saliency_map.max())
    assert after.scale == pytest.approx(after.saliency_map.max(), rel=1e-3)


def test_a_lens_that_nobody_made_ready_is_refused(explainer, photographs, make_frame):
    for lens in (Lens("conv2_block3_out", "gradcam"), Lens(DEFAULT_LAYER, "layercam-fused")):
        assert not explainer.ready(lens)
        with pytest.raises(LiveCamError, match=r"conv\w+.* is not ready to be explained"):
            explainer.explain_all([make_frame(photographs["lion"])], [Target()], lens)
    assert explainer.explain(make_frame(photographs["lion"])).target_label == "lion"


@pytest.mark.slow
def test_frames_are_explained_while_another_lens_is_made_ready(photographs, make_frame):
    explainer = Explainer()
    frame = make_frame(photographs["lion"])
    lens = Lens(DEFAULT_LAYER, "layercam-fused")
    preparing = threading.Thread(target=explainer.prepare, args=(lens,))
    preparing.start()
    while preparing.is_alive():
        assert explainer.explain(frame).target_label == "lion"
        preparing.join(0.2)
    assert explainer.ready(lens)
    ((found,),) = explainer.explain_all([frame], [Target()], lens)
    assert found.lens == Lens("+".join(FUSED_LAYERS), "layercam-fused")
    assert found.saliency_map.shape == (28, 28)
    assert found.saliency_map.max() > 0.0
    assert explainer.explain(frame).saliency_map.shape == (7, 7)


def test_logits_are_those_of_the_explanations(explainer, photographs, make_frame):
    pictures = [photographs["lion"], photographs["espresso"], np.zeros((9, 9, 3), np.uint8)]
    logits = explainer.logits(pictures)
    assert (logits.shape, logits.dtype) == ((3, 1000), np.float32)
    for picture, found in zip(pictures, logits, strict=True):
        np.testing.assert_array_equal(found, explainer.explain(make_frame(picture)).logits)


def test_live_pictures_are_steadied_and_others_are_not(explainer, photographs, make_frame):
    rng = np.random.default_rng(0)
    live = Explainer(steady=True)
    lion = photographs["lion"]
    noisy = np.clip(lion + rng.normal(0.0, 20.0, lion.shape), 0, 255).astype(np.uint8)
    for explainer_, is_steady in ((live, True), (explainer, False)):
        first = explainer_.explain(make_frame(lion, pts_ns=S), Target(LION))
        second = explainer_.explain(make_frame(noisy, pts_ns=S + S // 30), Target(LION))
        np.testing.assert_array_equal(first.steady_map, first.saliency_map)
        assert np.array_equal(second.steady_map, second.saliency_map) == (not is_steady)
        assert (second.steady_top == second.top) == (not is_steady)
        moved, would_move = (np.abs(m - first.saliency_map).max() for m in (second.steady_map, second.saliency_map))
        assert moved < 0.5 * would_move if is_steady else moved == would_move
    # Another class has a map of its own, and so has another lens.
    for lens in (None, Lens(DEFAULT_LAYER, "eigencam")):
        ((other,),) = live.explain_all([make_frame(noisy, pts_ns=S + S // 30)], [Target(CHEETAH)], lens)
        np.testing.assert_array_equal(other.steady_map, other.saliency_map)


def test_an_unknown_layer_is_told_before_anything_is_explained(weights):
    with pytest.raises(UnknownLayerError, match="did you mean conv5_block3_out"):
        Explainer(layer="conv5_block3_output")


def test_a_missing_weight_file_is_told_before_anybody_waits_for_tensorflow(tmp_path):
    code = (
        "import sys, pathlib; from live_cam import Explainer\n"
        "try: Explainer(pathlib.Path(sys.argv[1]))\n"
        "except OSError as error: print(error, 'tensorflow' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "none.npz")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert told.stdout.strip() == f"there is no weight file {tmp_path / 'none.npz'} False"


def test_weights_in_double_precision_are_refused(values, tmp_path):
    np.savez(tmp_path / "w.npz", **{**values, "predictions/bias": values["predictions/bias"].astype(np.float64)})
    with pytest.raises(WeightsError, match=r"w\.npz holds values that are not float32"):
        Explainer(tmp_path / "w.npz")


@pytest.mark.parametrize("target", [Target(LION, LION), Target(CHEETAH, CHEETAH), Target(versus=LION)])
def test_nothing_sets_a_class_apart_from_itself(explainer, photographs, make_frame, target):
    # The lion is the likeliest class here: e_A - e_A is all zeros, which elsewhere means "the likeliest class".
    found = explainer.explain(make_frame(photographs["lion"]), target)
    assert not found.saliency_map.any()
    assert found.strength == 0.0
