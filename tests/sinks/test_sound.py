from fractions import Fraction

import av
import numpy as np
import pytest

from live_cam import child
from live_cam.errors import OutputError
from live_cam.sinks import sound, sound_joiner
from live_cam.sinks.sound import check_sound, join_sound

_OFFSET_S = Fraction(2, 25)


@pytest.fixture
def write_pictures(tmp_path):
    """Writes a video of 25 pictures with others between them that refer to both, which begins a little late."""

    def write(name, codec="libx264", start=_OFFSET_S, time_base=Fraction(1, 1000)):
        path = tmp_path / name
        with av.open(path, "w") as container:
            stream = container.add_stream(codec, rate=25, options={"bf": "2"} if codec == "libx264" else {})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.time_base = time_base
            for number in range(25):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 8 * number, np.uint8), format="rgb24")
                frame.time_base = time_base
                frame.pts = round((start + Fraction(number, 25)) / time_base)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write


@pytest.fixture
def write_sound(tmp_path):
    """Writes a second of a tone, in one track for each of the codecs."""

    def write(name, *codecs, rate_hz=48000, layout="stereo"):
        path = tmp_path / name
        tone = np.sin(np.arange(rate_hz) * 2 * np.pi * 440 / rate_hz) * 8000
        values = np.repeat(tone, av.AudioLayout(layout).nb_channels)[None].astype(np.int16)
        with av.open(path, "w") as container:
            streams = [
                container.add_stream(codec, rate=rate_hz, layout=layout, options={"strict": "experimental"})
                for codec in codecs
            ]
            for stream in streams:
                frame = av.AudioFrame.from_ndarray(values, "s16", layout)
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


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "libx264"), (".mkv", "libx264"), (".webm", "libvpx-vp9")])
def test_sound_of_seven_channels_becomes_one_of_two(write_pictures, write_sound, tmp_path, suffix, codec):
    source = write_sound("tone.mka", "pcm_s32le", layout="6.1")
    output = tmp_path / f"new{suffix}"
    assert check_sound(source, suffix) == ""
    join_sound(write_pictures(f"made{suffix}", codec), source, output)
    with av.open(output) as container:
        assert container.streams.audio[0].codec_context.layout.name == "stereo"


def test_sound_that_changes_its_channels_and_rate_midway_is_kept_to_the_end(write_pictures, write_sound, tmp_path):
    whole, output = tmp_path / "whole.mp2", tmp_path / "new.mp4"
    kinds = [("a.mp2", 48000, "stereo"), ("b.mp2", 44100, "mono"), ("c.mp2", 48000, "stereo")]
    parts = [write_sound(name, "mp2", rate_hz=rate_hz, layout=layout) for name, rate_hz, layout in kinds]
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    join_sound(write_pictures("made.mp4"), whole, output)
    codec, begin_s, end_s = _heard(output)
    assert codec == "aac"
    np.testing.assert_allclose((begin_s, end_s), (0, 3), atol=0.15)


@pytest.mark.parametrize("ticks_per_s", [90_000, 1_000_000_000])
def test_pictures_that_begin_late_keep_their_times_to_the_tick(write_pictures, real_videos, tmp_path, ticks_per_s):
    start = Fraction(132_000, 90_000) + Fraction(1, ticks_per_s)
    video = write_pictures("made.nut", start=start, time_base=Fraction(1, ticks_per_s))
    output = tmp_path / "new.mp4"
    join_sound(video, real_videos / "bigbuckbunny.mp4", output)
    (time_base, made), (time_base_kept, kept) = _picture_packets(video), _picture_packets(output)
    assert time_base_kept == time_base
    assert [pts for pts, _ in kept] == [pts for pts, _ in made]


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


def test_a_file_that_can_not_be_read_to_its_end_gives_the_sound_up_to_there(write_sound):
    with av.open(write_sound("tone.mkv", "flac")) as container:

        class Broken:
            def demux(self, streams):
                yield from [next(container.demux(streams))] * 3
                raise av.InvalidDataError(1, "cut off")

        track = _Track()
        list(sound_joiner._sounds(Broken(), [container.streams.audio[0]], {0: track}))
        assert track.taken_n == 4  # the last is the end


def test_an_encoder_that_fails_ends_no_sound_silently(write_sound):
    with av.open(write_sound("tone.mkv", "flac")) as container, pytest.raises(av.InvalidDataError):
        list(sound_joiner._sounds(container, [container.streams.audio[0]], {0: _Track(fails_at=2)}))


class _Track:
    def __init__(self, fails_at=None):
        self.fails_at = fails_at
        self.taken_n = 0

    def take(self, packet):
        self.taken_n += 1
        if self.taken_n == self.fails_at:
            raise av.InvalidDataError(1, "the encoder failed")
        return iter(())


def _make_unknown(path, codec_id):
    content = path.read_bytes()
    path.write_bytes(content.replace(codec_id, b"A_" + b"X" * (len(codec_id) - 2)))
    assert codec_id in content


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".MP4"])
def test_sound_that_can_be_kept_is_found_so_at_once(write_sound, real_videos, suffix):
    source = write_sound("tone.mkv", "vorbis", "flac", "aac")
    assert check_sound(source, suffix) == ""
    assert check_sound(real_videos / "bikes.mp4", suffix) == ""  # it has none
    assert check_sound(real_videos / "bigbuckbunny.mp4", suffix) == ""


def test_tracks_in_an_unknown_codec_are_named_beforehand_and_left_out(write_pictures, write_sound, tmp_path):
    source, output = write_sound("tone.mkv", "flac", "aac", "vorbis"), tmp_path / "new.mp4"
    _make_unknown(source, b"A_FLAC")
    assert check_sound(source, ".mp4") == "sound track 1 is left out, since its codec is not known here"
    join_sound(write_pictures("made.mp4"), source, output)
    with av.open(output) as container:
        assert len(container.streams.audio) == 2
    _make_unknown(source, b"A_VORBIS")
    assert check_sound(source, ".mp4") == "sound tracks 1, 3 are left out, since their codecs are not known here"


def test_sound_that_can_not_be_kept_is_told_beforehand(write_sound, tmp_path):
    source = write_sound("tone.mkv", "flac")
    _make_unknown(source, b"A_FLAC")
    with pytest.raises(OutputError, match=r"tone\.mkv.*codec is not known") as refusal:
        check_sound(source, ".mp4")
    assert len(str(refusal.value).splitlines()) == 1
    source.write_bytes(b"not a video")
    with pytest.raises(OutputError, match=r"tone\.mkv"):
        check_sound(source, ".mp4")


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
    if program == "sleep 30":
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
