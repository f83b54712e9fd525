import threading
from fractions import Fraction

import numpy as np
import pytest

from live_cam.sinks.index import put_index_in_front
from live_cam.sinks.video_writer import VideoWriter


@pytest.fixture(params=[".mp4", ".mkv", ".webm"])
def video(request, tmp_path):
    writer = VideoWriter(tmp_path / f"video{request.param}", (64, 48), Fraction(1, 90_000))
    for number, pts in enumerate((0, 3000, 6500, 300_000)):
        writer.write(np.full((48, 64, 3), 50 * number, np.uint8), pts, 3000)
    writer.close()
    return writer.path


def test_pictures_and_times_stay(video, read_back):
    before = read_back(video)
    put_index_in_front(video, threading.Event())
    after = read_back(video)
    assert after.times_s == before.times_s
    assert all(map(np.array_equal, after.pictures, before.pictures))
    if video.suffix == ".mp4":
        assert after.boxes.index("moov") < after.boxes.index("mdat")
    else:
        cues, cluster = b"\x1c\x53\xbb\x6b", b"\x1f\x43\xb6\x75"
        data = video.read_bytes()
        assert data.index(cluster) > data.rindex(cues) or data.count(cues) > 1
    assert [path.name for path in video.parent.iterdir()] == [video.name]


def test_in_a_hurry_the_file_stays_as_it_is(video):
    before, hurry = video.read_bytes(), threading.Event()
    hurry.set()
    put_index_in_front(video, hurry)
    assert video.read_bytes() == before
    assert [path.name for path in video.parent.iterdir()] == [video.name]


def test_a_file_that_can_not_be_read_stays_as_it_is(tmp_path, caplog):
    path = tmp_path / "video.mp4"
    path.write_bytes(b"no video")
    put_index_in_front(path, threading.Event())
    assert path.read_bytes() == b"no video"
    assert "keeps its index at the end" in caplog.text
