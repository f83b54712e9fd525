"""The map lies on the mark that a classifier recognizes, however frames become inputs."""

from dataclasses import replace

import numpy as np
import pytest

import live_cam
from live_cam.errors import UsageError
from live_cam.explain.saliency.faithfulness import Faithfulness
from live_cam.explain.saliency.occlusion import FILL_RGB, occlude
from live_cam.explain.saliency.targets import probabilities
from live_cam.models.preprocess import map_box
from live_cam.render.overlay import overlay
from live_cam.types import Frame, OverlayStyle, Target
from tests.marks import CELLS, INPUT_PX, MARK_PX, keras_classifier, marked, onnx_classifier, plain

pytestmark = pytest.mark.slow

MARKED = Target(1)
SIZES = [(360, 640), (640, 360), (333, 501), (400, 401)]
by_resize = pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
by_size = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")


@pytest.fixture(scope="module", params=[onnx_classifier, keras_classifier], ids=["onnx", "keras"])
def explainers(request, tmp_path_factory):
    """Explainers of one network, by how they resize."""
    model = request.param(tmp_path_factory.mktemp("model"))
    return {
        resize: live_cam.Explainer(model, labels=["plain", "marked"], resize=resize, precision="float32")
        for resize in ("stretch", "crop", "pad")
    }


def opacity_of(rgb, explanation):
    """Returns how opaque the heat map is at each pixel of the frame, whatever its colours."""
    over = [
        overlay(Frame(np.full_like(rgb, level), 0), replace(explanation, evidence=1.0), OverlayStyle(opacity=1.0))
        for level in (0, 255)
    ]
    return 1.0 - (over[1].astype(float) - over[0]).mean(axis=2) / 255.0


@by_resize
@by_size
@pytest.mark.parametrize("place", [(0.5, 0.5), (0.45, 0.6), (0.0, 0.5), (0.5, 0.0), (1.0, 0.5), (0.5, 1.0)])
def test_the_hottest_place_is_the_mark(explainers, resize, size, place):
    rgb, (x, y) = marked(size, *place)
    explanation = explainers[resize].explain(rgb, MARKED)
    left, top, right, bottom = explanation.map_box
    assert explanation.map.shape == CELLS
    if not (left <= x / size[1] <= right and top <= y / size[0] <= bottom):
        assert resize == "crop"
        assert explanation.top[0].probability < 0.9
        return
    opacity = opacity_of(rgb, explanation)
    rows, columns = np.nonzero(opacity > 0.98 * opacity.max())
    cell_width, cell_height = (right - left) * size[1] / CELLS[1], (bottom - top) * size[0] / CELLS[0]
    assert np.abs(columns + 0.5 - x).max() <= (MARK_PX + cell_width) / 2
    assert np.abs(rows + 0.5 - y).max() <= (MARK_PX + cell_height) / 2


@pytest.mark.parametrize("size", [(360, 640), (640, 360), (400, 401), (337, 701)])
def test_what_a_crop_cuts_off_changes_nothing_and_has_no_heat(explainers, size):
    height, width = size
    at_an_edge = (0.0, 0.5) if width * INPUT_PX[0] > height * INPUT_PX[1] else (0.5, 0.0)
    rgb, _ = marked(size, *at_an_edge)
    found, without = (explainers["crop"].explain(each, MARKED) for each in (rgb, plain(size)))
    assert found.top == without.top
    np.testing.assert_array_equal(found.logits, without.logits)
    in_the_middle = explainers["crop"].explain(marked(size, 0.5, 0.5)[0], MARKED)
    left, top, right, bottom = (
        round(edge * side) for edge, side in zip(in_the_middle.map_box, (width, height) * 2, strict=True)
    )
    opacity = opacity_of(rgb, in_the_middle)
    assert opacity[top:bottom, left:right].max() > 0.9
    opacity[top:bottom, left:right] = 0.0
    assert opacity.max() == 0.0
    for resize in ("stretch", "pad"):
        assert explainers[resize].explain(rgb).top[0].label == "marked"


