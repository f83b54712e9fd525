"""Results of explained images: JSON, lines, files, what a notebook shows."""

import io
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from live_cam.api.result import explain_image
from live_cam.errors import OutputError, SourceError, UsageError
from live_cam.types import OverlayStyle, Target


@pytest.fixture
def photograph(gradio_media):
    return gradio_media / "images" / "lion.jpg"


@pytest.fixture
def result(fake_explainer, photograph):
    return explain_image(fake_explainer(), photograph, Target(291, contrast=293))


def shown(result):
    with Image.open(io.BytesIO(result._repr_png_())) as image:
        return np.asarray(image)


def test_the_json_is_one_line_with_the_documented_keys(result, photograph):
    assert "\n" not in result.as_json()
    content = json.loads(result.as_json())
    assert content.keys() == {
        *("image", "model", "top", "target", "contrast", "counterfactual", "evidence", "has_evidence"),
        *("layer", "method", "score", "resize", "runtime", "precision", "map", "map_box"),
    }
    assert content["image"] == str(photograph)
    assert [score.keys() for score in content["top"]] == [{"index", "label", "probability"}] * 3
    assert content["top"][0] == {"index": 291, "label": "lion", "probability": 0.9}
    assert (content["target"]["label"], content["contrast"]["label"]) == ("lion", "cheetah")
    assert content["map"] == {"shape": [7, 7], "max": 2.0}
    assert (content["resize"], content["map_box"]) == ("stretch", [0.0, 0.0, 1.0, 1.0])


def test_the_text_names_image_target_and_labels(result, photograph):
    first, *classes = result.as_lines()
    assert first == f"{photograph}: explained is lion, not cheetah"
    assert "   90.0%  lion" in classes


def test_an_image_from_memory_has_no_name(fake_explainer):
    result = explain_image(fake_explainer(), np.zeros((9, 9), np.uint8), Target(291))
    assert json.loads(result.as_json())["image"] is None
    assert result.as_lines()[0] == "image: explained is lion"


def test_its_repr_is_one_short_line(result):
    label = "forged\nline" + "x" * 300
    renamed = replace(result, target_label=label, top=tuple(replace(score, label=label) for score in result.top))
    assert repr(result) == "<Result: 90.0% 'lion', 5.0% 'cheetah', 1.0% 'tiger cat'; 7x7 map of 'lion, not cheetah'>"
    assert "\n" not in repr(renamed)
    assert len(repr(renamed)) < 300


@pytest.mark.parametrize(
    ("target", "subject"),
    [
        (Target(282), "tiger cat"),
        (Target(282, contrast=291), "tiger cat, not lion"),
        (Target(282, counterfactual=True), "what speaks against tiger cat"),
    ],
)
def test_it_says_what_is_explained(fake_explainer, photograph, target, subject):
    assert explain_image(fake_explainer(), photograph, target).subject == subject


def test_it_has_the_overlay_in_the_size_of_the_image(result):
    for style in ("heatmap", "contours", "spotlight"):
        overlay = result.overlay(OverlayStyle(style))
        assert (overlay.dtype, overlay.shape) == (np.uint8, result.frame.rgb.shape)
    change = np.abs(result.overlay().astype(int) - result.frame.rgb).sum(axis=2)
    height, width = change.shape
    y, x = np.unravel_index(change.argmax(), change.shape)
    assert y < height // 2
    assert x < width // 2


@pytest.mark.parametrize("evidence", [0.0, 1.0])
def test_the_overlay_is_the_caller_s_own(fake_explainer, photograph, evidence):
    result = explain_image(fake_explainer(evidence=evidence), photograph, Target(291))
    before = result.overlay()
    result.overlay()[...] = 0
    assert np.array_equal(result.overlay(), before)
    assert result.frame.rgb.any()


def test_the_overlay_is_saved(result, tmp_path):
    result.save(str(tmp_path / "lion.png"))
    with Image.open(tmp_path / "lion.png") as image:
        assert image.format == "PNG"
        assert np.array_equal(np.asarray(image), result.overlay())


def test_the_map_is_saved_unchanged_with_the_logits(result, tmp_path):
    result.save(tmp_path / "lion.npz")
    with np.load(tmp_path / "lion.npz") as saved:
        assert saved["map"].dtype == np.float32
        assert np.array_equal(saved["map"], result.map)
        assert saved["map_box"].tolist() == [0.0, 0.0, 1.0, 1.0]
        assert np.array_equal(saved["logits"], result.logits)


@pytest.mark.parametrize("name", ["lion.png", "lion.npz"])
def test_saving_overwrites_nothing(result, tmp_path, name):
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(OutputError, match=f"{name} already exists"):
        result.save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["lion.jpg", "lion", ".png", "missing/lion.png"])
def test_what_can_not_be_saved_leaves_nothing(result, tmp_path, name):
    with pytest.raises((UsageError, OutputError)):
        result.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_pickled(result):
    again = pickle.loads(pickle.dumps(result))
    assert (again.as_json(), repr(again)) == (result.as_json(), repr(result))
    assert np.array_equal(again.map, result.map)
    assert np.array_equal(again.overlay(), result.overlay())


def test_a_notebook_shows_the_overlay_above_the_top_three(result):
    picture = shown(result)
    assert picture.shape[1] <= 640
    dark_rows = (picture[-3 * 24 :] < 100).all(axis=2).any(axis=1)
    assert all(dark_rows[row : row + 24].any() for row in (0, 24, 48)), "each row has text"
    widths = [(picture[y, :, 0] == 214).sum() for y in (-72, -48, -24)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == pytest.approx(0.9 * picture.shape[1], abs=2)


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (1, 5000), (5000, 1), (480, 640), (2000, 3000)])
def test_images_of_any_size_are_shown(fake_explainer, shape):
    picture = shown(explain_image(fake_explainer(), np.zeros(shape, np.uint8), Target(291)))
    assert 360 <= picture.shape[1] <= 640
    assert picture.shape[0] <= 480 + 4 * 24


@pytest.mark.parametrize("label", ["獅子", "🦁", "x" * 500, "", "two\nlines"])
def test_any_label_is_shown_within_the_picture(result, label):
    numbered = replace(result, top=tuple(replace(score, label=f"class {score.index}") for score in result.top))
    renamed = replace(result, top=tuple(replace(score, label=label) for score in result.top))
    assert shown(renamed).shape == shown(result).shape
    assert np.array_equal(shown(renamed), shown(numbered)) == (label in ("獅子", "🦁"))


def test_the_top_class_can_not_be_its_own_contrast(fake_explainer, photograph):
    with pytest.raises(UsageError, match=r"lion\.jpg: 'lion' is the top class as well as the contrast class"):
        explain_image(fake_explainer(), photograph, Target(contrast=291))


def test_a_file_that_is_no_image_raises_an_error_with_its_name(fake_explainer, tmp_path):
    (tmp_path / "notes.jpg").write_text("milk, eggs")
    with pytest.raises(SourceError, match=r"notes\.jpg"):
        explain_image(fake_explainer(), tmp_path / "notes.jpg", Target())
