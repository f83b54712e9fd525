"""Child process of `mux.py`.

    python -m live_cam.sinks.audio.mux_process VIDEO SOURCE OUTPUT
    python -m live_cam.sinks.audio.mux_process --check SOURCE SUFFIX

Standard output: an empty line each second while there is progress, and what went wrong or, with `--check`, what will be
left out, as JSON. The process exits when its standard input, which the parent holds open, is closed.
"""

from __future__ import annotations

import heapq
import io
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.subtitles.stream import SubtitleStream

from live_cam.child_process import setup_child
from live_cam.sinks.audio.tracks import StreamCopy, TimedPacket, Transcode
from live_cam.sinks.faststart import MATROSKA_OPTIONS
from live_cam.timeline import Timeline

_FORMATS: Final = {".mp4": "mp4", ".mkv": "matroska", ".webm": "webm"}
_COPYABLE: Final = {
    ".mp4": {"aac", "mp3", "mp3float", "ac3", "eac3", "alac", "opus", "flac"},
    ".mkv": {
        "aac",
        "mp3",
        "mp3float",
        "mp2",
        "ac3",
        "eac3",
        "alac",
        "opus",
        "flac",
        "vorbis",
        "dca",
        "pcm_s16le",
        "pcm_s24le",
    },
    ".webm": {"opus", "vorbis"},
}
"""FFmpeg's decoders of the codecs that each container supports."""
_ENCODERS: Final = {".mp4": "aac", ".mkv": "libopus", ".webm": "libopus"}
"""Encoders of all other audio."""
_MAX_MEMORY_BYTES = 2 << 30
_HEARTBEAT_S = 1.0


def main() -> None:
    """Muxes the files named on the command line, or checks the audio of one."""
    setup_child(_MAX_MEMORY_BYTES)
    try:
        if sys.argv[1] == "--check":
            _write_line(json.dumps(check(*sys.argv[2:])))
        else:
            mux(*sys.argv[1:])
    except (av.FFmpegError, ValueError, OSError, MemoryError) as error:
        _write_line(str(getattr(error, "strerror", None) or error or type(error).__name__))
        sys.exit(1)


def check(source: str, suffix: str) -> tuple[str, str]:
    """Opens decoders and encoders for the audio of a file, without reading the audio itself.

    Args:
        source: The file with the audio.
        suffix: Suffix of the output.

    Returns:
        Which tracks of audio will be left out, since they can't be decoded, and which subtitles, since the output can't
        hold them; "" for none.

    Raises:
        av.FFmpegError: The file cannot be read, or its audio cannot be written.
        ValueError: No audio track can be decoded.
    """
    with av.open(source) as audio_file:
        decodable = _decodable_streams(audio_file)
        with av.open(io.BytesIO(), "w", format=_FORMATS[suffix]) as target:
            for stream in decodable:
                _add_track(stream, target, suffix)
            kept = _add_subtitles(audio_file, target, suffix)
            if decodable or kept:
                target.start_encoding()
        audio = [number for number, stream in enumerate(audio_file.streams.audio, 1) if stream not in decodable]
        subtitles = [
            number for number, stream in enumerate(audio_file.streams.subtitles, 1) if stream.index not in kept
        ]
    return (
        _left_out("audio", audio, "unknown codec" if len(audio) == 1 else "unknown codecs"),
        _left_out("subtitle", subtitles, f"{suffix} can't hold the format"),
    )


def _left_out(kind: str, numbers: list[int], reason: str) -> str:
    if not numbers:
        return ""
    tracks, are = ("track", "is") if len(numbers) == 1 else ("tracks", "are")
    return f"{kind} {tracks} {', '.join(map(str, numbers))} {are} left out: {reason}"


