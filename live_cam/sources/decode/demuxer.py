"""The interface between a camera's connection and the reader that decodes what arrives."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

MAX_PIXELS = 4096 * 4096
"""Above all usual cameras, 4K and 12 megapixels included; drawing larger frames would slow all other sources down."""

SILENCE_LIMIT_S = 60.0
"""The slowest cameras deliver a few pictures a minute. Sooner, whoever reads may give up: he knows the usual rate."""

MEGAPIXELS = MAX_PIXELS // 1_000_000
NO_VIDEO = "responds, but not with video; give the URL of the stream itself"
NO_RESPONSE = "does not respond within {:.0f} s; is the camera on, and in this network?"
SILENT = "has sent nothing for {:.0f} s; is the camera on, and in this network?"
DENIED = "denies access; check user name and password ({}://user:password@host/...)"
NOT_FOUND = "has nothing under this path; look up the stream's URL in the camera's manual"


class Demuxer(Protocol):
    """A connection to a camera that delivers compressed frames. One thread reads and closes it.

    Attributes:
        codec: What decodes the packets.
        is_intra: Whether each packet is a whole frame.
        is_open_ended: Whether a frame is known to be complete only when the next one starts.
        is_paced: Whether packets arrive sooner than they are due, as those of a recording do.
        polled_fps: Frames per second that are requested one by one; None for a stream.
    """

    codec: VideoCodecContext
    is_intra: bool
    is_open_ended: bool
    is_paced: bool
    polled_fps: float | None

    def next_packet(self) -> Packet[VideoStream]:
        """Waits for the next packet.

        Raises:
            SourceError: The stream ended, or nothing arrived for a minute.
        """
        ...

    def stream_ns(self, pts: int | None, /) -> int | None:
        """Returns a timestamp in nanoseconds; None if the stream has none of its own."""
        ...

    def pixel_ratio(self, frame: av.VideoFrame, /) -> Fraction:
        """Returns the width of a pixel of the upright frame divided by its height."""
        ...

    def close(self) -> None:
        """Closes the connection."""
        ...
