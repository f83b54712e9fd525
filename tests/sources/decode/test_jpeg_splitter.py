import cv2
import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.sources.decode import jpeg_splitter
from live_cam.sources.decode.jpeg_splitter import JpegSplitter


def _jpeg(seed, *options):
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8)
    return cv2.imencode(".jpg", pixels, options)[1].tobytes()


ONE, TWO, PROGRESSIVE = _jpeg(1), _jpeg(2), _jpeg(3, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
WITH_THUMBNAIL = ONE[:2] + b"\xff\xe1" + (len(TWO) + 2).to_bytes(2) + TWO + ONE[2:]


def _split(data, size=1 << 16):
    splitter = JpegSplitter()
    return [jpeg for start in range(0, len(data), size) for jpeg in splitter.feed(data[start : start + size])]


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("jpeg", [ONE, PROGRESSIVE, WITH_THUMBNAIL], ids=["baseline", "progressive", "thumbnail"])
def test_pictures_are_found_whatever_is_between_them(jpeg, size):
    data = b"HTTP\r\n\xff" + jpeg + jpeg + b"\r\n--x\r\nContent-Length: 3\r\n\xff\xff\r\n\r\n" + TWO
    assert _split(data, size) == [jpeg, jpeg, TWO]


def test_a_picture_without_an_end_marker_ends_where_the_next_one_starts():
    first, second = _split(ONE[:-2] + b"\r\n--x\r\n\r\n" + TWO)
    assert first.startswith(ONE[:-2])
    assert second == TWO


def test_a_last_picture_without_an_end_marker_is_returned_on_request():
    splitter = JpegSplitter()
    assert list(splitter.feed(ONE[:-2])) == []
    assert splitter.finish() == ONE[:-2]
    assert JpegSplitter().finish() is None


@pytest.mark.parametrize("damaged", [ONE[:30], ONE[:20] + b"\0" * 40, b"\xff\xd8\xff\xe0\0\x02 text"])
def test_a_damaged_picture_does_not_take_the_next_one_along(damaged):
    assert _split(damaged + ONE + TWO)[-1] == TWO


def test_a_picture_that_does_not_end_is_an_error(monkeypatch):
    monkeypatch.setattr(jpeg_splitter, "MAX_JPEG_BYTES", 1 << 20)
    head = ONE[: ONE.index(b"\xff\xda") + 20]
    with pytest.raises(SourceError, match="of more than 1 MB"):
        _split(head + b"\0" * (2 << 20))
    assert _split(b"\0" * (4 << 20) + ONE) == [ONE], "what is between pictures is not kept"
