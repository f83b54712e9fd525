import json

import numpy as np
import pytest
from PIL import Image

from live_cam.errors import OutputError, SourceError
from live_cam.pipeline.offline.image import explain_image
from live_cam.types import Target


@pytest.fixture
def photograph(gradio_media):
    return gradio_media / "images" / "lion.jpg"


@pytest.fixture
def result(fake_explainer, photograph):
    return explain_image(fake_explainer(), photograph, Target(291, contrast=293))


def test_the_json_is_one_line_with_the_documented_keys(result, photograph):
    assert "\n" not in result.as_json()
    content = json.loads(result.as_json())
    assert content.keys() == {
        *("image", "model", "top", "target", "contrast", "counterfactual", "evidence", "has_evidence"),
        *("layer", "method", "score", "runtime", "precision", "map"),
    }
    assert content["image"] == str(photograph)
    assert [score.keys() for score in content["top"]] == [{"index", "label", "probability"}] * 3
    assert content["top"][0] == {"index": 291, "label": "lion", "probability": 0.9}
    assert (content["target"]["label"], content["contrast"]["label"]) == ("lion", "cheetah")
    assert content["map"] == {"shape": [7, 7], "max": 2.0}


def test_the_text_names_image_target_and_labels(result, photograph):
    first, *classes = result.as_lines()
    assert first == f"{photograph}: explained is lion, not cheetah"
    assert "   90.0%  lion" in classes


def test_the_overlay_is_saved_in_the_size_of_the_image_and_differs_at_the_peak(result, tmp_path):
    result.save(tmp_path / "lion.png", None)
    with Image.open(tmp_path / "lion.png") as image:
        assert image.format == "PNG"
        saved = np.asarray(image)
    assert saved.shape == result.frame.rgb.shape
    change = np.abs(saved.astype(int) - result.frame.rgb).sum(axis=2)
    height, width = change.shape
    y, x = np.unravel_index(change.argmax(), change.shape)
    assert y < height // 2
    assert x < width // 2


def test_the_map_is_saved_unchanged_with_the_logits(result, tmp_path):
    result.save(None, tmp_path / "lion.npz")
    with np.load(tmp_path / "lion.npz") as saved:
        assert saved["map"].dtype == np.float32
        assert np.array_equal(saved["map"], result.explanation.saliency_map)
        assert np.array_equal(saved["logits"], result.explanation.logits)


def test_saving_overwrites_nothing(result, tmp_path):
    (tmp_path / "lion.png").write_bytes(b"precious")
    with pytest.raises(OutputError):
        result.save(tmp_path / "lion.png", None)
    assert (tmp_path / "lion.png").read_bytes() == b"precious"


def test_a_file_that_is_no_image_raises_an_error_with_its_name(fake_explainer, tmp_path):
    (tmp_path / "notes.jpg").write_text("milk, eggs")
    with pytest.raises(SourceError, match=r"notes\.jpg"):
        explain_image(fake_explainer(), tmp_path / "notes.jpg", Target())
