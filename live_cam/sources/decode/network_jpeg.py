"""JPEGs over HTTP: multipart, one behind the other, or one for each request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import httpx
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from live_cam.errors import SourceError
from live_cam.sources.decode.connection_guard import ConnectionGuard
from live_cam.sources.decode.demuxer import MAX_PIXELS, MEGAPIXELS, NO_VIDEO
from live_cam.sources.decode.jpeg_splitter import MAX_JPEG_BYTES, JpegSplitter
from live_cam.sources.decode.network_http import HttpCamera, chunks, require_playable
from live_cam.sources.jpeg import read_jpeg_size
from live_cam.sources.url import CameraUrl

_MULTIPART = "multipart/"
_JPEG_TYPES = ("image/jpeg", "image/jpg", "image/pjpeg")
_STARTS = (b"\xff\xd8\xff", b"--")  # of a JPEG, and of a boundary
_DECISIVE_BYTES = 16
_MAX_BLANK_BYTES = 4096


def connect_jpeg(url: CameraUrl, guard: ConnectionGuard | None, poll_fps: float) -> JpegDemuxer | None:
    """Requests a URL, and returns what delivers its JPEGs; None if it responds with something else, closed again.

    Raises:
        AccessDeniedError: The camera refuses the user name or password.
        SourceError: The camera responds with an error, or without a picture.
    """
    camera = HttpCamera(url, guard)
    try:
        response = camera.get()
        body = chunks(response)
        kind = response.headers.get("Content-Type", "").strip().lower()
        first = _read_start(body)
        if kind.startswith((_MULTIPART, *_JPEG_TYPES)) or first.lstrip().startswith(_STARTS):
            return JpegDemuxer(camera, response, first, body, poll_fps)
        require_playable(camera, response, first)
    except (httpx.TransportError, httpx.InvalidURL):
        pass  # FFmpeg understands some of what is not quite HTTP, and tells why a host can't be reached
    except BaseException:
        camera.close()
        raise
    camera.close()
    return None


def _read_start(body: Iterator[bytes]) -> bytes:
    """Reads until there is enough to tell what it is: a server may send the blank line before a boundary by itself."""
    first = b""
    while len(first.lstrip()) < _DECISIVE_BYTES and len(first) < _MAX_BLANK_BYTES:
        chunk = next(body, None)
        if chunk is None:
            break
        first += chunk
    return first


class JpegDemuxer:
    """A connection that delivers JPEGs; see `Demuxer`.

    Args:
        camera: Where further pictures are requested, if the response contains a single one.
        response: The response.
        first: The first bytes of its body.
        body: The rest.
        poll_fps: How often to request a picture.

    Raises:
        SourceError: There is no picture in the response, or it is too large.
    """

    is_intra = True
    is_open_ended = False
    is_paced = False
    polled_fps: float | None = None

    def __init__(
        self, camera: HttpCamera, response: httpx.Response, first: bytes, body: Iterator[bytes], poll_fps: float
    ) -> None:
        codec = av.CodecContext.create("mjpeg", "r")
        assert isinstance(codec, VideoCodecContext)
        codec.options = {"max_pixels": str(MAX_PIXELS)}
        self.codec = codec
        self._camera = camera
        self._response = response
        self._poll_fps = poll_fps
        self._due_s = time.monotonic()
        self._jpegs = self._split(first, body)
        self._pending: bytes | None = self._next_jpeg()

    def next_packet(self) -> Packet[VideoStream]:
        """See `Demuxer`; waits until it is time if pictures are requested one by one."""
        jpeg, self._pending = self._pending or self._next_jpeg(), None
        return cast("Packet[VideoStream]", Packet(jpeg))

    def stream_ns(self, _pts: int | None, /) -> int | None:
        """Returns None: JPEGs have no timestamps."""
        return None

    def pixel_ratio(self, _frame: av.VideoFrame, /) -> Fraction:
        """Returns 1: browsers ignore the density in a JPEG."""
        return Fraction(1)

    def close(self) -> None:
        """See `Demuxer`."""
        self._camera.close()

    def _next_jpeg(self) -> bytes:
        jpeg = next(self._jpegs, None)
        if jpeg is None:
            raise SourceError("ended the stream")
        try:
            width_px, height_px = read_jpeg_size(jpeg)
        except SourceError:
            return jpeg  # the decoder, which has the same limit, may know better
        if width_px * height_px > MAX_PIXELS:
            raise SourceError(f"sends frames of more than {MEGAPIXELS} megapixels; choose a smaller size there")
        return jpeg

    def _split(self, first: bytes, body: Iterator[bytes]) -> Iterator[bytes]:
        """Yields the pictures of the response, and if it contained just one, those of further requests."""
        splitter = JpegSplitter()
        num_bytes = num_jpegs = 0
        chunk: bytes | None = first
        while chunk is not None:
            num_bytes += len(chunk)
            for jpeg in splitter.feed(chunk):
                num_jpegs += 1
                yield jpeg
            if num_jpegs == 0 and num_bytes > MAX_JPEG_BYTES:
                raise SourceError(NO_VIDEO)
            chunk = next(body, None)
        last = splitter.finish()
        if num_jpegs + (last is not None) == 0:
            raise SourceError(NO_VIDEO)
        if num_jpegs + (last is not None) == 1 and not self._is_multipart:
            if last is not None:
                yield last
            yield from self._poll()

    @property
    def _is_multipart(self) -> bool:
        return str(self._response.headers.get("Content-Type", "")).strip().lower().startswith(_MULTIPART)

    def _poll(self) -> Iterator[bytes]:
        self.polled_fps = self._poll_fps
        while True:
            now_s = time.monotonic()
            self._due_s = max(self._due_s + 1 / self._poll_fps, now_s)
            time.sleep(self._due_s - now_s)
            try:
                response = self._camera.get()
            except httpx.TransportError:
                raise SourceError("ended the stream") from None
            splitter = JpegSplitter()
            jpegs: list[bytes] = []
            for chunk in chunks(response):  # to its end, which keeps the connection for the next one
                jpegs += splitter.feed(chunk)
                if len(jpegs) > 1:
                    break
            response.close()
            if not jpegs and (last := splitter.finish()) is not None:
                jpegs = [last]
            if not jpegs:
                raise SourceError(NO_VIDEO)
            yield jpegs[0]
