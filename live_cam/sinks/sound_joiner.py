"""The program behind `sound.py`.

    python -m live_cam.sinks.sound_joiner VIDEO SOURCE OUTPUT

To its standard output it writes an empty line each second while it gets on, and one that says what went wrong if
something did. It ends at once when its standard input does, which its parent holds open.
"""

from __future__ import annotations

import heapq
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
    """Joins the files that the arguments name."""
    become_child(_MOST_MEMORY_BYTES)
    video, source, output = sys.argv[1:]
    try:
        join(video, source, output)
    except (av.FFmpegError, ValueError, OSError, MemoryError) as error:
        _tell(str(getattr(error, "strerror", None) or error or type(error).__name__))
        sys.exit(1)


def join(video: str, source: str, output: str) -> None:
    """Writes the output; what fails may leave a part of it behind.

    Raises:
        av.FFmpegError: One of the files can't be read, or the output can't be written.
        ValueError: No sound of the source can be decoded here.
    """
    suffix = Path(output).suffix.casefold()
    with av.open(video) as pictures, av.open(source) as sounds:
        shown = pictures.streams.video[0]
        known = [stream for stream in sounds.streams.audio if stream.codec_context is not None]
        if sounds.streams.audio and not known:
            raise ValueError("its codec is not known here")
        options = dict(_OPTIONS[suffix])
        if suffix == ".mp4":
            options["video_track_timescale"] = str((shown.time_base or Fraction(1, 90_000)).denominator)
        with av.open(output, "w", options=options) as target:
            copied = CopiedTrack(shown, target, may_precede=True)
            tracks = {stream.index: _sound_track(stream, target, suffix) for stream in known}
            packets = _pictures(pictures, copied), _sounds(sounds, known, tracks)
            _mux(heapq.merge(*packets, key=lambda timed: timed[0]), target)
            _close(target)


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
    """Gives the sound up to where it can't be read any further."""
    packets = container.demux(streams) if streams else iter(())
    with suppress(av.FFmpegError):
        for packet in packets:
            if packet.size and not packet.is_corrupt:
                yield from tracks[packet.stream_index].take(packet)
    for track in tracks.values():
        yield from track.take(None)


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
