import shutil
import threading
from fractions import Fraction

import numpy as np
import pytest

from live_cam.sinks.faststart import faststart
from live_cam.sinks.video_writer import VideoWriter
from tests.videos import grey, mp4_boxes, read_video


@pytest.fixture(scope="module", params=[".mp4", ".mkv", ".webm"])
def written(request, tmp_path_factory):
    """A video with its index at the end."""
    writer = VideoWriter(tmp_path_factory.mktemp("videos") / f"video{request.param}", (64, 48), Fraction(1, 90_000))
    for number, pts in enumerate((0, 3000, 6500, 300_000)):
        writer.write(grey(50 * number), pts, 3000)
    writer.close()
    return writer.path


@pytest.fixture
def video(written, tmp_path):
    """A copy of the video, alone in its directory."""
    return shutil.copy(written, tmp_path / written.name)


def test_frames_and_timestamps_stay_and_the_index_is_in_front(video):
    before = read_video(video)
    faststart(video, threading.Event())
    after = read_video(video)
    assert after.times_s == before.times_s
    assert all(map(np.array_equal, after.frames, before.frames))
    if video.suffix == ".mp4":
        boxes = mp4_boxes(video)
        assert boxes.index("moov") < boxes.index("mdat")
    else:
        cues, cluster = b"\x1c\x53\xbb\x6b", b"\x1f\x43\xb6\x75"
        data = video.read_bytes()
        assert data.index(cluster) > data.rindex(cues) or data.count(cues) > 1
    assert [path.name for path in video.parent.iterdir()] == [video.name]


@pytest.mark.parametrize("stem", ["x" * 246, "caf\udce9"], ids=["long", "no text"])
def test_a_name_may_be_long_and_contain_any_bytes(video, stem, caplog):
    video = video.rename(video.with_name(f"{stem}{video.suffix}"))
    before = video.read_bytes()
    faststart(video, threading.Event())
    assert (video.read_bytes() != before, caplog.text) == (True, "")


def test_a_cancelled_copy_leaves_the_file_as_it_was(video):
    before, cancel = video.read_bytes(), threading.Event()
    cancel.set()
    faststart(video, cancel)
    assert video.read_bytes() == before
    assert [path.name for path in video.parent.iterdir()] == [video.name]


def test_an_unreadable_file_stays_as_it_was(tmp_path, caplog):
    path = tmp_path / "video.mp4"
    path.write_bytes(b"no video")
    faststart(path, threading.Event())
    assert path.read_bytes() == b"no video"
    assert "keeps its index at the end" in caplog.text
