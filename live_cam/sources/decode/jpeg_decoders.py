"""Decoding of JPEGs that others send, in processes with limits of time and memory."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import FileIO
from queue import LifoQueue
from typing import cast

import numpy as np
from numpy.typing import NDArray

from live_cam.child_process import describe_exit, enlarge_pipe, exceeded_cpu, start_child
from live_cam.errors import SourceError
from live_cam.sources.decode.jpeg_process import CPU_LIMIT_S, LENGTH, SIZE
from live_cam.sources.jpeg import JpegLimitError, check_jpeg

MAX_PIXELS = 1920 * 1920
_NUM_PROCESSES = 2  # one slow image leaves the other to the rest
_START_LIMIT_S = 20.0
_RESPONSE_LIMIT_S = 10.0
_EXIT_LIMIT_S = 5.0


class JpegDecoders:
    """Decoder processes, started when they are needed. Images are decoded in the order in which they come."""

    def __init__(self) -> None:
        self._all = [JpegDecoder() for _ in range(_NUM_PROCESSES)]
        self._idle: LifoQueue[JpegDecoder] = LifoQueue()  # the last one used runs already
        for decoder in self._all:
            self._idle.put(decoder)
        self._threads = ThreadPoolExecutor(_NUM_PROCESSES, "jpeg decoder")

    def submit(self, jpeg: bytes) -> Future[NDArray[np.uint8]]:
        """Decodes a JPEG in the background; its EXIF orientation is ignored.

        Returns:
            The future of its pixels, uint8 (H, W, 3), RGB; it raises what `JpegDecoder.decode` does.

        Raises:
            JpegLimitError: It has too many pixels or scans.
            SourceError: It is no JPEG, or the decoders are closed.
        """
        check_jpeg(jpeg, MAX_PIXELS)
        try:
            return self._threads.submit(self._decode, jpeg)
        except RuntimeError:
            raise SourceError("live_cam is stopping") from None

    def _decode(self, jpeg: bytes) -> NDArray[np.uint8]:
        decoder = self._idle.get()  # there are as many as threads
        try:
            return decoder.decode(jpeg)
        finally:
            self._idle.put(decoder)

    def close(self) -> None:
        """Ends the processes; images that wait are not decoded any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for decoder in self._all:
            decoder.close()


class JpegDecoder:
    """One decoder process, which is started again after an image has ended it.

    One thread decodes; any may close it.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._decoding = threading.Lock()
        self._is_closed = False
        self._timed_out = False

    def decode(self, jpeg: bytes) -> NDArray[np.uint8]:
        """Decodes a JPEG that has been checked.

        Returns:
            uint8 (H, W, 3), RGB.

        Raises:
            JpegLimitError: It takes too long or too much memory, or crashes the decoder.
            SourceError: It is damaged, or the decoder does not start or was killed.
        """
        with self._decoding:
            child = self._running_child()
            try:
                with self._time_limit(child, _RESPONSE_LIMIT_S):
                    _write(child, LENGTH.pack(len(jpeg)) + jpeg)
                    height_px, width_px = SIZE.unpack(_read(child, bytearray(SIZE.size)))
                    if not height_px:
                        raise SourceError("an image that was sent is damaged; send it again")
                    rgb = np.empty((height_px, width_px, 3), np.uint8)
                    _read(child, rgb.data.cast("B"))
                    return rgb
            except (EOFError, BrokenPipeError):
                raise self._why_ended() from None

    def close(self) -> None:
        """Ends the process."""
        self._is_closed = True
        if (child := self._child) is not None:
            child.kill()
        with self._decoding:
            self._end()

    def _running_child(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is not None:
            self._end()  # killed while it was idle
        if self._is_closed:
            raise SourceError("live_cam is stopping")
        if self._child is not None:
            return self._child
        self._timed_out = False
        try:
            self._child = start_child("live_cam.sources.decode.jpeg_process", ())
            enlarge_pipe(cast("FileIO", self._child.stdout).fileno())
            with self._time_limit(self._child, _START_LIMIT_S):
                _read(self._child, bytearray(SIZE.size))
        except (OSError, EOFError) as error:
            self._end()
            raise SourceError(f"the decoder of images does not start ({error}); close other programs") from error
        return self._child

    @contextmanager
    def _time_limit(self, child: subprocess.Popen[bytes], limit_s: float) -> Iterator[None]:
        def end() -> None:
            self._timed_out = True
            child.kill()

        timer = threading.Timer(limit_s, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _why_ended(self) -> SourceError:
        status = self._end()
        if self._timed_out or exceeded_cpu(status):
            return JpegLimitError(f"an image that was sent takes more than {CPU_LIMIT_S:g} s to decode; send another")
        if status == -signal.SIGKILL:  # by a person, or the system for want of memory
            return SourceError("the decoder of images was killed; send the image again")
        return JpegLimitError(f"an image that was sent crashed its decoder ({describe_exit(status)}); send another")

    def _end(self) -> int:
        """Ends the process, and returns its exit status; 0 if there is none."""
        child, self._child = self._child, None
        if child is None:
            return 0
        cast("FileIO", child.stdin).close()
        cast("FileIO", child.stdout).close()
        with suppress(subprocess.TimeoutExpired):
            return child.wait(_EXIT_LIMIT_S)
        child.kill()
        return child.wait()


def _write(child: subprocess.Popen[bytes], data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[cast("FileIO", child.stdin).write(left) :]


def _read(child: subprocess.Popen[bytes], buffer: bytearray | memoryview) -> bytearray | memoryview:
    """Fills a buffer, and returns it.

    Raises:
        EOFError: The process has ended.
    """
    left = memoryview(buffer)
    while left:
        count = cast("FileIO", child.stdout).readinto(left)
        if not count:
            raise EOFError("its process has ended")
        left = left[count:]
    return buffer
