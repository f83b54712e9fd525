"""Recording what viewers see, without ever delaying the live view."""

from __future__ import annotations

import contextlib
import logging
import queue
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import LiveCamError, OutputError
from live_cam.files import require_absent, require_directory, require_writable
from live_cam.sinks.annotated_video import AnnotatedVideo, VideoFormat, sidecar_paths
from live_cam.sinks.codecs import Codec, choose_encoder
from live_cam.sinks.faststart import faststart
from live_cam.sinks.view import View, choose_view
from live_cam.text import encodable
from live_cam.types import EncodedFrame

RecordingState = Literal["recording", "finishing", "finished", "failed"]

_log = logging.getLogger(__name__)

_TIME_BASE: Final = Fraction(1, 90_000)
_RATE_FPS = 30  # approximate, for the encoder's rate control; timestamps are those of capture
_MAX_QUEUED = 4
_POLL_S = 0.5
_MIN_BYTES = 512 * 1024**2
_RESERVE_BYTES = 128 * 1024**2
"""Kept free: enough to finish the file, and for other programs not to fail."""


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """Status of a recording.

    Attributes:
        state: `finishing` from the last frame until the index is in front.
        seconds: From the first frame to the end of the last.
        bytes: Size of the video.
        free_bytes: Free space on the disk.
        dropped: Frames dropped because the encoder was too slow.
        message: Why it ended by itself; "" otherwise.
    """

    state: RecordingState
    seconds: float
    bytes: int
    free_bytes: int
    dropped: int
    message: str


def free_bytes(directory: Path) -> int:
    """Returns the free space on the disk of a directory."""
    return shutil.disk_usage(directory).free


class Recorder:
    """Encodes one video in a thread of its own.

    Attributes:
        files: The video and the files beside it.
    """

    def __init__(
        self,
        video: Path,
        view: View,
        codec: Codec,
        subtitles: bool,
        header: Mapping[str, Any],
        disk_free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """Starts the thread; the files are created with the first frame.

        Args:
            video: The new file; its suffix selects the container.
            view: What is recorded.
            codec: The codec.
            subtitles: Whether to write subtitles.
            header: Header of the sidecar.
            disk_free: Returns the free bytes on the disk of a directory.

        Raises:
            UsageError: The container is unknown, or the encoder is not available.
            OutputError: A file exists, its directory does not or is not writable, or the disk has too little space.
        """
        choose_encoder(video, codec)
        self.files = [video, *sidecar_paths(video, subtitles)]
        for path in self.files:
            require_absent(path)
        require_directory(video)
        require_writable(video.parent)
        self._disk_free = disk_free
        self._free_bytes = disk_free(video.parent)
        if self._free_bytes < _MIN_BYTES:
            raise OutputError(
                f"a recording needs {_MIN_BYTES // 1024**2} MiB of free space to start, and the disk has "
                f"{self._free_bytes // 1024**2}; make room, or choose another disk"
            )
        self._view = view
        self._codec: Codec = codec
        self._subtitles = subtitles
        self._header = header
        self._queue: queue.Queue[tuple[NDArray[np.uint8], EncodedFrame]] = queue.Queue(_MAX_QUEUED)
        self._stopping = threading.Event()
        self._skip_faststart = threading.Event()
        self._ended = threading.Event()
        self._dropped = 0
        self._message = self._reason = ""
        self._state: RecordingState = "recording"
        self._video: AnnotatedVideo | None = None
        self._thread = threading.Thread(target=self._run, name=f"recorder of {video.name}", daemon=True)
        self._thread.start()

    @property
    def status(self) -> RecorderStatus:
        """The current status."""
        video = self._video
        seconds, size_bytes = (0.0, 0) if video is None else (video.end_s, video.size_bytes)
        return RecorderStatus(
            self._state, round(seconds, 1), size_bytes, self._free_bytes, self._dropped, self._message
        )

    def put(self, overlay: NDArray[np.uint8], encoded: EncodedFrame) -> None:
        """Queues a frame, or drops it if the encoder is behind; never blocks. Called by the worker.

        Args:
            overlay: uint8 (H, W, 3), RGB: the frame with its map.
            encoded: What the overlay was made of.
        """
        if self._stopping.is_set():
            return
        try:
            self._queue.put_nowait((overlay, encoded))
        except queue.Full:
            self._dropped += 1

    def stop(self, reason: str = "") -> None:
        """Ends the recording once all queued frames are encoded; returns at once. Thread-safe.

        Args:
            reason: Why, if nobody asked for it.
        """
        self._reason = self._reason or reason
        self._stopping.set()

    def join(self, timeout_s: float | None = None) -> bool:
        """Waits until the files are complete, or for the timeout; returns whether they are."""
        return self._ended.wait(timeout_s)

    def finish_quickly(self) -> None:
        """Skips or cancels moving the index to the front."""
        self._skip_faststart.set()

    def _run(self) -> None:
        self._run_guarded(self._record, "what was recorded before is kept")
        self._stopping.set()
        self._message = self._message or self._reason
        self._state = "finishing"
        self._run_guarded(self._finish, "the file is playable as it is")
        has_frames = self._video is not None and self._video.num_frames
        if not has_frames:
            self._message = self._message or "No frames arrived; nothing was recorded"
        self._state = "finished" if has_frames else "failed"
        self._ended.set()

    def _run_guarded(self, work: Callable[[], None], consequence: str) -> None:
        try:
            work()
        except LiveCamError as error:
            self._message = self._message or f"{error}; {consequence}"
            _log.warning("recording %s: %s", self.files[0].name, error)
        except Exception as error:
            self._message = self._message or encodable(f"Recording failed: {error}")
            _log.exception("recording %s failed", self.files[0].name)

    def _record(self) -> None:
        while not (self._stopping.is_set() and self._queue.empty()):
            self._free_bytes = self._disk_free(self.files[0].parent)
            if self._free_bytes < _RESERVE_BYTES:
                self._message = f"The disk is nearly full ({self._free_bytes // 1024**2} MiB free): recording stopped"
                return
            with contextlib.suppress(queue.Empty):
                self._write(*self._queue.get(timeout=_POLL_S))

    def _write(self, overlay: NDArray[np.uint8], encoded: EncodedFrame) -> None:
        rgb = choose_view(self._view, encoded.frame.rgb, overlay)
        second = None if encoded.second is None else encoded.second.target_label
        settings = {**asdict(encoded.overlay_style), "second": second}
        if self._video is None:
            self._start_ns = encoded.pts_ns
            started = encoded.captured_at.isoformat(timespec="milliseconds")
            cam_config = asdict(encoded.explanation.cam_config)
            header = {**self._header, **cam_config, "started": started, "view": self._view, "settings": settings}
            size_px = (rgb.shape[1], rgb.shape[0])
            video_format = VideoFormat(size_px, _TIME_BASE, _RATE_FPS, self._codec, subtitles=self._subtitles)
            self._video = AnnotatedVideo(self.files[0], video_format, header)
        pts = round((encoded.pts_ns - self._start_ns) * _TIME_BASE.denominator / 1e9)
        duration = _TIME_BASE.denominator // _RATE_FPS
        self._video.write(rgb, pts, duration, encoded.explanation, settings, encoded.second)

    def _finish(self) -> None:
        if self._video is None:
            return
        self._video.close({"dropped": self._dropped, "message": self._message})
        video = self.files[0]
        if self._video.num_frames and self._disk_free(video.parent) > self._video.size_bytes + _RESERVE_BYTES:
            faststart(video, self._skip_faststart)
