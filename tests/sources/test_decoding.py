import os
import signal
import struct
import subprocess
import sys
import threading
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.sources import decoding
from live_cam.sources.decoding import DecodedVideo

_LIMIT_S = 20.0
_MOST_MEMORY_KIB = 4 << 20
_RED, _GREEN, _BLUE, _GREY = (220, 30, 30), (30, 200, 30), (30, 30, 220), (128, 128, 128)


@pytest.fixture
def write_video(tmp_path):
    """Writes pictures: `write_video(name, pictures, codec, pix_fmt, times=None, tags=None, **options)`.

    The pictures are RGB or frames that are ready; `times` are in 1/90000 s, `tags` are attributes of the encoder.
    """

    def write(name, pictures, codec="libx264", pix_fmt="yuv420p", times=None, tags=None, **options):
        path = tmp_path / name
        with av.open(str(path), "w", options=options) as container:
            stream = container.add_stream(codec, rate=25, options={"preset": "ultrafast"} if "264" in codec else {})
            first = pictures[0]
            is_array = isinstance(first, np.ndarray)
            stream.height, stream.width = first.shape[:2] if is_array else (first.height, first.width)
            stream.pix_fmt = pix_fmt
            stream.codec_context.time_base = Fraction(1, 90000)
            for tag, value in (tags or {}).items():
                setattr(stream.codec_context, tag, value)
            for number, picture in enumerate(pictures):
                frame = picture
                if is_array:
                    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
                frame.time_base = stream.codec_context.time_base
                frame.pts = number * 3600 if times is None else times[number]
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write


@pytest.fixture(scope="session")
def clips(real_videos, tmp_path_factory):
    """The first 75 packets of a camera's video: with the index in front, with it behind, and as Matroska."""
    folder = tmp_path_factory.mktemp("clips")
    wrappings = {"front.mp4": {"movflags": "faststart"}, "behind.mp4": {}, "film.mkv": {}}
    for name, options in wrappings.items():
        with av.open(real_videos / "bikes.mp4") as source, av.open(folder / name, "w", options=options) as output:
            copied = output.add_stream_from_template(source.streams.video[0])
            for number, packet in enumerate(source.demux(video=0)):
                if number < 75 and packet.size:
                    packet.stream = copied
                    output.mux(packet)
    return folder


def _read_all(path):
    """Gives the pictures of a file and what is said to be wrong with it, within the time limit."""
    begun_s = time.monotonic()
    with DecodedVideo(path) as video:
        pictures = list(iter(video.read, None))
    assert time.monotonic() - begun_s < _LIMIT_S
    return pictures, video.problem


def _refusal(path):
    begun_s = time.monotonic()
    with pytest.raises(SourceError) as refusal:
        _read_all(path)
    assert time.monotonic() - begun_s < _LIMIT_S
    assert str(path) in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
    return str(refusal.value)


def _demuxed_times(path):
    with av.open(path) as container:
        return sorted(packet.pts for packet in container.demux(video=0) if packet.size)


def _plain(colour, height=48, width=64):
    return np.full((height, width, 3), colour, np.uint8)