def mux(video: str, source: str, output: str) -> None:
    """Writes the output; a failure may leave a part of it behind.

    Raises:
        av.FFmpegError: One of the files cannot be read, or the output cannot be written.
        ValueError: No audio track can be decoded.
    """
    suffix = Path(output).suffix.casefold()
    with av.open(video) as video_file, av.open(source) as audio_file:
        video_stream = video_file.streams.video[0]
        decodable = _decodable_streams(audio_file)
        options = MATROSKA_OPTIONS
        if suffix == ".mp4":
            # The start of the first frame is stored in units of the movie, everything else in those of the track.
            ticks_per_s = str((video_stream.time_base or Fraction(1, 90_000)).denominator)
            options = {
                "movflags": "+faststart",
                "video_track_timescale": ticks_per_s,
                "movie_timescale": ticks_per_s,
            }
        with av.open(output, "w", options=options) as target:
            video_track = StreamCopy(video_stream, target, allow_negative=True)
            audio_tracks: dict[int, StreamCopy | Transcode] = {
                stream.index: _add_track(stream, target, suffix) for stream in decodable
            }
            tracks = audio_tracks | _add_subtitles(audio_file, target, suffix)
            target.set_chapters(audio_file.chapters())
            packets = _video_packets(video_file, video_track), _other_packets(audio_file, tracks)
            _write_packets(heapq.merge(*packets, key=lambda timed: timed[0]), target)
            _close(target)


def _decodable_streams(container: InputContainer) -> list[AudioStream]:
    """Returns the audio streams that can be decoded.

    Raises:
        ValueError: There is audio, but none of it can be decoded.
    """
    decodable = [stream for stream in container.streams.audio if stream.codec_context is not None]
    if container.streams.audio and not decodable:
        raise ValueError("its audio codec is unknown")
    return decodable


def _add_track(stream: AudioStream, target: OutputContainer, suffix: str) -> StreamCopy | Transcode:
    if stream.codec_context.name in _COPYABLE[suffix]:
        # The audio of Matroska cannot start before zero; shifting both streams would change the frames' timestamps.
        return StreamCopy(stream, target, allow_negative=suffix == ".mp4")
    return Transcode(stream, target, _ENCODERS[suffix])


def _add_subtitles(
    container: InputContainer, target: OutputContainer, suffix: str
) -> dict[int, StreamCopy | Transcode]:
    """Adds the subtitles whose format the target can hold, and returns their tracks by the index of the stream."""
    return {
        stream.index: StreamCopy(stream, target, allow_negative=False)
        for stream in container.streams.subtitles
        if _can_hold(suffix, stream)
    }


def _can_hold(suffix: str, stream: SubtitleStream) -> bool:
    """Returns whether a file of this kind can be started with a stream; some formats show only then that it can't."""
    try:
        with av.open(io.BytesIO(), "w", format=_FORMATS[suffix]) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True


def _video_packets(container: InputContainer, track: StreamCopy) -> Iterator[TimedPacket]:
    for packet in container.demux(video=0):
        if packet.size:
            yield from track.process(packet)


def _other_packets(container: InputContainer, tracks: Mapping[int, StreamCopy | Transcode]) -> Iterator[TimedPacket]:
    for packet in _readable_packets(container):
        if packet.stream_index in tracks and not packet.is_corrupt:
            yield from tracks[packet.stream_index].process(packet)
    for track in tracks.values():
        yield from track.process(None)


def _readable_packets(container: InputContainer) -> Iterator[Packet[Any]]:
    """Yields the packets up to where the file cannot be read any further, with the timestamps of the decoded frames."""
    # The video as well, whose packets may be the first behind a gap.
    streams = [*container.streams.video, *container.streams.audio]
    timeline = Timeline(streams, container.format.flags)
    with suppress(av.FFmpegError):
        for packet in container.demux([*streams, *container.streams.subtitles]):
            if packet.size:
                timeline.shift(packet)
                yield packet


def _write_packets(packets: Iterable[TimedPacket], target: OutputContainer) -> None:
    heartbeat_s = 0.0
    for _, packet in packets:
        target.mux(packet)
        if time.monotonic() - heartbeat_s > _HEARTBEAT_S:
            heartbeat_s = time.monotonic()
            _write_line("")


def _close(target: OutputContainer) -> None:
    """Closes the file, which rewrites it with the index in front and takes as long as the disk does."""
    closed = threading.Event()

    def write_heartbeats() -> None:
        while not closed.wait(_HEARTBEAT_S):
            _write_line("")

    threading.Thread(target=write_heartbeats, daemon=True).start()
    try:
        target.close()
    finally:
        closed.set()


def _write_line(message: str) -> None:
    os.write(sys.stdout.fileno(), f"{message}\n".encode())


if __name__ == "__main__":
    main()
