import dataclasses
import json

import numpy as np
import pytest

from live_cam import Frame, Target


def test_the_pixels_of_a_frame_are_read_only():
    frame = Frame(np.zeros((4, 5, 3), np.uint8), pts_ns=0, seq=0, source_id="a test")
    with pytest.raises(ValueError, match="read-only"):
        frame.rgb[0, 0] = 255


def test_the_fields_of_a_frame_are_read_only():
    frame = Frame(np.zeros((4, 5, 3), np.uint8), pts_ns=7, seq=0, source_id="a test")
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.pts_ns = 8  # type: ignore[misc]


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 5, 3), np.float32),
        np.zeros((4, 5, 3), np.uint16),
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((1, 4, 5, 3), np.uint8),
    ],
    ids=["float", "16 bit", "grey", "RGBA", "batch"],
)
def test_other_pixels_than_rgb_bytes_are_refused_with_their_shape(pixels):
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\)") as refusal:
        Frame(pixels, pts_ns=0, seq=0, source_id="a test")
    assert str(pixels.shape) in str(refusal.value)
    assert str(pixels.dtype) in str(refusal.value)


def test_an_explanation_is_described_in_json(make_explanation):
    described = make_explanation(Target(285, 282)).describe()
    assert json.loads(json.dumps(described)) == described
    assert described["target"] == {"index": 285, "label": "Egyptian cat"}
    assert described["contrast"] == {"index": 282, "label": "tiger cat"}
    assert described["top"][0] == {"index": 285, "label": "Egyptian cat", "probability": 0.9}
    assert described["counterfactual"] is False
    assert described["has_evidence"] is True
