"""PNG as browsers read it: an ancillary chunk that is damaged or huge does not keep the pixels from being shown."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from live_cam.sources.pictures.colour import SRGB_PRIMARIES, Chromaticities, h273_profile, rgb_profile

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_KEPT = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT")
)  # pixels, transparency, orientation and animation; the colours' chunks become `Png.profile`
_MAX_PROFILE_BYTES = 8 << 20
_SCREEN_GAMMA = 2.2
_SAME_GAMMA = 0.05
_VIDEO_GAMMA = 2.4
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row of each pass, and the steps from one to the next."""

_Chunk = tuple[bytes, bytes]
"""Type and data."""


@dataclass(frozen=True, slots=True)
class Png:
    """A PNG file without what is not needed to show it.

    Attributes:
        data: The file, with sound checksums.
        profile: The ICC profile of its colours; None for sRGB.
    """

    data: bytes
    profile: bytes | None


def clean_png(data: bytes) -> Png:
    """Drops the chunks that are not needed to show an image, and ancillary ones with a wrong checksum."""
    chunks = list(_chunks(data))
    kept = [chunk for chunk in chunks if chunk[0] in _KEPT and _has_valid_length(chunk, chunks)]
    return Png(_join(kept), _profile(dict(reversed(chunks))))


def complete_png(data: bytes) -> tuple[bytes, float] | None:
    """Makes a PNG whose compressed pixels end early, or have a wrong checksum, decodable.

    Args:
        data: The file, from `clean_png`.

    Returns:
        The file with missing pixels as zeros, and which part of the pixels is missing; None if there are none at all.
    """
    chunks = list(_chunks(data))
    header = dict(chunks).get(b"IHDR", b"")
    if len(header) != 13:
        return None
    needed = _num_bytes(header)
    # Without the two bytes of zlib's header, there is no checksum at the end that would be verified.
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    pixels = bytearray()
    compressed = b"".join(body for kind, body in chunks if kind == b"IDAT")[2:]
    with suppress(zlib.error):
        for start in range(0, len(compressed), 4096):  # an error discards what the same call has decoded
            pixels += inflater.decompress(compressed[start : start + 4096], max(0, needed - len(pixels)) + 1)
    if not pixels:
        return None
    missing = max(0, needed - len(pixels))
    pixels += bytes(missing)
    still = [chunk for chunk in chunks if chunk[0] in (b"IHDR", b"PLTE", b"tRNS", b"eXIf")]
    return _join([*still, (b"IDAT", zlib.compress(pixels, 0)), (b"IEND", b"")]), missing / needed


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yields the chunks up to the end of the image or of the data, the last one cut short if need be."""
    position = len(SIGNATURE)
    while position + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        end = position + 8 + length
        body = data[position + 8 : end]
        is_ancillary = bool(kind[:1].islower())
        checksum = data[end : end + 4]
        if not is_ancillary or checksum == zlib.crc32(kind + body).to_bytes(4, "big"):
            yield kind, body
        if kind == b"IEND":
            return
        position = end + 4


def _join(chunks: list[_Chunk]) -> bytes:
    parts = [SIGNATURE]
    for kind, body in chunks:
        parts += [struct.pack(">I", len(body)), kind, body, struct.pack(">I", zlib.crc32(kind + body))]
    return b"".join(parts)


def _has_valid_length(chunk: _Chunk, chunks: list[_Chunk]) -> bool:
    """Transparency of a length that the colour type does not allow is ignored."""
    kind, body = chunk
    if kind != b"tRNS":
        return True
    header, palette = (next((body for other, body in chunks if other == name), b"") for name in (b"IHDR", b"PLTE"))
    colour_type = header[9] if len(header) == 13 else -1
    if colour_type == 3:
        return 0 < len(body) <= len(palette) // 3
    return len(body) == {0: 2, 2: 6}.get(colour_type, -1)


def _profile(chunks: dict[bytes, bytes]) -> bytes | None:
    """Returns the profile that the chunks about colour describe, the most exact of them first."""
    code_points = chunks.get(b"cICP", b"")
    if len(code_points) == 4:
        return h273_profile(code_points[0], code_points[1], (_VIDEO_GAMMA,))
    embedded = _embedded_profile(chunks.get(b"iCCP", b""))
    if embedded is not None or len(chunks.get(b"sRGB", b"")) == 1:
        return embedded
    gamma = chunks.get(b"gAMA", b"")
    encoding_gamma = int.from_bytes(gamma, "big") / 100_000 if len(gamma) == 4 else 0.0
    if encoding_gamma <= 0:
        return None
    chromaticities = _chromaticities(chunks.get(b"cHRM", b""))
    is_default = abs(encoding_gamma * _SCREEN_GAMMA - 1) < _SAME_GAMMA
    if is_default and chromaticities is None:
        return None
    try:
        return rgb_profile(chromaticities or SRGB_PRIMARIES, (1 / encoding_gamma,))
    except ValueError:
        return None


def _chromaticities(chunk: bytes) -> Chromaticities | None:
    if len(chunk) != 32:
        return None
    x_w, y_w, x_r, y_r, x_g, y_g, x_b, y_b = (value / 100_000 for value in struct.unpack(">8I", chunk))
    return x_w, y_w, x_r, y_r, x_g, y_g, x_b, y_b


def _embedded_profile(chunk: bytes) -> bytes | None:
    name_end = chunk.find(b"\0", 0, 80)
    if name_end < 0 or chunk[name_end + 1 : name_end + 2] != b"\0":  # the only compression method
        return None
    with suppress(zlib.error):
        inflater = zlib.decompressobj()
        profile = inflater.decompress(chunk[name_end + 2 :], _MAX_PROFILE_BYTES)
        return profile or None
    return None


def _num_bytes(header: bytes) -> int:
    """Returns the size of the pixels, each row preceded by its filter type, before compression."""
    width_px, height_px, depth, colour_type, _, _, interlace = struct.unpack(">IIBBBBB", header)
    bits = depth * _CHANNELS.get(colour_type, 1)
    passes = _ADAM7 if interlace else ((0, 0, 1, 1),)
    total = 0
    for column, row, column_step, row_step in passes:
        columns, rows = -(-(width_px - column) // column_step), -(-(height_px - row) // row_step)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total
