"""The reader within this process. None of the files here crashes FFmpeg; `test_isolated.py` covers its process."""

import struct
import threading
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition

from live_cam.errors import SourceError
from live_cam.sources.decode.reader import VideoReader
from tests.videos import Pixels, grey, write_audio, write_joined, write_video

_RED, _GREEN, _BLUE, _GREY = (220, 30, 30), (30, 200, 30), (30, 30, 220), (128, 128, 128)


def _read_all(path):
    """Returns the frames of a file, as RGB, time and duration, and its reader, which is closed."""
    reader = VideoReader(str(path))
    frames = list(reader.frames())
    reader.close()
    return frames, reader


def _demuxed_times(path):
    with av.open(path) as container:
        return sorted(packet.pts for packet in container.demux(video=0) if packet.size)


def _error(path):
    with pytest.raises(SourceError) as failure:
        VideoReader(str(path))
    assert len(str(failure.value).splitlines()) == 1
    return str(failure.value)


def _quarters(width=64, height=48):
    """Red, green, blue and grey, clockwise from the top left."""
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2], rgb[: height // 2, width // 2 :] = _RED, _GREEN
    rgb[height // 2 :, width // 2 :], rgb[height // 2 :, : width // 2] = _BLUE, _GREY
    return rgb


def _assert_similar(rgb, expected):
    assert rgb.shape == expected.shape
    # Chroma subsampling blurs the edges between the quarters.
    differs = (np.abs(rgb.astype(np.int16) - expected) > 40).any(axis=2)
    assert differs.mean() < 0.15


@pytest.mark.parametrize("name", ["bikes.mp4", "bigbuckbunny.mp4"])
def test_a_camera_video_yields_all_frames_at_their_own_times(real_videos, name):
    path = real_videos / name
    frames, reader = _read_all(path)
    times = _demuxed_times(path)
    assert reader.problem == ""
    assert [pts for _, pts, _ in frames] == times
    assert reader.num_frames == len(times)
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert (reader.time_base, reader.rate_fps) == (stream.time_base, float(stream.average_rate))
        assert reader.duration_s == pytest.approx(float(stream.duration * stream.time_base))
    assert {rgb.shape for rgb, _, _ in frames} == {(*reader.size_px, 3)}


def test_frames_are_those_that_pyav_decodes(clips):
    path = clips / "front.mp4"
    frames, _ = _read_all(path)
    with av.open(path) as container:
        for (rgb, _, _), expected in zip(frames, container.decode(video=0), strict=True):
            assert np.abs(rgb.astype(np.int16) - expected.to_ndarray(format="rgb24")).mean() < 2


def test_times_are_exact_at_a_variable_rate(tmp_path):
    times = [0, 900, 40000, 40001, 90000]
    frames, reader = _read_all(write_video(tmp_path / "a.mp4", [grey(40 * n) for n in range(5)], pts=times))
    ticks = reader.time_base / Fraction(1, 90000)
    assert [pts * ticks for _, pts, _ in frames] == times
    assert reader.problem == ""


def test_a_raw_stream_without_timestamps_gets_times_from_its_rate(tmp_path):
    frames, reader = _read_all(write_video(tmp_path / "raw.h264", [grey(20 * n) for n in range(10)]))
    assert len(frames) == 10
    steps_s = np.diff([pts for _, pts, _ in frames]) * float(reader.time_base)
    np.testing.assert_allclose(steps_s, 1 / reader.rate_fps, rtol=0.05)
    assert reader.problem == ""


def test_frames_of_an_avi_with_b_frames_are_evenly_spaced(tmp_path):
    path = write_video(
        tmp_path / "b.avi", [grey(10 * n) for n in range(20)], encoder_options={"bf": "3", "b-adapt": "0"}
    )
    frames, reader = _read_all(path)
    assert [round(float(rgb.mean()), -1) for rgb, _, _ in frames] == [10.0 * n for n in range(20)]
    assert {step * reader.time_base for step in np.diff([pts for _, pts, _ in frames]).tolist()} == {Fraction(1, 25)}


def test_the_default_video_is_read_not_the_first_or_largest(tmp_path):
    path = tmp_path / "two.mp4"
    with av.open(path, "w") as container:
        large = container.add_stream("libx264", 25, width=128, height=96, pix_fmt="yuv420p")
        small = container.add_stream("libx264", 25, width=64, height=48, pix_fmt="yuv420p")
        large.disposition, small.disposition = Disposition(0), Disposition.default
        for stream, pixels in ((large, grey(200, (128, 96))), (small, grey(40))):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux([*stream.encode(frame), *stream.encode(None)])
    frames, reader = _read_all(path)
    assert (reader.size_px, [round(float(rgb.mean()), -1) for rgb, _, _ in frames]) == ((48, 64), [40.0])


def test_cover_art_is_no_video(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(path, "w") as container:
        sound = container.add_stream("aac", 48_000)
        cover = container.add_stream("mjpeg", 25, width=64, height=48, pix_fmt="yuvj420p")
        cover.disposition = Disposition.attached_pic
        container.mux([*cover.encode(av.VideoFrame.from_ndarray(grey(200), format="rgb24")), *cover.encode(None)])
        samples = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        samples.sample_rate, samples.pts = 48_000, 0
        container.mux([*sound.encode(samples), *sound.encode(None)])
    with av.open(path) as container:
        assert container.streams.video, "the cover"
    with pytest.raises(SourceError, match="has no video stream"):
        VideoReader(str(path))


@pytest.mark.parametrize("has_tag", [True, False])
def test_matroska_that_starts_late_is_complete(tmp_path, has_tag):
    path = tmp_path / "late.mkv"
    times = [450_000 + 3600 * n for n in range(50)]
    write_video(path, [grey(5 * n) for n in range(50)], pts=times, encoder_options={"preset": "ultrafast"})
    if not has_tag:
        path.write_bytes(path.read_bytes().replace(b"DURATION", b"NOTHING_"))
    frames, reader = _read_all(path)
    assert len(frames) == 50
    assert reader.problem == ""
    assert reader.duration_s == pytest.approx(2.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "of 2.0 s" in _read_all(path)[1].problem


@pytest.mark.parametrize("size_px", [(321, 241), (1, 1)])
def test_odd_sizes_are_kept(tmp_path, size_px):
    stored = _quarters(*size_px)
    frames, reader = _read_all(write_video(tmp_path / "a.mkv", [stored] * 2, "ffv1", pix_fmt="bgr0"))
    assert len(frames) == 2
    assert reader.problem == ""
    _assert_similar(frames[1][0], stored)


def test_ten_bits_become_eight(tmp_path):
    frames, _ = _read_all(write_video(tmp_path / "a.mkv", [_quarters()] * 3, "ffv1", pix_fmt="yuv420p10le"))
    assert len(frames) == 3
    _assert_similar(frames[0][0], _quarters())


_MATRICES: dict[str, tuple[tuple[int, int, int, int], Callable[[Pixels], Pixels]]] = {
    "as stored": ((1, 0, 0, 1), lambda stored: stored),
    "clockwise": ((0, 1, -1, 0), lambda stored: np.rot90(stored, -1)),
    "upside down": ((-1, 0, 0, -1), lambda stored: np.rot90(stored, 2)),
    "counterclockwise": ((0, -1, 1, 0), lambda stored: np.rot90(stored)),
    "flipped horizontally": ((-1, 0, 0, 1), np.fliplr),
    "flipped vertically": ((1, 0, 0, -1), np.flipud),
    "transposed": ((0, 1, 1, 0), lambda stored: stored.transpose(1, 0, 2)),
    "transposed along the other diagonal": (
        (0, -1, -1, 0),
        lambda stored: np.rot90(stored, 2).transpose(1, 0, 2),
    ),
}


def _write_matrix(path, matrix):
    """Writes a, b, c, d of the display matrix into the header of an MP4: x' = ax + cy, y' = bx + dy."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


@pytest.mark.parametrize("name", _MATRICES)
def test_the_display_matrix_is_applied(tmp_path, name):
    matrix, transform = _MATRICES[name]
    stored = _quarters()
    path = write_video(tmp_path / "a.mp4", [stored] * 2)
    _write_matrix(path, matrix)
    frames, _ = _read_all(path)
    _assert_similar(frames[0][0], transform(stored))


@pytest.mark.parametrize(
    ("ratio", "is_rotated", "expected"),
    [
        (Fraction(64, 45), False, Fraction(64, 45)),
        (Fraction(64, 45), True, Fraction(45, 64)),
        (Fraction(1), True, Fraction(1)),
        (None, False, Fraction(1)),
    ],
)
def test_the_sample_aspect_ratio_is_that_of_the_upright_frame(tmp_path, ratio, is_rotated, expected):
    context = {} if ratio is None else {"sample_aspect_ratio": ratio}
    # Square, so that the size does not change by the rotation.
    path = write_video(tmp_path / "wide.mp4", [grey(120, (64, 64))] * 2, context=context)
    if is_rotated:
        _write_matrix(path, _MATRICES["clockwise"][0])
    assert _read_all(path)[1].sample_aspect_ratio == expected


_COLOUR = (200, 60, 30)
_LUMA_WEIGHTS = {"601": (0.299, 0.114, 6), "709": (0.2126, 0.0722, 1), "2020": (0.2627, 0.0593, 9)}
"""Weights of red and blue, and the matrix's number in H.273."""


@pytest.mark.parametrize(
    ("matrix", "is_full_range", "height", "is_tagged"),
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
def test_colours_follow_matrix_and_range(tmp_path, matrix, is_full_range, height, is_tagged):
    red_weight, blue_weight, number = _LUMA_WEIGHTS[matrix]
    red, green, blue = (value / 255 for value in _COLOUR)
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    chroma = (blue - luma) / 2 / (1 - blue_weight), (red - luma) / 2 / (1 - red_weight)
    luma_span, chroma_span, black = (255, 255, 0) if is_full_range else (219, 224, 16)
    values = [black + luma_span * luma, *(128 + chroma_span * value for value in chroma)]
    frame = av.VideoFrame(64, height, "yuv420p")
    for plane, value in zip(frame.planes, values, strict=True):
        plane.update(bytes([round(value)]) * plane.buffer_size)
    tags = {"colorspace": number, "color_range": 2 if is_full_range else 1} if is_tagged else {}
    for tag, value in tags.items():
        setattr(frame, tag, value)
    frames, _ = _read_all(write_video(tmp_path / "colour.mkv", [frame], context=tags))
    np.testing.assert_allclose(frames[0][0][8, 8], _COLOUR, atol=4)


@pytest.mark.parametrize("name", ["front.mp4", "film.mkv"])
@pytest.mark.parametrize("eighths", range(1, 8))
def test_a_video_cut_short_yields_what_is_left(clips, tmp_path, name, eighths):
    data = (clips / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: len(data) * eighths // 8])
    frames, reader = _read_all(path)
    times = [pts for _, pts, _ in frames]
    # As many as ffprobe counts. Frames may reference later ones, so that some are missing near the cut.
    assert len(times) == (9, 25, 31, 39, 47, 58, 66)[eighths - 1]
    assert times[:-4] == _demuxed_times(clips / name)[: len(times) - 4]
    assert np.diff(times).min() > 0
    assert "cut short" in reader.problem or eighths == 7
    assert len(reader.problem.splitlines()) <= 1


@pytest.mark.parametrize("eighths", range(8))
def test_an_mp4_cut_short_before_its_index_is_an_error(clips, tmp_path, eighths):
    data = (clips / "behind.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: len(data) * eighths // 8])
    assert "is not a readable video" in _error(path)


def test_damaged_packets_are_skipped(tmp_path):
    stored = [np.random.default_rng(n).integers(0, 256, (48, 64, 3), np.uint8) for n in range(20)]
    path = write_video(tmp_path / "a.mkv", stored, "mjpeg", pix_fmt="yuvj420p")
    with av.open(path) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    data = path.read_bytes()
    for number in (5, 11):
        data = data.replace(packets[number], bytes(len(packets[number])))
    path.write_bytes(data)
    frames, reader = _read_all(path)
    assert len(frames) == 18
    assert reader.problem == "2 packets could not be decoded"


def test_the_suffix_does_not_matter(clips, gradio_media, tmp_path):
    film, photograph = tmp_path / "film.avi", tmp_path / "photograph.mp4"
    film.write_bytes((clips / "front.mp4").read_bytes())
    photograph.write_bytes((gradio_media / "images" / "lion.jpg").read_bytes())
    assert len(_read_all(film)[0]) == 75
    frames, reader = _read_all(photograph)
    assert len(frames) == 1
    assert reader.problem == ""


@pytest.mark.parametrize(
    "content",
    [b"", b"not a video\n" * 1000, bytes(range(256)) * 400, b"#EXTM3U\n/etc/passwd\n"],
    ids=["empty", "text", "binary", "playlist"],
)
def test_a_file_that_is_no_video_is_an_error(tmp_path, content):
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    assert "is not a readable video" in _error(path)


def test_audio_without_video_is_an_error(tmp_path):
    assert "no video stream" in _error(write_audio(tmp_path / "song.mp4", "aac", duration_s=0.1))


def _avi(width, height):
    """Returns an uncompressed AVI of one empty frame, which may declare any size."""
    header = struct.pack("<14I", 40000, 0, 0, 0, 1, 0, 1, 0, width, height, 0, 0, 0, 0)
    stream = struct.pack("<4s4sIHHIIIIIIIIhhhh", b"vids", b"DIB ", 0, 0, 0, 0, 1, 25, 0, 1, 0, 0, 0, 0, 0, 0, 0)
    bitmap = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)

    def chunk(name, content):
        return name + struct.pack("<I", len(content)) + content

    streams = chunk(b"LIST", b"strl" + chunk(b"strh", stream) + chunk(b"strf", bitmap))
    movie = chunk(b"LIST", b"movi" + chunk(b"00db", bytes(4096)))
    return chunk(b"RIFF", b"AVI " + chunk(b"LIST", b"hdrl" + chunk(b"avih", header) + streams) + movie)


@pytest.mark.parametrize(("width", "height"), [(60000, 60000), (16384, 16384)])
def test_a_frame_size_beyond_the_limit_is_an_error(tmp_path, width, height):
    path = tmp_path / "huge.avi"
    path.write_bytes(_avi(width, height))
    assert _error(path) == f"has frames of {width}x{height}, too large; scale them down"
    path.write_bytes(f"YUV4MPEG2 W{width} H{height} F25:1 C420jpeg\nFRAME\n".encode() + bytes(4096))
    assert _error(path) == f"has frames of {width}x{height}, too large; scale them down"


@pytest.mark.parametrize("start_s", [0, 3600], ids=["begin anew", "jump"])
def test_frames_go_on_evenly_where_timestamps_jump(tmp_path, start_s):
    path = write_joined(tmp_path / "joined.ts", [grey(10 * number) for number in range(20)], [0, start_s])
    decoded, reader = _read_all(path)
    assert [step * reader.time_base for step in np.diff([pts for _, pts, _ in decoded])] == [Fraction(1, 25)] * 39
    assert reader.problem == ""


def _ts_packets(path):
    """Returns the packets of an MPEG transport stream with their identifiers."""
    data = path.read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    return [(int.from_bytes(packet[1:3]) & 0x1FFF, packet) for packet in packets]


@pytest.fixture(scope="module")
def broadcast(tmp_path_factory):
    """A transport stream whose video has the identifier 256, with a single key frame."""
    frames = [grey(4 * number) for number in range(60)]
    path = tmp_path_factory.mktemp("broadcast") / "film.ts"
    return _ts_packets(write_video(path, frames, encoder_options={"g": "1000"}))


def test_a_broadcast_without_the_start_of_its_video_is_named_as_such(broadcast, tmp_path):
    first = next(number for number, (pid, _) in enumerate(broadcast) if pid == 256)
    path = tmp_path / "film.ts"
    path.write_bytes(b"".join(packet for _, packet in broadcast[:first] + broadcast[first + 8 :]))
    assert "lacks the start of its video (h264)" in _error(path)


def test_a_broadcast_that_announces_video_but_holds_none_is_named_as_such(broadcast, tmp_path):
    path = tmp_path / "film.ts"
    path.write_bytes(b"".join(packet for pid, packet in broadcast if pid != 256))
    assert "announces video, but holds none" in _error(path)


def test_a_scrambled_broadcast_is_named_as_such(broadcast, tmp_path):
    path, noise = tmp_path / "film.ts", np.random.default_rng(0)
    scrambled = [
        packet if pid != 256 else packet[:3] + bytes([packet[3] & 0x1F | 0x80]) + noise.bytes(184)
        for pid, packet in broadcast
    ]
    path.write_bytes(b"".join(scrambled))
    assert "is scrambled" in _error(path)


def test_abandoned_frames_end_the_decoding_thread(clips):
    reader = VideoReader(str(clips / "front.mp4"))
    frames = reader.frames()
    next(frames)
    assert "prefetch" in {thread.name for thread in threading.enumerate()}
    frames.close()
    assert "prefetch" not in {thread.name for thread in threading.enumerate()}
    reader.close()