def _quarters(height=48, width=64):
    """Red, green, blue and grey, clockwise from the top left."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2], picture[: height // 2, width // 2 :] = _RED, _GREEN
    picture[height // 2 :, width // 2 :], picture[height // 2 :, : width // 2] = _BLUE, _GREY
    return picture


def _assert_similar(rgb, expected):
    assert rgb.shape == expected.shape
    far_off = (np.abs(rgb.astype(np.int16) - expected) > 40).any(axis=2)
    assert far_off.mean() < 0.15


# What is right comes out right.


@pytest.mark.parametrize("name", ["bikes.mp4", "bigbuckbunny.mp4"])
def test_a_real_video_gives_each_of_its_pictures_at_the_file_s_own_time(real_videos, name):
    path = real_videos / name
    with DecodedVideo(path) as video:
        info = video.info
        pictures = list(iter(video.read, None))
    assert video.problem == ""
    times = _demuxed_times(path)
    assert [picture.pts for picture in pictures] == times
    assert info.frames_n == len(times)
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert (info.time_base, info.rate_fps) == (stream.time_base, float(stream.average_rate))
        assert info.duration_s == pytest.approx(float(stream.duration * stream.time_base))
    assert {picture.rgb.shape for picture in pictures} == {(info.height_px, info.width_px, 3)}


def test_pictures_are_those_that_are_decoded_here(clips):
    path = clips / "front.mp4"
    pictures, _ = _read_all(path)
    with av.open(path) as container:
        for picture, expected in zip(pictures, container.decode(video=0), strict=True):
            assert np.abs(picture.rgb.astype(np.int16) - expected.to_ndarray(format="rgb24")).mean() < 2


def test_the_rate_may_vary(write_video):
    times = [0, 900, 40000, 40001, 90000]
    pictures, problem = _read_all(write_video("varying.mp4", [_plain(40 * n) for n in range(5)], times=times))
    with av.open(str(write_video("same.mp4", [_plain(40 * n) for n in range(5)], times=times))) as container:
        ticks = container.streams.video[0].time_base / Fraction(1, 90000)
    assert [picture.pts * ticks for picture in pictures] == times
    assert problem == ""


def test_a_raw_stream_without_times_gets_times_by_its_rate(write_video):
    path = write_video("raw.h264", [_plain(20 * n) for n in range(10)])
    with DecodedVideo(path) as video:
        pictures = list(iter(video.read, None))
    assert len(pictures) == 10
    steps = np.diff([picture.pts for picture in pictures]) * float(video.info.time_base)
    np.testing.assert_allclose(steps, 1 / video.info.rate_fps, rtol=0.05)
    assert video.problem == ""


@pytest.mark.parametrize("has_tag", [True, False])
def test_matroska_that_begins_late_is_whole(write_video, has_tag):
    path = write_video("late.mkv", [_plain(5 * n) for n in range(50)], times=[450_000 + 3600 * n for n in range(50)])
    if not has_tag:
        path.write_bytes(path.read_bytes().replace(b"DURATION", b"NOTHING_"))
    with DecodedVideo(path) as video:
        pictures = list(iter(video.read, None))
    assert len(pictures) == 50
    assert video.problem == ""
    assert video.info.duration_s == pytest.approx(2.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "of 2.0 s" in _read_all(path)[1]


@pytest.mark.parametrize(("width", "height", "codec"), [(321, 241, "ffv1"), (1, 1, "ffv1"), (7680, 4320, "libx264")])
def test_a_picture_of_any_size_comes_whole(write_video, width, height, codec):
    stored = _quarters(height, width)
    pix_fmt = "yuv420p" if codec == "libx264" else "bgr0"
    pictures, problem = _read_all(write_video("sized.mkv", [stored] * 2, codec=codec, pix_fmt=pix_fmt))
    assert len(pictures) == 2
    assert problem == ""
    _assert_similar(pictures[1].rgb[::8, ::8], stored[::8, ::8])


def test_ten_bits_are_made_eight(write_video):
    path = write_video("deep.mkv", [_quarters()] * 3, codec="ffv1", pix_fmt="yuv420p10le")
    pictures, _ = _read_all(path)
    assert len(pictures) == 3
    _assert_similar(pictures[0].rgb, _quarters())


_TURNS = {
    "as stored": ((1, 0, 0, 1), lambda stored: stored),
    "clockwise": ((0, 1, -1, 0), lambda stored: np.rot90(stored, -1)),
    "upside down": ((-1, 0, 0, -1), lambda stored: np.rot90(stored, 2)),
    "counterclockwise": ((0, -1, 1, 0), lambda stored: np.rot90(stored)),
    "left and right swapped": ((-1, 0, 0, 1), np.fliplr),
    "top and bottom swapped": ((1, 0, 0, -1), np.flipud),
    "rows made columns": ((0, 1, 1, 0), lambda stored: stored.transpose(1, 0, 2)),
    "rows made columns from the other corner": (
        (0, -1, -1, 0),
        lambda stored: np.rot90(stored, 2).transpose(1, 0, 2),
    ),
}


def _write_matrix(path, matrix):
    """Writes a, b, c, d of the display matrix into the header of an MP4."""
    video = bytearray(path.read_bytes())
    at = video.index(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in matrix)
    video[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(video)


@pytest.mark.parametrize("turn", _TURNS)
def test_a_video_is_turned_and_mirrored_as_its_header_says(write_video, turn):
    matrix, turned = _TURNS[turn]
    stored = _quarters()
    path = write_video("turned.mp4", [stored] * 2)
    _write_matrix(path, matrix)
    with DecodedVideo(path) as decoded:
        picture = decoded.read()
        size_px = (decoded.info.height_px, decoded.info.width_px)
    _assert_similar(picture.rgb, turned(stored))
    assert picture.rgb.shape[:2] == size_px


@pytest.mark.parametrize(
    ("ratio", "is_turned", "expected"),
    [
        (Fraction(64, 45), False, Fraction(64, 45)),
        (Fraction(64, 45), True, Fraction(45, 64)),
        (Fraction(1), True, Fraction(1)),
        (None, False, Fraction(1)),
    ],
)
def test_pixels_that_are_not_square_are_told_as_they_are_upright(write_video, ratio, is_turned, expected):
    # Square, so that no size tells that it is turned.
    tags = {} if ratio is None else {"sample_aspect_ratio": ratio}
    path = write_video("wide.mp4", [_plain(_RED, height=64)] * 2, tags=tags)
    if is_turned:
        _write_matrix(path, _TURNS["clockwise"][0])
    with DecodedVideo(path) as video:
        assert video.info.sample_aspect_ratio == expected


_COLOUR = (200, 60, 30)
_LUMA = {"601": (0.299, 0.114, 6), "709": (0.2126, 0.0722, 1), "2020": (0.2627, 0.0593, 9)}


@pytest.mark.parametrize(
    ("matrix", "is_full", "height", "is_tagged"),
    [
        ("601", False, 64, True),
        ("709", False, 64, True),
        ("2020", False, 64, True),
        ("709", True, 64, True),
        ("601", True, 720, True),
        ("601", False, 720, True),
        ("601", False, 64, False),
        ("709", False, 720, False),
    ],
)
def test_colours_are_those_that_were_meant(write_video, matrix, is_full, height, is_tagged):
    red_weight, blue_weight, number = _LUMA[matrix]
    red, green, blue = (value / 255 for value in _COLOUR)
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    chroma = (blue - luma) / 2 / (1 - blue_weight), (red - luma) / 2 / (1 - red_weight)
    luma_span, chroma_span, black = (255, 255, 0) if is_full else (219, 224, 16)
    values = [black + luma_span * luma, *(128 + chroma_span * value for value in chroma)]
    frame = av.VideoFrame(64, height, "yuv420p")
    for plane, value in zip(frame.planes, values, strict=True):
        plane.update(bytes([round(value)]) * plane.buffer_size)
    tags = {"colorspace": number, "color_range": 2 if is_full else 1} if is_tagged else {}
    for tag, value in tags.items():
        setattr(frame, tag, value)
    pictures, _ = _read_all(write_video("colour.mkv", [frame], tags=tags))
    np.testing.assert_allclose(pictures[0].rgb[8, 8], _COLOUR, atol=4)


# What is wrong is told, in bounded time and memory.


@pytest.mark.parametrize("name", ["front.mp4", "behind.mp4", "film.mkv"])
@pytest.mark.parametrize("eighths", range(8))
def test_a_video_cut_short_gives_what_is_left_of_it_or_an_error(clips, tmp_path, name, eighths):
    whole = (clips / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[: len(whole) * eighths // 8])
    if eighths == 0 or name == "behind.mp4":
        _refusal(path)
        return
    pictures, problem = _read_all(path)
    times = [picture.pts for picture in pictures]
    # As many as ffprobe counts. Pictures refer to later ones, so that near the cut some may be missing in between.
    assert len(times) == (9, 25, 31, 39, 47, 58, 66)[eighths - 1]
    assert times[:-4] == _demuxed_times(clips / name)[: len(times) - 4]
    assert np.diff(times).min() > 0
    assert "cut short" in problem or eighths == 7
    assert len(problem.splitlines()) <= 1


def test_a_damaged_packet_is_passed_over_and_what_follows_is_decoded(write_video):
    pictures = [np.random.default_rng(n).integers(0, 256, (48, 64, 3), np.uint8) for n in range(20)]
    path = write_video("spots.mkv", pictures, codec="mjpeg", pix_fmt="yuvj420p")
    with av.open(path) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    video = path.read_bytes()
    for number in (5, 11):
        video = video.replace(packets[number], bytes(len(packets[number])))
    path.write_bytes(video)
    pictures, problem = _read_all(path)
    assert len(pictures) == 18
    assert problem == "2 packets could not be decoded"


def test_the_wrong_suffix_does_not_matter(clips, gradio_media, tmp_path):
    film, photograph = tmp_path / "film.avi", tmp_path / "photograph.mp4"
    film.write_bytes((clips / "front.mp4").read_bytes())
    photograph.write_bytes((gradio_media / "images" / "lion.jpg").read_bytes())
    assert len(_read_all(film)[0]) == 75
    pictures, problem = _read_all(photograph)
    assert len(pictures) == 1
    assert problem == ""


@pytest.mark.parametrize("content", [b"", b"not a video\n" * 1000, bytes(range(256)) * 400])
def test_a_file_that_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    assert "not a video that can be read" in _refusal(path)


def test_a_video_without_frames_has_none_and_says_so(tmp_path):
    path = tmp_path / "none.mp4"
    with av.open(path, "w", options={"movflags": "empty_moov"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = 64, 48
        container.start_encoding()
    pictures, problem = _read_all(path)
    assert pictures == []
    assert problem == "it holds no picture that can be decoded; it may be cut short"
    with DecodedVideo(path, loop=True) as video, pytest.raises(SourceError, match="no frame that can be decoded"):
        video.read()


def test_sound_alone_is_told_to_have_no_pictures(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 16000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    assert "no video stream" in _refusal(path)


def _avi(width, height):
    """Makes an uncompressed AVI of one picture of no content, which declares any size."""
    header = struct.pack("<14I", 40000, 0, 0, 0, 1, 0, 1, 0, width, height, 0, 0, 0, 0)
    stream = struct.pack("<4s4sIHHIIIIIIIIhhhh", b"vids", b"DIB ", 0, 0, 0, 0, 1, 25, 0, 1, 0, 0, 0, 0, 0, 0, 0)
    bitmap = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)

    def chunk(name, content):
        return name + struct.pack("<I", len(content)) + content

    streams = chunk(b"LIST", b"strl" + chunk(b"strh", stream) + chunk(b"strf", bitmap))
    movie = chunk(b"LIST", b"movi" + chunk(b"00db", bytes(4096)))
    return chunk(b"RIFF", b"AVI " + chunk(b"LIST", b"hdrl" + chunk(b"avih", header) + streams) + movie)


@pytest.mark.parametrize(("width", "height"), [(60000, 60000), (16384, 16384)])
def test_a_picture_too_large_is_refused_before_there_is_room_made_for_it(tmp_path, width, height):
    path = tmp_path / "huge.avi"
    path.write_bytes(_avi(width, height))
    assert "too large" in _refusal(path)
    path.write_bytes(f"YUV4MPEG2 W{width} H{height} F25:1 C420jpeg\nFRAME\n".encode() + bytes(4096))
    assert "not a video that can be read" in _refusal(path)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    assert "does not exist" in _refusal(tmp_path / "film.mp4")
    assert "is not a file" in _refusal(tmp_path)


# The process behind it.


def _descriptors():
    return set(os.listdir("/proc/self/fd"))


def _children():
    return [int(line) for line in Path("/proc/thread-self/children").read_text().split()]


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at in /proc")


@on_linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_decoder_that_crashes_is_an_error_that_names_the_signal(real_videos, number):
    before = _descriptors(), _children()
    with DecodedVideo(real_videos / "bikes.mp4") as video:
        video.read()
        os.kill(video._child.pid, number)
        with pytest.raises(SourceError, match=number.name):
            list(iter(video.read, None))
        assert (_descriptors(), _children()) == before
        assert video.read() is None


@on_linux
def test_closing_midway_leaves_no_process_and_no_descriptor(real_videos):
    before = _descriptors(), _children()
    video = DecodedVideo(real_videos / "bikes.mp4", loop=True)
    video.read()
    video.close()
    video.close()
    assert (_descriptors(), _children()) == before
    assert video.read() is None


@on_linux
def test_a_refused_file_leaves_no_process_and_no_descriptor(tmp_path):
    before = _descriptors(), _children()
    path = tmp_path / "film.mp4"
    path.write_bytes(b"not a video")
    _refusal(path)
    assert (_descriptors(), _children()) == before


@on_linux
def test_closing_wakes_a_thread_that_waits_for_a_picture(real_videos):
    video = DecodedVideo(real_videos / "bikes.mp4", loop=True)
    os.kill(video._child.pid, signal.SIGSTOP)
    failures = []

    def read():
        try:
            while video.read() is not None:
                pass
        except SourceError as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.3)
    video.close()
    reader.join(5.0)
    assert not reader.is_alive()


@on_linux
def test_a_decoder_that_hangs_is_ended(real_videos, monkeypatch):
    with DecodedVideo(real_videos / "bikes.mp4", loop=True) as video:
        monkeypatch.setattr(decoding, "_SILENCE_LIMIT_S", 0.5)  # now: on a busy machine the start may take longer
        os.kill(video._child.pid, signal.SIGSTOP)
        with pytest.raises(SourceError, match="gave no picture for"):
            list(iter(video.read, None))
        assert video._child.returncode is not None


@on_linux
def test_the_decoder_s_memory_is_limited_and_small(clips):
    with DecodedVideo(clips / "front.mp4") as video:
        video.read()
        proc = Path(f"/proc/{video._child.pid}")
        limit = next(line for line in (proc / "limits").read_text().splitlines() if "address space" in line)
        peak = next(line for line in (proc / "status").read_text().splitlines() if line.startswith("VmHWM"))
    assert int(limit.split()[3]) == _MOST_MEMORY_KIB * 1024
    assert int(peak.split()[1]) < 300_000


@on_linux
def test_the_decoder_ends_when_its_parent_is_killed(real_videos, eventually):
    program = (
        "import sys, time; from pathlib import Path; from live_cam.sources.decoding import DecodedVideo;"
        "video = DecodedVideo(Path(sys.argv[1]), loop=True); print(video._child.pid, flush=True); time.sleep(60)"
    )
    arguments = [sys.executable, "-c", program, str(real_videos / "bikes.mp4")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        decoder = Path("/proc") / parent.stdout.readline().strip()
        assert decoder.exists()
        parent.kill()

    def is_gone():
        try:
            return ") Z " in (decoder / "stat").read_text()
        except OSError:
            return True

    eventually(is_gone)


def test_a_looped_video_goes_on_in_time(write_video):
    path = write_video("three.mp4", [_plain(level) for level in (40, 120, 200)])
    with DecodedVideo(path, loop=True) as video:
        pictures = [video.read() for _ in range(9)]
    steps = {(after.pts - before.pts) * video.info.time_base for before, after in pairwise(pictures)}
    assert steps == {Fraction(1, 25)}
    levels = [round(picture.rgb.mean(), -1) for picture in pictures]
    assert levels == [40, 120, 200] * 3
