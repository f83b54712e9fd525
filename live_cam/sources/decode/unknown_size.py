"""Why FFmpeg tells no size of a video's frames."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import av
import av.logging
from av.container import InputContainer
from av.video.stream import VideoStream

_SIZE: Final = re.compile(r"Picture size ([1-9]\d*x[1-9]\d*) ")
_TS_PACKET_BYTES: Final = 188
_TS_SYNC: Final = 0x47
_TS_SCRAMBLING_BITS: Final = 0xC0
_EXAMINED_BYTES: Final = 4 << 20


def why_size_is_unknown(path: str, options: Mapping[str, str], container: InputContainer, stream: VideoStream) -> str:
    """Returns the reason, which continues a sentence that starts with the file's name.

    Args:
        path: The file's path.
        options: Those with which it was opened.
        container: The file; its packets are read.
        stream: A stream of it, whose frames have no size.
    """
    if (reason := why_too_large(path, options)) is not None:
        return reason
    if container.format.name == "mpegts" and _is_scrambled(path, stream.id):
        return "is scrambled, as pay TV is; give a recording that was descrambled"
    with suppress(av.FFmpegError):
        if not any(packet.size for packet in container.demux(stream)):
            return "announces video, but holds none; it may be cut short, or hold audio alone"
    return f"lacks the start of its video ({stream.codec_context.name}), without which no frame can be decoded"


def why_too_large(path: str, options: Mapping[str, str]) -> str | None:
    """Returns what is wrong with the size that a file declares; None if it is within FFmpeg's limits.

    A size beyond them is in FFmpeg's log alone.
    """
    level, skips_repeated = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture() as messages, suppress(av.FFmpegError, ValueError):
            av.open(path, options=dict(options)).close()
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(skips_repeated)
    sizes = (_SIZE.match(text) for _, _, text in messages)
    size = next((found[1] for found in sizes if found), None)
    return None if size is None else f"has frames of {size}, too large; scale them down"


def _is_scrambled(path: str, pid: int) -> bool:
    """Returns whether most packets of an MPEG transport stream with that identifier are scrambled (ISO 13818-1)."""
    with Path(path).open("rb") as file:
        data = file.read(_EXAMINED_BYTES)
    starts = range(max(0, data.find(_TS_SYNC)), len(data) - 3, _TS_PACKET_BYTES)
    flags = [
        data[at + 3] & _TS_SCRAMBLING_BITS for at in starts if int.from_bytes(data[at + 1 : at + 3]) & 0x1FFF == pid
    ]
    return sum(map(bool, flags)) * 2 > len(flags)
