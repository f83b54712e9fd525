"""Containers, codecs and encoders of the videos written."""

from __future__ import annotations

import os
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final, Literal, cast

import av
from av.video.codeccontext import VideoCodecContext

from live_cam.errors import UsageError

Codec = Literal["auto", "h264", "vp9", "hardware"]

ENCODER_THREADS: Final = str(min(4, max(1, (os.cpu_count() or 1) // 2)))  # the others run the step
"""How many threads a software encoder may use."""

# None buffers frames: a kill would lose what an encoder holds.
_ENCODERS: Final[dict[Codec, dict[str, dict[str, str]]]] = {
    "h264": {"libx264": {"preset": "superfast", "tune": "zerolatency", "crf": "20", "threads": ENCODER_THREADS}},
    "vp9": {
        "libvpx-vp9": {
            "deadline": "realtime",
            "cpu-used": "8",
            "lag-in-frames": "0",
            "row-mt": "1",
            "crf": "30",
            "b": "0",
        }
    },
    "hardware": {
        "h264_nvenc": {"tune": "ull", "zerolatency": "1", "delay": "0", "bf": "0", "rc": "vbr", "cq": "23"},
        "h264_videotoolbox": {"realtime": "1", "bf": "0"},
        "h264_qsv": {"async_depth": "1", "bf": "0", "global_quality": "23"},
        "h264_amf": {"usage": "lowlatency", "bf": "0"},
        "h264_mf": {"hw_encoding": "1", "bf": "0"},
        "h264_v4l2m2m": {"bf": "0"},
    },
}
_CONTAINERS: Final[dict[str, tuple[Codec, ...]]] = {
    ".mp4": ("h264", "vp9", "hardware"),
    ".mkv": ("h264", "vp9", "hardware"),
    ".webm": ("vp9",),
}
SUFFIXES: Final = tuple(_CONTAINERS)
"""Suffixes of the containers that can be written."""

_KEYFRAME_INTERVAL = "60"
_PROBE_PX = 256


def choose_encoder(path: Path, codec: Codec) -> tuple[str, dict[str, str]]:
    """Returns FFmpeg's name of the encoder for a new video file, and its options.

    Args:
        path: The file; its suffix selects the container.
        codec: `auto` is the codec that every player of the container supports; `hardware` the first H.264 encoder of a
            GPU or media processor that opens.

    Raises:
        UsageError: The container is unknown or does not support the codec, or no such encoder is available.
    """
    codecs = _CONTAINERS.get(path.suffix.casefold())
    if codecs is None:
        raise UsageError(f"{path} should end with one of {', '.join(SUFFIXES)}")
    codec = codecs[0] if codec == "auto" else codec
    if codec not in codecs:
        raise UsageError(f"{path.suffix} files hold no {codec}; choose {' or '.join(codecs)}, or another suffix")
    for name, options in _ENCODERS[codec].items():
        if codec != "hardware" or _opens(name):
            return name, {"g": _KEYFRAME_INTERVAL, **options}
    raise UsageError(f"no hardware encoder opens (tried {', '.join(_ENCODERS['hardware'])}); use the codec h264")


@cache
def _opens(name: str) -> bool:
    """Returns whether the hardware and driver of an encoder are there, by encoding one frame.

    Cached, since each recording needs it twice, the second time while frames are waiting.
    """
    try:
        context = cast("VideoCodecContext", av.CodecContext.create(name, "w"))
        context.width = context.height = _PROBE_PX
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, 30)
        context.options = _ENCODERS["hardware"][name]
        frame = av.VideoFrame(_PROBE_PX, _PROBE_PX, "yuv420p")
        frame.pts = 0
        return bool([*context.encode(frame), *context.encode(None)])
    except (av.FFmpegError, ValueError):
        return False