@by_resize
@by_size
def test_occluding_the_mark_lowers_its_probability_and_occluding_another_place_does_not(explainers, resize, size):
    rgb, (x, y) = marked(size, 0.5, 0.55)
    height, width = size
    around = (x - 30) / width, (y - 30) / height, (x + 30) / width, (y + 30) / height
    beside = (x + 60) / width, (y - 30) / height, (x + 120) / width, (y + 30) / height
    inputs = [occlude(rgb, where, INPUT_PX, resize) for where in (around, beside)]
    logits = explainers[resize].logits([rgb, *inputs])
    original, without_mark, without_other = probabilities(logits, "softmax")[:, 1]
    assert original > 0.8
    assert without_mark < 0.6
    assert without_other == pytest.approx(original, abs=0.02)


@by_resize
def test_occluding_what_is_not_in_the_input_changes_nothing(resize):
    rgb, _ = marked((640, 360), 0.5, 0.5)
    at_the_top = (0.0, 0.0, 1.0, 0.2)
    is_occluded = (occlude(rgb, at_the_top, INPUT_PX, resize) == FILL_RGB).all(axis=-1)
    expected = {"stretch": 0.2, "crop": 0.0, "pad": 0.2 * 360 / 960}
    assert is_occluded.mean() == pytest.approx(expected[resize], abs=0.01)


@by_resize
@by_size
def test_the_fifths_of_the_faithfulness_test_are_those_of_the_frame_and_spare_the_padding(explainers, resize, size):
    explainer, white = explainers[resize], np.full((*size, 3), 255, np.uint8)
    explanation = replace(explainer.explain(marked(size, 0.5, 0.5)[0], MARKED), evidence=1.0)
    in_input = occlude(white, np.zeros((1, 1), bool), INPUT_PX, resize).max(axis=2) > 100
    faithfulness, rng = Faithfulness(), np.random.default_rng(0)
    for _ in range(10):
        faithfulness.start(Frame(white.copy(), 0), explanation, explainer.classifier, rng)
        images = []
        while (rgb := faithfulness.next_image()) is not None:
            images.append((rgb == FILL_RGB).all(axis=-1))
            faithfulness.add(explanation.logits)
        assert len(images) == 3
        for is_occluded in images:
            assert not is_occluded[~in_input].any()
            assert is_occluded.sum() == pytest.approx(0.2 * in_input.sum(), rel=0.1)
        assert images[0][INPUT_PX[0] // 2, INPUT_PX[1] // 2], "the top fifth is around the mark"


@by_resize
@by_size
def test_the_map_of_an_explanation_covers_what_the_input_shows(explainers, resize, size):
    found = explainers[resize].explain(plain(size))
    assert found.map_box == map_box(size, INPUT_PX, resize)
    assert explainers[resize].explain(plain(INPUT_PX)).map_box == (0.0, 0.0, 1.0, 1.0)


@by_resize
def test_frames_of_the_input_size_have_the_same_result(explainers, resize):
    rgb, _ = marked(INPUT_PX, 0.3, 0.6)
    found, expected = (explainers[each].explain(rgb, MARKED) for each in (resize, "stretch"))
    np.testing.assert_array_equal(found.logits, expected.logits)
    np.testing.assert_array_equal(found.map, expected.map)


@by_resize
def test_frames_of_several_sizes_are_explained_in_one_call(explainers, resize):
    frames = [Frame(marked(size, 0.5, 0.5)[0], 0) for size in SIZES]
    together = explainers[resize].explain_all(frames, [MARKED])
    for frame, (found,) in zip(frames, together, strict=True):
        alone = explainers[resize].explain(frame.rgb.copy(), MARKED)
        assert found.map_box == alone.map_box
        np.testing.assert_allclose(found.logits, alone.logits, rtol=1e-5, atol=1e-5)


def test_another_word_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="resize is one of stretch, crop, pad, not 'fit'"):
        live_cam.Explainer(tmp_path / "none.onnx", resize="fit")  # type: ignore[arg-type]
