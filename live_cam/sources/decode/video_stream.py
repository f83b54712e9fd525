"""Which stream of a file is its video, and at what rate it plays."""

from __future__ import annotations

from fractions import Fraction

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

_MAX_FPS = 240


def choose_video(container: InputContainer) -> VideoStream | None:
    """Returns the video stream that ffmpeg would choose; None if there is none.

    Cover art and other attached pictures are no video. Of several videos it is the one marked as default, else the
    largest. MPEG-TS may list programs of which no packet is there: their size is unknown, so they come last.
    """
    videos = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    return max(videos, key=_preference, default=None)


def _preference(stream: VideoStream) -> tuple[bool, bool, int]:
    codec = stream.codec_context
    num_pixels = 0 if codec is None else codec.width * codec.height
    return num_pixels > 0, bool(stream.disposition & Disposition.default), num_pixels


def frame_rate(stream: VideoStream) -> Fraction | None:
    """Returns the frames per second, on average as far as known; None if unknown.

    Where FFmpeg knows no rate, it may return that of the time base, such as 1000 or 60000.
    """
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and (rate <= _MAX_FPS or (stream.time_base and rate * stream.time_base < 1)):
            return rate
    return None
