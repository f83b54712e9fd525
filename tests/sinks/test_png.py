import io

import numpy as np
from PIL import Image

from live_cam.sinks.png import encode_png


def test_nothing_of_a_picture_is_lost(gradio_media):
    with Image.open(gradio_media / "images" / "lion.jpg") as image:
        photograph = np.array(image.convert("RGB").resize((321, 241)))
    with Image.open(io.BytesIO(encode_png(photograph))) as image:
        assert image.format == "PNG"
        assert np.array_equal(np.asarray(image), photograph)
