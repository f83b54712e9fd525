"""The binary messages of the WebSocket: a JSON header and a JPEG, so that both always belong together."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

_LENGTH = struct.Struct("<I")


def pack(header: Mapping[str, Any]) -> bytes:
    """Returns a message without a JPEG; see `pack_text`."""
    return pack_text(encode(header))


def encode(header: Mapping[str, Any]) -> bytes:
    """Returns a header in JSON."""
    return json.dumps(header, separators=(",", ":")).encode()


def pack_text(header: bytes, jpeg: bytes = b"") -> bytes:
    """Returns one message: the length of the header (uint32, little-endian), the header (JSON), the JPEG."""
    return b"".join((_LENGTH.pack(len(header)), header, jpeg))


def unpack(message: bytes) -> tuple[Any, bytes]:
    """Splits a message from `pack` or the page into header and JPEG.

    Raises:
        ValueError: The message has another format.
    """
    if len(message) < _LENGTH.size:
        raise ValueError("the message has no header")
    end = _LENGTH.size + _LENGTH.unpack_from(message)[0]
    return json.loads(message[_LENGTH.size : end]), message[end:]
