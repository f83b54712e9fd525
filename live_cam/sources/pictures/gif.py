"""The compressed pixels of a GIF that end early."""

from __future__ import annotations

_MAX_CODES = 4096
_MAX_CODE_BITS = 12


def count_gif_pixels(data: bytes, start: int, bits: int) -> int:
    """Returns how many pixels can be decoded, from the lengths of the LZW codes.

    Args:
        data: The file.
        start: Where the data's first sub-block is.
        bits: The initial code size less one, as stored before it.
    """
    clear, end = 1 << bits, (1 << bits) + 1
    lengths = [1] * (end + 1)
    previous = total = buffer = num_bits = 0
    width = bits + 1
    for byte in _sub_blocks(data, start):
        buffer |= byte << num_bits
        num_bits += 8
        while num_bits >= width:
            code = buffer & ((1 << width) - 1)
            buffer >>= width
            num_bits -= width
            if code == clear:
                del lengths[end + 1 :]
                previous, width = 0, bits + 1
                continue
            if previous and len(lengths) < _MAX_CODES:
                lengths.append(previous + 1)
                if len(lengths) == 1 << width and width < _MAX_CODE_BITS:
                    width += 1
            if code == end or code >= len(lengths):
                return total
            previous = lengths[code]
            total += previous
    return total


def _sub_blocks(data: bytes, start: int) -> bytes:
    payload = bytearray()
    while start < len(data) and data[start]:
        payload += data[start + 1 : start + 1 + data[start]]
        start += 1 + data[start]
    return bytes(payload)


def close_gif(data: bytes, start: int) -> bytes:
    """Returns a GIF whose last sub-block has the length of what is there: Pillow decodes whole ones only."""
    while start < len(data) and data[start]:
        if start + 1 + data[start] > len(data):
            return data[:start] + bytes([len(data) - start - 1]) + data[start + 1 :]
        start += 1 + data[start]
    return data
