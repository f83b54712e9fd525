import io
import sys

import numpy as np
import pytest
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources.upload import UploadSource
from live_cam.sources.video_file import FileSource
from tests.clocks import FakeClock
from tests.processes import num_files_in_memory
from tests.sources.helpers import assert_one_line, intervals_s, playlist, read_frame, read_frames
from tests.videos import grey, write_video

_LEVELS = (40, 120, 200)


def encoded(levels, format_name, **options):
    images = [Image.fromarray(grey(level)) for level in levels]
    file = io.BytesIO()
    more = {"save_all": True, "append_images": images[1:], "duration": 50, "loop": 0} if len(levels) > 1 else {}
    images[0].save(file, format_name, **more, **options)
    return file.getvalue()


def levels(frames):
    """Returns the nearest of `_LEVELS` for each frame."""
    return [min(_LEVELS, key=lambda level: abs(level - frame.rgb.mean())) for frame in frames]


def uploaded(data, name="a file"):
    return UploadSource(data, name, FakeClock())


def test_a_picture_that_stays_is_delivered_again_and_again():
    frames = read_frames(uploaded(encoded([120], "PNG")), 5)
    assert levels(frames) == [120] * 5
    assert intervals_s(frames) == pytest.approx([0.1] * 4)


def test_a_picture_that_moves_is_repeated_at_its_own_pace():
    frames = read_frames(uploaded(encoded(_LEVELS, "GIF")), 7)
    assert levels(frames) == [*_LEVELS, *_LEVELS, _LEVELS[0]]
    assert intervals_s(frames) == pytest.approx([0.05] * 6)


def test_a_large_picture_is_scaled_down_and_upright():
    photograph = Image.fromarray(np.full((2400, 3600, 3), 90, np.uint8))
    exif = photograph.getexif()
    exif[0x0112] = 6  # orientation: turned by 90 degrees
    file = io.BytesIO()
    photograph.save(file, "JPEG", exif=exif)
    assert read_frame(uploaded(file.getvalue())).rgb.shape == (1080, 720, 3)


def test_a_video_is_repeated(tmp_path):
    video = write_video(tmp_path / "three.mp4", [grey(level) for level in _LEVELS])
    assert levels(read_frames(uploaded(video.read_bytes()), 6)) == [*_LEVELS, *_LEVELS]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"Dear all,", "not a readable"),
        (b"%PDF-1.7", "PDF"),
        (encoded([90], "PNG")[:50], "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "not a readable image"),
    ],
)
def test_what_is_neither_picture_nor_video_is_refused_by_its_name_alone(data, reason):
    with pytest.raises(SourceError) as caught:
        uploaded(data, "C:\\holiday\\x.png").open()
    assert_one_line(caught.value, "x.png ", reason)
    assert "/proc" not in str(caught.value)
    assert "holiday" not in str(caught.value)


@pytest.mark.parametrize("kind", ["HLS", "concat"])
def test_a_playlist_opens_no_file_of_this_machine(tmp_path, kind):
    write_video(tmp_path / "private.mp4", [grey(90)] * 5)
    lines = {
        "HLS": playlist("#EXT-X-TARGETDURATION:1", "#EXTINF:1,", "private.mp4"),
        "concat": b"ffconcat version 1.0\nfile private.mp4\n",
    }
    path = tmp_path / "list.m3u8"
    path.write_bytes(lines[kind].replace(b"private.mp4", str(tmp_path / "private.mp4").encode()))
    if kind == "HLS":
        assert read_frame(FileSource(path, FakeClock())).rgb.mean() == pytest.approx(90, abs=2), "a person's own opens"
    with pytest.raises(SourceError, match="not a readable video"):
        uploaded(path.read_bytes()).open()


def test_names_are_bounded_and_printable():
    assert uploaded(b"", "../../etc/passwd").name == "passwd"
    assert uploaded(b"", "").name == "Pasted picture"
    assert uploaded(b"", "a\x1b[2J\nb.png").name == "a\\x1b[2J b.png"
    assert len(uploaded(b"", "x" * 1000).name) == 100


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has files in memory")
def test_the_bytes_are_gone_when_neither_source_nor_stream_is_used():
    before_n = num_files_in_memory()
    stream = uploaded(encoded(_LEVELS, "GIF")).open()
    assert num_files_in_memory() == before_n + 1, "the decoder opens it again for each round"
    assert levels([stream.read() for _ in range(4)])[3] == _LEVELS[0]
    stream.close()
    del stream
    assert num_files_in_memory() == before_n
