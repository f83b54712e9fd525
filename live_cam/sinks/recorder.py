"""Recording what viewers see, beside the live view and never in its way."""

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

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.errors import LiveCamError, OutputError
from live_cam.frame import EncodedFrame
from live_cam.sinks.annotated_video import AnnotatedVideo, VideoFormat, companions
from live_cam.sinks.codecs import Codec, choose_encoder
from live_cam.sinks.index import put_index_in_front
from live_cam.sinks.new_file import require_absent, require_folder

View = Literal["seen", "clean", "both"]
"""What is recorded: the picture with its map, the picture alone, or both side by side."""

RecordingState = Literal["recording", "finishing", "finished", "failed"]

_log = logging.getLogger(__name__)

_TIME_BASE: Final = Fraction(1, 90_000)
_RATE_FPS = 30  # about, for the encoder's planning; time stamps are those of capture
_MOST_WAITING = 4
_IDLE_S = 0.5
_FLOOR_BYTES = 512 * 1024**2
_RESERVE_BYTES = 128 * 1024**2
"""What stays free: enough to finish the file, and for others to notice before they fail."""


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """How a recording is.

    Attributes:
        state: `finishing` from the last picture until the file is an ordinary one.
        seconds: From the first picture to the end of the last.
        bytes: Size of the video.
        free_bytes: What the disk has left.
        dropped: Pictures left out since the encoder was too slow.
        message: Why it ended by itself; "" else.
    """

    state: RecordingState
    seconds: float
    bytes: int
    free_bytes: int
    dropped: int
    message: str


def free_bytes(folder: Path) -> int:
    """Gives how much more fits on the disk of a folder."""
    return shutil.disk_usage(folder).free


class Recorder:
    """One video in the making, with a thread that encodes.

    Attributes:
        files: The video and what is written beside it.
    """

    def __init__(
        self,
        video: Path,
        view: View,
        codec: Codec,
        subtitles: bool,
        header: Mapping[str, Any],
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """Begins a recording; its files come into being with the first picture.

        Args:
            video: The new file; its suffix says what it is.
            view: What is recorded.
            codec: How to encode.
            subtitles: Whether to write subtitles, too.
            header: What the sidecar begins with.
            free: Gives the free bytes of a folder's disk.

        Raises:
            UsageError: There is no such file format, or no such encoder.
            OutputError: A file is there already, its folder is not, or the disk has too little space.
        """
        choose_encoder(video, codec)
        self.files = [video, *companions(video, subtitles)]
        for path in self.files:
            require_absent(path)
        require_folder(video)
        self._free = free
        self._free_bytes = free(video.parent)
        if self._free_bytes < _FLOOR_BYTES:
            raise OutputError(
                f"a recording begins above {_FLOOR_BYTES // 1024**2} MiB of free space, and the disk has "
                f"{self._free_bytes // 1024**2}; make room, or choose another disk"
            )
        self._view = view
        self._codec: Codec = codec
        self._subtitles = subtitles
        self._header = header
        self._waiting: queue.Queue[tuple[NDArray[np.uint8], EncodedFrame]] = queue.Queue(_MOST_WAITING)
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._ended = threading.Event()
        self._dropped = 0
        self._message = ""
        self._state: RecordingState = "recording"
        self._video: AnnotatedVideo | None = None
        self._thread = threading.Thread(target=self._run, name=f"recorder of {video.name}", daemon=True)
        self._thread.start()

    @property
    def status(self) -> RecorderStatus:
        """How it is at this moment."""
        video = self._video
        seconds, size_bytes = (0.0, 0) if video is None else (video.end_s, video.size_bytes)
        return RecorderStatus(
            self._state, round(seconds, 1), size_bytes, self._free_bytes, self._dropped, self._message
        )

    def put(self, picture: NDArray[np.uint8], shown: EncodedFrame) -> None:
        """Records what is shown now, unless the encoder is behind: nobody waits for it. Called by the worker.

        Args:
            picture: uint8 (H, W, 3), RGB: the frame with the map.
            shown: What it was made of.
        """
        if self._stopping.is_set():
            return
        try:
            self._waiting.put_nowait((picture, shown))
        except queue.Full:
            self._dropped += 1

    def stop(self) -> None:
        """Asks for the end, which comes once what waits is encoded; from any thread."""
        self._stopping.set()

    def join(self, limit_s: float | None = None) -> None:
        """Waits for the end, or as long as the limit says."""
        self._ended.wait(limit_s)  # joining a thread, once interrupted, does not wait a second time

    def hurry(self) -> None:
        """Leaves the file's index at its end, which is done at once."""
        self._hurry.set()

    def _run(self) -> None:
        self._try(self._record, "what was recorded until then is kept")
        self._stopping.set()
        self._state = "finishing"
        self._try(self._finish, "the file plays as it is")
        recorded = self._video is not None and self._video.frames_n
        if not recorded:
            self._message = self._message or "No picture came; nothing was recorded"
        self._state = "finished" if recorded else "failed"
        self._ended.set()

    def _try(self, work: Callable[[], None], consolation: str) -> None:
        try:
            work()
        except LiveCamError as error:
            self._message = self._message or f"{error}; {consolation}"
            _log.warning("recording %s: %s", self.files[0].name, error)
        except Exception as error:
            self._message = self._message or f"Recording failed: {error}"
            _log.exception("recording %s failed", self.files[0].name)

    def _record(self) -> None:
        while not (self._stopping.is_set() and self._waiting.empty()):
            self._free_bytes = self._free(self.files[0].parent)
            if self._free_bytes < _RESERVE_BYTES:
                self._message = (
                    f"The disk is nearly full ({self._free_bytes // 1024**2} MiB free): the recording was ended"
                )
                return
            with contextlib.suppress(queue.Empty):
                self._add(*self._waiting.get(timeout=_IDLE_S))

    def _add(self, picture: NDArray[np.uint8], shown: EncodedFrame) -> None:
        clean = shown.frame.rgb
        rgb = {"seen": picture, "clean": clean}.get(self._view)
        if rgb is None:
            rgb = np.asarray(cv2.hconcat([clean, picture]), np.uint8)
        beside = None if shown.beside is None else shown.beside.target_label
        settings = {**asdict(shown.look), **asdict(shown.explanation.lens), "beside": beside}
        if self._video is None:
            self._first_ns = shown.pts_ns
            begun = shown.captured_at.isoformat(timespec="milliseconds")
            header = {**self._header, "begun": begun, "view": self._view, "settings": settings}
            size_px = (rgb.shape[1], rgb.shape[0])
            form = VideoFormat(size_px, _TIME_BASE, _RATE_FPS, self._codec, subtitles=self._subtitles)
            self._video = AnnotatedVideo(self.files[0], form, header)
        pts = round((shown.pts_ns - self._first_ns) * _TIME_BASE.denominator / 1e9)
        self._video.write(rgb, pts, _TIME_BASE.denominator // _RATE_FPS, shown.explanation, settings)

    def _finish(self) -> None:
        if self._video is None:
            return
        self._video.close({"dropped": self._dropped, "message": self._message})
        video = self.files[0]
        if self._video.frames_n and self._free(video.parent) > self._video.size_bytes + _RESERVE_BYTES:
            put_index_in_front(video, self._hurry)
