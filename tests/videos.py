"""Small videos and audio files, written and read by FFmpeg as other programs do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def grey(level: int, size_px: tuple[int, int] = (64, 48)) -> Pixels:
    """Returns a grey frame of a width and height, uint8 (H, W, 3)."""
    return np.full((size_px[1], size_px[0], 3), level, np.uint8)


def write_video(
    path: Path,
    frames: Sequence[Pixels | av.VideoFrame],
    codec: str = "libx264",
    *,
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 90_000),
    rate_fps: int = 25,
    pix_fmt: str = "yuv420p",
    encoder_options: Mapping[str, str] | None = None,
    context: Mapping[str, Any] | None = None,
    **container_options: str,
) -> Path:
    """Writes frames as a video.

    Args:
        path: The file.
        frames: RGB, or frames of PyAV.
        codec: FFmpeg's name of the encoder.
        pts: Timestamps in the time base; None for a constant frame rate.
        time_base: Time base of the encoder, in seconds.
        rate_fps: Frame rate.
        pix_fmt: Pixel format of the video.
        encoder_options: Options of the encoder.
        context: Attributes of the encoder's context.
        container_options: Options of the muxer.
    """
    first = frames[0]
    height, width = first.shape[:2] if isinstance(first, np.ndarray) else (first.height, first.width)
    with av.open(path, "w", options=container_options) as container:
        stream = cast("VideoStream", container.add_stream(codec, rate_fps, options=dict(encoder_options or {})))
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = time_base
        for name, value in (context or {}).items():
            setattr(stream.codec_context, name, value)
        for number, pixels in enumerate(frames):
            frame = pixels
            if isinstance(frame, np.ndarray):
                frame = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format=pix_fmt)
            frame.time_base = time_base
            frame.pts = round(Fraction(number, rate_fps) / time_base) if pts is None else pts[number]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_joined(path: Path, frames: Sequence[Pixels], starts_s: Sequence[int]) -> Path:
    """Writes an MPEG transport stream that holds the frames once for each start, with timestamps from there on."""
    parts = [
        write_video(path.with_stem(f"{path.stem}-{number}"), frames, output_ts_offset=str(start_s))
        for number, start_s in enumerate(starts_s)
    ]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def write_audio(
    path: Path, *codecs: str, duration_s: float = 1.0, rate_hz: int = 48_000, layout: str = "stereo"
) -> Path:
    """Writes a tone of 440 Hz, as one track per codec."""
    times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    tone = np.sin(2 * np.pi * 440 * times_s) * 8000
    samples = np.repeat(tone, av.AudioLayout(layout).nb_channels)[np.newaxis].astype(np.int16)
    options = {"strict": "experimental"}  # FFmpeg's own Vorbis encoder
    with av.open(path, "w") as container:
        streams = [container.add_stream(codec, rate_hz, options, layout=layout) for codec in codecs]
        for stream in cast("list[AudioStream]", streams):
            frame = av.AudioFrame.from_ndarray(samples, "s16", layout)
            frame.sample_rate, frame.pts = rate_hz, 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


@dataclass
class DecodedVideo:
    """All frames of a video that live_cam wrote."""

    pts: list[int]
    time_base: Fraction
    frames: list[Pixels]

    @property
    def times_s(self) -> list[float]:
        return [float(pts * self.time_base) for pts in self.pts]


def read_video(path: Path) -> DecodedVideo:
    """Decodes a video that live_cam wrote, which declares the matrix of BT.601 (6 in H.273)."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert {frame.colorspace for frame in frames} == {6}
        assert stream.time_base is not None
        rgb = [np.asarray(frame.to_ndarray(format="rgb24", src_colorspace="ITU601"), np.uint8) for frame in frames]
        return DecodedVideo([frame.pts for frame in frames], stream.time_base, rgb)


def mp4_boxes(path: Path) -> list[str]:
    """Returns the names of an MP4 file's top-level boxes."""
    data, names, position = path.read_bytes(), [], 0
    while position + 8 <= len(data):
        size, name = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
        size = int.from_bytes(data[position + 8 : position + 16]) if size == 1 else size
        names.append(name.decode("latin-1"))
        position += max(size, 8)
    return names
