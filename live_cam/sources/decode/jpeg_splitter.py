"""Finds JPEGs in a stream of bytes by their own markers, whatever a camera writes between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from live_cam.errors import SourceError

MAX_JPEG_BYTES = 16 << 20
"""Of 16 megapixels at the highest usual quality."""

_START = b"\xff\xd8\xff"
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}
# What may follow the compressed data of a scan; anything else behind 0xff there is part of it, or damage.
_AFTER_SCAN = re.compile(rb"\xff[\xc4\xd8-\xdd\xe0-\xef\xfe]")


class JpegSplitter:
    """Returns the JPEGs in what it is fed.

    Segments are skipped by their length, since a thumbnail in one has markers of its own. A picture without an end
    marker ends where the next one starts; one that is cut off before its compressed data is dropped.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0  # 0: outside a picture
        self._in_scan = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields the pictures that some more bytes complete.

        Raises:
            SourceError: A picture does not end within `MAX_JPEG_BYTES`.
        """
        self._buffer += data
        while (jpeg := self._next()) is not None:
            yield jpeg
        if len(self._buffer) > MAX_JPEG_BYTES:
            raise SourceError(f"sends a picture of more than {MAX_JPEG_BYTES >> 20} MB; choose a smaller size there")

    def finish(self) -> bytes | None:
        """Returns the picture at the end that lacks its end marker, if there is one."""
        return bytes(self._buffer) if self._in_scan else None

    def _next(self) -> bytes | None:
        while self._position or self._find_start():
            if self._in_scan:
                marker = _AFTER_SCAN.search(self._buffer, self._position)
                if marker is None:
                    self._position = len(self._buffer) - 1
                    return None
                self._position = marker.start()
            header = self._buffer[self._position : self._position + 4]
            if len(header) < 2:
                return None
            code = header[1]
            if self._in_scan and code in (_SOI, _EOI):
                return self._cut(self._position + 2 * (code == _EOI))
            if header[0] != 0xFF or code in (_SOI, _EOI):
                self._cut(self._position)  # damaged: the next picture may start here
            elif code == 0xFF:  # a fill byte
                self._position += 1
            elif code in _WITHOUT_LENGTH:
                self._position += 2
            elif len(header) < 4:
                return None
            else:
                self._in_scan = code == _SOS
                self._position += 2 + int.from_bytes(header[2:])
        return None

    def _find_start(self) -> bool:
        start = self._buffer.find(_START)
        if start < 0:
            del self._buffer[: -len(_START) + 1]
            return False
        del self._buffer[:start]
        self._position = 2
        return True

    def _cut(self, end: int) -> bytes:
        """Removes and returns everything up to a position."""
        jpeg = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._position, self._in_scan = 0, False
        return jpeg
