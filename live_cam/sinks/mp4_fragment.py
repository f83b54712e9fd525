"""A movie fragment with one frame (ISO/IEC 14496-12, 8.8), for the frame that FFmpeg's muxer holds until the next."""

from __future__ import annotations

import re
import struct
from typing import Final

_BASE_DATA_OFFSET_PRESENT: Final = 0x000001
_OFFSET_DURATION_SIZE_FLAGS_PRESENT: Final = 0x000701
_KEYFRAME: Final = 0x02000000
_NO_KEYFRAME: Final = 0x01010000
_TRACK: Final = 1
_START_CODE: Final = re.compile(b"\0*\0\0\1")


def movie_fragment(data: bytes, dts: int, duration: int, is_keyframe: bool, sequence: int, position: int) -> bytes:
    """Returns the boxes `moof` and `mdat`.

    Args:
        data: The encoded frame; H.264 from an encoder has start codes (ISO/IEC 14496-10, Annex B), for which the
            lengths are substituted that MP4 has.
        dts: When it is decoded, in ticks of the track since its start.
        duration: Its duration in ticks.
        is_keyframe: Whether it can be decoded without others.
        sequence: Number of the fragment, from 1 on.
        position: Where in the file the fragment begins.
    """
    data = _with_lengths(data)

    def moof(data_offset: int) -> bytes:
        flags = _KEYFRAME if is_keyframe else _NO_KEYFRAME
        return _box(
            b"moof",
            _box(b"mfhd", struct.pack(">II", 0, sequence)),
            _box(
                b"traf",
                _box(b"tfhd", struct.pack(">IIQ", _BASE_DATA_OFFSET_PRESENT, _TRACK, position)),
                _box(b"tfdt", struct.pack(">IQ", 1 << 24, dts)),
                _box(
                    b"trun",
                    struct.pack(
                        ">IIIIII", _OFFSET_DURATION_SIZE_FLAGS_PRESENT, 1, data_offset, duration, len(data), flags
                    ),
                ),
            ),
        )

    return moof(len(moof(0)) + 8) + _box(b"mdat", data)


def _box(name: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I4s", 8 + len(data), name) + data


def _with_lengths(data: bytes) -> bytes:
    first = _START_CODE.match(data)
    if first is None:
        return data
    units = _START_CODE.split(data[first.end() :])
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
