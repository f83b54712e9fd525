import io

import numpy as np
import pytest
from PIL import Image

from live_cam.sinks.jpeg import encode_jpeg


def _decode(jpeg):
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        return np.asarray(image)


@pytest.mark.parametrize("color", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 231, 37)])
def test_red_stays_red_and_blue_stays_blue(color):
    picture = _decode(encode_jpeg(np.full((48, 64, 3), color, np.uint8)))
    assert picture.shape == (48, 64, 3)
    assert np.allclose(picture, color, atol=6)


def test_a_photograph_looks_as_before_in_a_fraction_of_its_bytes(gradio_media):
    with Image.open(gradio_media / "images" / "lion.jpg") as image:
        photograph = np.array(image.convert("RGB").resize((640, 480)))
    jpeg = encode_jpeg(photograph)
    assert np.abs(_decode(jpeg).astype(np.int16) - photograph).mean() < 6
    assert len(jpeg) < photograph.nbytes / 6


def test_a_frame_that_nobody_may_change_can_be_encoded(make_frame):
    frame = make_frame()
    assert _decode(encode_jpeg(frame.rgb)).shape == frame.rgb.shape
