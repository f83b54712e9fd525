import io

import numpy as np
import pytest
from PIL import Image

from live_cam.render.encode import encode_jpeg, encode_png


def _decode(data, image_format="JPEG"):
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == image_format
        return np.asarray(image)


def _photograph(gradio_media, size_px):
    with Image.open(gradio_media / "images" / "lion.jpg") as image:
        return np.array(image.convert("RGB").resize(size_px))


@pytest.mark.parametrize("color", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 231, 37)])
def test_red_stays_red_and_blue_stays_blue(color):
    decoded = _decode(encode_jpeg(np.full((48, 64, 3), color, np.uint8)))
    assert decoded.shape == (48, 64, 3)
    assert np.allclose(decoded, color, atol=6)


def test_a_jpeg_looks_like_the_photograph_in_a_fraction_of_its_bytes(gradio_media):
    photograph = _photograph(gradio_media, (640, 480))
    jpeg = encode_jpeg(photograph)
    assert np.abs(_decode(jpeg).astype(np.int16) - photograph).mean() < 6
    assert len(jpeg) < photograph.nbytes / 6


def test_a_png_is_lossless(gradio_media):
    photograph = _photograph(gradio_media, (321, 241))
    assert np.array_equal(_decode(encode_png(photograph), "PNG"), photograph)


def test_a_read_only_frame_can_be_encoded(make_frame):
    frame = make_frame()
    assert _decode(encode_jpeg(frame.rgb)).shape == frame.rgb.shape
