"""Muxing in this process, without the child process of `mux.py`."""

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from live_cam.sinks.audio import mux_process
from live_cam.sinks.audio.mux_process import check, mux
from live_cam.sources.decode.reader import VideoReader
from tests.videos import grey, write_audio, write_video

_CODECS = {".mp4": "libx264", ".mkv": "libx264", ".webm": "libvpx-vp9"}


@pytest.fixture(scope="module")
def tone(tmp_path_factory):
    """Returns a file with a second of audio, one track per codec; not to be changed: `tone(*codecs)`."""
    directory, written = tmp_path_factory.mktemp("audio"), {}

    def path(*codecs):
        if codecs not in written:
            written[codecs] = write_audio(directory / f"{'-'.join(codecs)}.mkv", *codecs)
        return written[codecs]

    return path


def _write_video(path, codec="libx264", start_s=Fraction(2, 25), time_base=Fraction(1, 1000)):
    """Writes a second of video with B-frames, which starts a little late."""
    pts = [round((start_s + Fraction(number, 25)) / time_base) for number in range(25)]
    options = {"bf": "2"} if codec == "libx264" else {}
    frames = [grey(8 * number) for number in range(25)]
    return write_video(path, frames, codec, pts=pts, time_base=time_base, encoder_options=options)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A video for each container, by its suffix; not to be changed."""
    directory = tmp_path_factory.mktemp("videos")
    return {suffix: _write_video(directory / f"annotated{suffix}", codec) for suffix, codec in _CODECS.items()}


@pytest.fixture
def joined(tmp_path):
    """Writes two seconds of video and sound whose second one starts at another time: `joined(jump_s, codec)`."""

    def join(jump_s, codec):
        parts = []
        for start_s in (0, 1 + jump_s):
            path = tmp_path / f"{start_s}.ts"
            with av.open(path, "w", options={"output_ts_offset": str(start_s)}) as container:
                video = container.add_stream("mpeg2video", 25, width=64, height=48, pix_fmt="yuv420p")
                sound = container.add_stream(codec, 48_000, layout="stereo")
                for number in range(25):
                    container.mux(video.encode(av.VideoFrame.from_ndarray(grey(8 * number), format="rgb24")))
                    samples = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 1920), np.int16), "s16", "stereo")
                    samples.sample_rate, samples.pts = 48_000, 1920 * number
                    container.mux(sound.encode(samples))
                container.mux([*video.encode(None), *sound.encode(None)])
            parts.append(path.read_bytes())
        path = tmp_path / "joined.ts"
        path.write_bytes(b"".join(parts))
        return path

    return join


def _video_packets(path):
    with av.open(path) as container:
        stream = container.streams.video[0]
        return stream.time_base, [(packet.pts, bytes(packet)) for packet in container.demux(stream) if packet.size]


def _audio(path):
    """Returns the codec of the first audio track, its start and its end (s)."""
    with av.open(path) as container:
        codec = container.streams.audio[0].codec_context.name
        frames = list(container.decode(audio=0))
    return codec, frames[0].time, frames[-1].time + frames[-1].samples / frames[-1].sample_rate


def _mux(*paths):
    mux(*map(str, paths))


@pytest.mark.parametrize(("suffix", "expected"), [(".mp4", "aac"), (".mkv", "aac"), (".webm", "opus")])
def test_packets_of_video_are_copied_and_audio_stays_in_sync(videos, real_videos, tmp_path, suffix, expected):
    source, output = real_videos / "bigbuckbunny.mp4", tmp_path / f"new{suffix}"
    _mux(videos[suffix], source, output)
    assert _video_packets(output) == _video_packets(videos[suffix])
    codec, *times_s = _audio(output)
    assert codec == expected
    np.testing.assert_allclose(times_s, _audio(source)[1:], atol=0.03)


@pytest.mark.parametrize(
    ("codec", "expected"), [("libopus", "opus"), ("flac", "flac"), ("pcm_s16le", "aac"), ("vorbis", "aac")]
)
def test_audio_of_any_codec_fits_into_an_mp4(videos, tone, tmp_path, codec, expected):
    source, output = tone(codec), tmp_path / "new.mp4"
    _mux(videos[".mp4"], source, output)
    assert _video_packets(output) == _video_packets(videos[".mp4"])
    codec, *times_s = _audio(output)
    assert codec == expected
    np.testing.assert_allclose(times_s, _audio(source)[1:], atol=0.03)
    content = output.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("suffix", _CODECS)
def test_seven_channels_become_two(videos, tmp_path, suffix):
    source = write_audio(tmp_path / "tone.mka", "pcm_s32le", layout="6.1")
    output = tmp_path / f"new{suffix}"
    assert check(str(source), suffix) == ("", "")
    _mux(videos[suffix], source, output)
    with av.open(output) as container:
        assert container.streams.audio[0].codec_context.layout.name == "stereo"


def test_audio_that_changes_its_channels_and_rate_is_kept_to_the_end(videos, tmp_path):
    whole, output = tmp_path / "whole.mp2", tmp_path / "new.mp4"
    formats = [("a.mp2", 48000, "stereo"), ("b.mp2", 44100, "mono"), ("c.mp2", 48000, "stereo")]
    parts = [write_audio(tmp_path / name, "mp2", rate_hz=rate_hz, layout=layout) for name, rate_hz, layout in formats]
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    _mux(videos[".mp4"], whole, output)
    codec, start_s, end_s = _audio(output)
    assert codec == "aac"
    np.testing.assert_allclose((start_s, end_s), (0, 3), atol=0.15)


@pytest.mark.parametrize("ticks_per_s", [90_000, 1_000_000_000])
def test_a_video_that_starts_late_keeps_its_timestamps_to_the_tick(real_videos, tmp_path, ticks_per_s):
    start_s = Fraction(132_000, 90_000) + Fraction(1, ticks_per_s)
    video = _write_video(tmp_path / "annotated.nut", start_s=start_s, time_base=Fraction(1, ticks_per_s))
    output = tmp_path / "new.mp4"
    _mux(video, real_videos / "bigbuckbunny.mp4", output)
    (time_base, before), (time_base_after, after) = _video_packets(video), _video_packets(output)
    assert time_base_after == time_base
    assert [pts for pts, _ in after] == [pts for pts, _ in before]


def test_damaged_audio_packets_become_silence(videos, tone, tmp_path):
    source, output = tmp_path / "damaged.mkv", tmp_path / "new.mp4"
    with av.open(tone("vorbis")) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    content = tone("vorbis").read_bytes()
    for packet in packets[20:40]:
        content = content.replace(packet, b"\xff" * len(packet))
    source.write_bytes(content)
    _mux(videos[".mp4"], source, output)
    assert _video_packets(output) == _video_packets(videos[".mp4"])
    np.testing.assert_allclose(_audio(output)[2], 1.0, atol=0.05)


@pytest.fixture
def film(tmp_path):
    """A film with sound in German and French (the default), English subtitles, twice at a time, and two chapters."""
    (tmp_path / "english.srt").write_text(
        "1\n00:00:00,100 --> 00:00:00,400\nHello\n\n2\n00:00:00,100 --> 00:00:00,900\n(music)\n\n"
    )
    sound = write_audio(tmp_path / "tone.mkv", "aac", "vorbis")
    path = tmp_path / "film.mkv"
    with av.open(sound) as tones, av.open(tmp_path / "english.srt") as texts, av.open(path, "w") as container:
        german, french = (container.add_stream_from_template(stream) for stream in tones.streams.audio)
        german.metadata.update(language="deu", title="Deutsch")
        french.metadata["language"] = "fra"
        german.disposition, french.disposition = Disposition(0), Disposition.default
        english = container.add_stream_from_template(texts.streams.subtitles[0])
        english.metadata["language"] = "eng"
        english.disposition = Disposition.forced
        container.set_chapters(
            [
                {
                    "id": n,
                    "start": 500 * n,
                    "end": 500 * n + 500,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": t},
                }
                for n, t in enumerate(("First", "Second"))
            ]
        )
        for packet in tones.demux():
            if packet.size:
                packet.stream = (german, french)[packet.stream_index]
                container.mux(packet)
        for packet in texts.demux():
            if packet.size:
                packet.stream = english
                container.mux(packet)
    return path


def _tracks(streams):
    return [(stream.metadata.get("language"), bool(stream.disposition & Disposition.default)) for stream in streams]


@pytest.mark.parametrize("suffix", _CODECS)
def test_languages_default_track_and_chapters_stay(videos, film, tmp_path, suffix):
    output = tmp_path / f"new{suffix}"
    _mux(videos[suffix], film, output)
    with av.open(output) as container:
        assert _tracks(container.streams.audio) == [("deu", False), ("fra", True)]
        chapters = [
            (float(each["start"] * each["time_base"]), each["metadata"]["title"]) for each in container.chapters()
        ]
    assert chapters == [(0, "First"), (0.5, "Second")]


def test_subtitles_are_copied_where_the_container_can_hold_them(videos, film, tmp_path):
    assert check(str(film), ".mkv") == ("", "")
    _mux(videos[".mkv"], film, tmp_path / "new.mkv")
    with av.open(tmp_path / "new.mkv") as container:
        (stream,) = container.streams.subtitles
        assert stream.metadata["language"] == "eng"
        assert stream.disposition & Disposition.forced
        texts = [bytes(packet) for packet in container.demux(stream) if packet.size]
    assert texts == [b"Hello", b"(music)"]


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_subtitles_that_the_container_cannot_hold_are_named(videos, film, tmp_path, suffix):
    assert check(str(film), suffix) == ("", f"subtitle track 1 is left out: {suffix} can't hold the format")
    _mux(videos[suffix], film, tmp_path / f"new{suffix}")
    with av.open(tmp_path / f"new{suffix}") as container:
        assert not list(container.streams.subtitles)


class _Track:
    """Counts its packets, and fails at one of them."""

    def __init__(self, fails_at=None):
        self.fails_at = fails_at
        self.processed = []

    def process(self, packet):
        self.processed.append(packet)
        if len(self.processed) == self.fails_at:
            raise av.InvalidDataError(1, "the encoder failed")
        return iter(())


def test_audio_is_kept_up_to_where_the_file_cannot_be_read_any_further(tone):
    with av.open(tone("flac")) as container:

        class CutShort:
            streams = container.streams
            format = container.format

            def demux(self, streams):
                packets = container.demux(streams)
                yield from [next(packets) for _ in range(3)]
                raise av.InvalidDataError(1, "cut short")

        track = _Track()
        cut_short: Any = CutShort()
        tracks: Any = {0: track}
        list(mux_process._other_packets(cut_short, tracks))
        assert len(track.processed) == 4
        assert track.processed[-1] is None  # the end of the stream


def test_a_failing_encoder_is_not_taken_for_the_end_of_the_audio(tone):
    tracks: Any = {0: _Track(fails_at=2)}
    with av.open(tone("flac")) as container, pytest.raises(av.InvalidDataError):
        list(mux_process._other_packets(container, tracks))


@pytest.mark.parametrize("codec", ["aac", "mp2"], ids=["copied", "transcoded"])
@pytest.mark.parametrize("jump_s", [-1, 3600], ids=["begins anew", "jumps"])
def test_sound_goes_on_with_its_video_where_timestamps_jump(jump_s, codec, joined, tmp_path):
    source = joined(jump_s, codec)
    reader = VideoReader(str(source))
    pts = [pts for _, pts, _ in reader.frames()]
    video = _write_video(tmp_path / "annotated.mp4")
    _mux(video, source, tmp_path / "new.mp4")
    first_s, last_s = (float(each * reader.time_base) for each in (pts[0], pts[-1]))
    assert last_s - first_s == pytest.approx(2 - 1 / 25, abs=0.06)  # both seconds
    _, start_s, end_s = _audio(tmp_path / "new.mp4")
    np.testing.assert_allclose((start_s, end_s), (first_s, last_s + 1 / 25), atol=0.06)
    with av.open(tmp_path / "new.mp4") as container:
        times_s = [frame.time for frame in container.decode(audio=0)]
    assert max(np.diff(times_s)) < 0.1


@pytest.mark.parametrize("suffix", _CODECS)
def test_supported_audio_is_found_so_without_reading_it(tone, real_videos, suffix):
    assert check(str(tone("vorbis", "flac", "aac")), suffix) == ("", "")
    assert check(str(real_videos / "bikes.mp4"), suffix) == ("", "")  # it has no audio
    assert check(str(real_videos / "bigbuckbunny.mp4"), suffix) == ("", "")


def test_tracks_of_unknown_codecs_are_named_and_left_out(videos, tone, tmp_path):
    source, output = tmp_path / "tone.mkv", tmp_path / "new.mp4"
    content = tone("flac", "aac", "vorbis").read_bytes()
    assert content.count(b"A_FLAC") == content.count(b"A_VORBIS") == 1
    source.write_bytes(content.replace(b"A_FLAC", b"A_XXXX"))
    assert check(str(source), ".mp4") == ("audio track 1 is left out: unknown codec", "")
    _mux(videos[".mp4"], source, output)
    with av.open(output) as container:
        assert len(container.streams.audio) == 2
    source.write_bytes(content.replace(b"A_FLAC", b"A_XXXX").replace(b"A_VORBIS", b"A_XXXXXX"))
    assert check(str(source), ".mp4") == ("audio tracks 1, 3 are left out: unknown codecs", "")
