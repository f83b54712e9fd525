"""JPEGs of kinds that libjpeg does not read, though they are no less JPEG."""

from __future__ import annotations

from pathlib import Path

_START_OF_FRAME = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_LOSSLESS = frozenset((0xC3, 0xC7, 0xCB, 0xCF))
_HIERARCHICAL = frozenset((0xC5, 0xC6, 0xCD, 0xCE))
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))


def jpeg_problem(path: Path) -> str:
    """Returns why a JPEG of a rare kind can't be read; empty for the usual kinds and where the frame is not found.

    The message continues a sentence that starts with the file's name.
    """
    with path.open("rb") as file:
        file.seek(2)
        while (marker := file.read(2))[:1] == b"\xff":
            code = marker[1] if len(marker) == 2 else 0
            if code == 0xFF:  # a fill byte
                file.seek(-1, 1)
            elif code in _START_OF_FRAME:
                bits = file.read(3)[-1:]
                if code in _LOSSLESS or code in _HIERARCHICAL:
                    kind = "lossless" if code in _LOSSLESS else "hierarchical"
                    return f"is a {kind} JPEG, which can't be read; save it as a baseline one or as PNG"
                if bits not in (b"\x08", b""):
                    return f"is a JPEG of {bits[0]} bits a channel, which can't be read; save it with 8"
                return ""
            elif code not in _WITHOUT_LENGTH:
                length = file.read(2)
                file.seek(max(0, int.from_bytes(length, "big") - 2), 1)
    return ""
