from fractions import Fraction

import av
import numpy as np
import pytest

from live_cam import child
from live_cam.errors import OutputError
from live_cam.sinks import sound
from live_cam.sinks.sound import join_sound

_OFFSET_S = Fraction(2, 25)


@pytest.fixture
def write_pictures(tmp_path):
    """Writes a video of 25 pictures with others between them that refer to both, which begins a little late."""

    def write(name, codec="libx264"):
        path = tmp_path / name
        with av.open(path, "w") as container:
            stream = container.add_stream(codec, rate=25, options={"bf": "2"} if codec == "libx264" else {})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            for number in range(25):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 8 * number, np.uint8), format="rgb24")
                frame.time_base = Fraction(1, 1000)
                frame.pts = round((_OFFSET_S + Fraction(number, 25)) * 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write


@pytest.fixture
def write_sound(tmp_path):
    """Writes a second of a tone."""

    def write(name, codec, rate_hz=48000):
        path = tmp_path / name
        with av.open(path, "w") as container:
            stream = container.add_stream(codec, rate=rate_hz, layout="stereo", options={"strict": "experimental"})
            tone = np.sin(np.arange(rate_hz) * 2 * np.pi * 440 / rate_hz) * 8000
            frame = av.AudioFrame.from_ndarray(np.repeat(tone, 2)[None].astype(np.int16), "s16", "stereo")
            frame.sample_rate, frame.pts = rate_hz, 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write


def _picture_packets(path):
    with av.open(path) as container:
        stream = container.streams.video[0]
        return stream.time_base, [(packet.pts, bytes(packet)) for packet in container.demux(stream) if packet.size]


def _heard(path):
    """Gives the codec, when the sound begins, and when it ends (s)."""
    with av.open(path) as container:
        codec = container.streams.audio[0].codec_context.name
        frames = list(container.decode(audio=0))
    return codec, frames[0].time, frames[-1].time + frames[-1].samples / frames[-1].sample_rate


@pytest.mark.parametrize(
    ("suffix", "codec", "expected"),
    [(".mp4", "libx264", "aac"), (".mkv", "libx264", "aac"), (".webm", "libvpx-vp9", "opus")],
)
def test_a_film_s_sound_goes_with_pictures_whose_packets_stay_as_they_are(
    write_pictures, real_videos, tmp_path, suffix, codec, expected
):
    video, source, output = (
        write_pictures(f"made{suffix}", codec),
        real_videos / "bigbuckbunny.mp4",
        tmp_path / f"new{suffix}",
    )
    join_sound(video, source, output)
    assert _picture_packets(output) == _picture_packets(video)
    assert _heard(output)[0] == expected
    np.testing.assert_allclose(_heard(output)[1:], _heard(source)[1:], atol=0.03)


@pytest.mark.parametrize(
    ("codec", "expected"), [("libopus", "opus"), ("flac", "flac"), ("pcm_s16le", "aac"), ("vorbis", "aac")]
)
def test_sound_in_any_codec_gets_into_an_mp4_at_its_time(write_pictures, write_sound, tmp_path, codec, expected):
    video, source, output = write_pictures("made.mp4"), write_sound("tone.mkv", codec), tmp_path / "new.mp4"
    join_sound(video, source, output)
    assert _picture_packets(output) == _picture_packets(video)
    assert _heard(output)[0] == expected
    np.testing.assert_allclose(_heard(output)[1:], _heard(source)[1:], atol=0.03)
    content = output.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_video_without_sound_is_copied(write_pictures, real_videos, tmp_path):
    video, output = write_pictures("made.mp4"), tmp_path / "new.mp4"
    join_sound(video, video, output)
    assert _picture_packets(output) == _picture_packets(video)
    with av.open(output) as container:
        assert not container.streams.audio


def test_damage_in_the_sound_leaves_the_rest_of_it_at_its_time(write_pictures, write_sound, tmp_path):
    video, source, output = write_pictures("made.mp4"), write_sound("tone.mkv", "vorbis"), tmp_path / "new.mp4"
    with av.open(source) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    content = source.read_bytes()
    for packet in packets[20:40]:
        content = content.replace(packet, b"\xff" * len(packet))
    source.write_bytes(content)
    join_sound(video, source, output)
    assert _picture_packets(output) == _picture_packets(video)
    np.testing.assert_allclose(_heard(output)[2], 1.0, atol=0.05)


def test_what_fails_is_told_in_one_line_and_leaves_nothing_behind(write_pictures, tmp_path):
    video, source, output = write_pictures("made.mp4"), tmp_path / "film.mp4", tmp_path / "new.mp4"
    source.write_bytes(b"not a video")
    with pytest.raises(OutputError, match=r"film\.mp4") as failure:
        join_sound(video, source, output)
    assert len(str(failure.value).splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "made.mp4"]


@pytest.mark.parametrize(("program", "told"), [("kill -SEGV $$", "SIGSEGV"), ("sleep 30", "nothing moved")])
def test_a_process_that_crashes_or_hangs_is_told_and_ended(write_pictures, tmp_path, monkeypatch, program, told):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{program}\n")
    python.chmod(0o755)
    monkeypatch.setattr(child.sys, "executable", str(python))
    monkeypatch.setattr(sound, "_SILENCE_LIMIT_S", 0.5)
    video, output = write_pictures("made.mp4"), tmp_path / "new.mp4"
    with pytest.raises(OutputError, match=told):
        join_sound(video, video, output)
    assert not output.exists()


def test_a_file_that_is_there_is_not_overwritten(write_pictures, tmp_path):
    video, output = write_pictures("made.mp4"), tmp_path / "new.mp4"
    output.write_bytes(b"mine")
    with pytest.raises(OutputError, match="not overwritten"):
        join_sound(video, video, output)
    assert output.read_bytes() == b"mine"
