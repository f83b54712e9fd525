"""The program behind `sound.py`.

    python -m live_cam.sinks.sound_joiner VIDEO SOURCE OUTPUT
    python -m live_cam.sinks.sound_joiner --check SOURCE SUFFIX

To its standard output it writes an empty line each second while it gets on, and one that says what went wrong if
something did, or with `--check` what would be left out. It ends at once when its standard input does, which its parent
holds open.
"""

from __future__ import annotations

import heapq
import io
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from live_cam.child import become_child
from live_cam.sinks.tracks import CopiedTrack, EncodedTrack

_FORMATS: Final = {".mp4": "mp4", ".mkv": "matroska", ".webm": "webm"}
_OPTIONS: Final = {
    ".mp4": {"movflags": "+faststart"},
    # Matroska's sound may not begin before the film does; shifting both would change the times of the pictures.
    ".mkv": {"cues_to_front": "1", "avoid_negative_ts": "disabled"},
    ".webm": {"cues_to_front": "1", "avoid_negative_ts": "disabled"},
}
_COPIED: Final = {
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
"""The decoders of what each format takes as it is."""
_ENCODERS: Final = {".mp4": "aac", ".mkv": "libopus", ".webm": "libopus"}
"""What sound is encoded with where it can't be copied."""
_MOST_MEMORY_BYTES = 2 << 30

Timed: TypeAlias = "tuple[Fraction, Packet[Any]]"
"""A packet, and when it is to be written (s)."""


def main() -> None:
    """Joins the files that the arguments name, or looks at the sound of one."""
    become_child(_MOST_MEMORY_BYTES)
    try:
        if sys.argv[1] == "--check":
            _tell(check(*sys.argv[2:]))
        else:
            join(*sys.argv[1:])
    except (av.FFmpegError, ValueError, OSError, MemoryError) as error:
        _tell(str(getattr(error, "strerror", None) or error or type(error).__name__))
        sys.exit(1)


def check(source: str, suffix: str) -> str:
    """Opens what the sound needs, without reading any of it.

    Args:
        source: The file with the sound.
        suffix: That of the file to come.

    Returns:
        Which tracks are left out; empty if none.

    Raises:
        av.FFmpegError: The file can't be read, or its sound can't be written.
        ValueError: No sound of the source can be decoded here.
    """
    with av.open(source) as sounds:
        known = _known(sounds)
        if known:
            with av.open(io.BytesIO(), "w", format=_FORMATS[suffix]) as target:
                for stream in known:
                    _sound_track(stream, target, suffix)
                target.start_encoding()
        numbers = [str(number) for number, stream in enumerate(sounds.streams.audio, 1) if stream not in known]
    if not numbers:
        return ""
    if len(numbers) == 1:
        return f"sound track {numbers[0]} is left out, since its codec is not known here"
    return f"sound tracks {', '.join(numbers)} are left out, since their codecs are not known here"


def join(video: str, source: str, output: str) -> None:
    """Writes the output; what fails may leave a part of it behind.

    Raises:
        av.FFmpegError: One of the files can't be read, or the output can't be written.
        ValueError: No sound of the source can be decoded here.
    """
    suffix = Path(output).suffix.casefold()
    with av.open(video) as pictures, av.open(source) as sounds:
        shown = pictures.streams.video[0]
        known = _known(sounds)
        options = dict(_OPTIONS[suffix])
        if suffix == ".mp4":
            # When the first picture is shown is counted in units of the movie, all else in those of the track.
            ticks_per_s = str((shown.time_base or Fraction(1, 90_000)).denominator)
            options |= {"video_track_timescale": ticks_per_s, "movie_timescale": ticks_per_s}
        with av.open(output, "w", options=options) as target:
            copied = CopiedTrack(shown, target, may_precede=True)
            tracks = {stream.index: _sound_track(stream, target, suffix) for stream in known}
            packets = _pictures(pictures, copied), _sounds(sounds, known, tracks)
            _mux(heapq.merge(*packets, key=lambda timed: timed[0]), target)
            _close(target)


def _known(sounds: InputContainer) -> list[AudioStream]:
    """Gives the sound that can be decoded.

    Raises:
        ValueError: There is sound, but none of it can be.
    """
    known = [stream for stream in sounds.streams.audio if stream.codec_context is not None]
    if sounds.streams.audio and not known:
        raise ValueError("its codec is not known here")
    return known


def _sound_track(stream: AudioStream, target: OutputContainer, suffix: str) -> CopiedTrack | EncodedTrack:
    if stream.codec_context.name in _COPIED[suffix]:
        return CopiedTrack(stream, target, may_precede=suffix == ".mp4")
    return EncodedTrack(stream, target, _ENCODERS[suffix])


def _pictures(container: InputContainer, track: CopiedTrack) -> Iterator[Timed]:
    for packet in container.demux(video=0):
        if packet.size:
            yield from track.take(packet)


def _sounds(
    container: InputContainer, streams: list[AudioStream], tracks: Mapping[int, CopiedTrack | EncodedTrack]
) -> Iterator[Timed]:
    for packet in _readable(container, streams):
        if packet.size and not packet.is_corrupt:
            yield from tracks[packet.stream_index].take(packet)
    for track in tracks.values():
        yield from track.take(None)


def _readable(container: InputContainer, streams: list[AudioStream]) -> Iterator[Packet[Any]]:
    """Gives the packets up to where they can't be read any further."""
    if streams:
        with suppress(av.FFmpegError):
            yield from container.demux(streams)


def _mux(packets: Iterable[Timed], target: OutputContainer) -> None:
    told_s = 0.0
    for _, packet in packets:
        target.mux(packet)
        if time.monotonic() - told_s > 1.0:
            told_s = time.monotonic()
            _tell("")


def _close(target: OutputContainer) -> None:
    """Moves the index to the front, which rewrites the file and takes as long as the disk does."""
    closed = threading.Event()

    def tell() -> None:
        while not closed.wait(1.0):
            _tell("")

    threading.Thread(target=tell, daemon=True).start()
    try:
        target.close()
    finally:
        closed.set()


def _tell(message: str) -> None:
    os.write(sys.stdout.fileno(), f"{message}\n".encode())


if __name__ == "__main__":
    main()
