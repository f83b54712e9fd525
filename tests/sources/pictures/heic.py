"""HEIC files as phones write them, made from one H.265 frame."""

from __future__ import annotations

import io
import struct

import av


def _box(kind, *parts):
    payload = b"".join(parts)
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def _full_box(kind, *parts, flags=0, version=0):
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


def _encode(rgb):
    """Returns the decoder's configuration (hvcC) and the samples of an H.265 still."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx265", rate=1, options={"x265-params": "log-level=none:lossless=1"})
        stream.height, stream.width = rgb.shape[:2]
        stream.pix_fmt = "yuv444p"
        stream.codec_context.codec_tag = "hvc1"
        frame = av.VideoFrame.from_ndarray(rgb, "rgb24")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            packet.pts = packet.dts = 0  # x265 makes up the dts of a single frame
            container.mux(packet)
    data = file.getvalue()
    start = data.index(b"hvcC") - 4
    configuration = data[start : start + int.from_bytes(data[start : start + 4], "big")]
    start = data.index(b"mdat") - 4
    return configuration, data[start + 8 : start + int.from_bytes(data[start : start + 4], "big")]


def heic(rgb, profile=b"", quarter_turns=0):
    """Returns a HEIC file of an RGB image.

    Args:
        rgb: uint8 (H, W, 3).
        profile: An ICC profile.
        quarter_turns: How often it is turned anticlockwise when it is shown.
    """
    configuration, samples = _encode(rgb)
    height_px, width_px = rgb.shape[:2]
    properties = [
        configuration,
        _full_box(b"ispe", struct.pack(">II", width_px, height_px)),
        _box(b"irot", bytes([quarter_turns])),
    ]
    if profile:
        properties.append(_box(b"colr", b"prof", profile))
    associations = bytes([0x81, *range(2, len(properties) + 1)])
    kinds = _box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(offset):
        item = _full_box(b"infe", struct.pack(">HH4s", 1, 0, b"hvc1"), b"\0", version=2)
        return _full_box(
            b"meta",
            _full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            _full_box(b"pitm", struct.pack(">H", 1)),
            _full_box(b"iinf", struct.pack(">H", 1), item),
            _full_box(b"iloc", struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, len(samples))),
            _box(
                b"iprp",
                _box(b"ipco", *properties),
                _full_box(b"ipma", struct.pack(">IHB", 1, 1, len(associations)), associations),
            ),
        )

    offset = len(kinds) + len(meta(0)) + 8
    return kinds + meta(offset) + _box(b"mdat", samples)
