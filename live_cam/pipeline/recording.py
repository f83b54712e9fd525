"""Recordings of a session: when they begin and end, what their files are called, and which can be had."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal, get_args

import platformdirs

from live_cam import __version__
from live_cam.errors import OutputError
from live_cam.explain.explainer import Explain, describe
from live_cam.pipeline.feed import Feed
from live_cam.sinks.annotated_video import companions
from live_cam.sinks.codecs import Codec
from live_cam.sinks.new_file import require_absent, require_folder
from live_cam.sinks.recorder import Recorder, RecorderStatus, RecordingState, View

Container = Literal["mp4", "mkv", "webm"]

_LEFT_FOR_GOOD_S = 24 * 3600
_HURRIED_LIMIT_S = 10.0


def own_folder() -> Path:
    """Gives where recordings go if nothing else is said: among the user's videos."""
    return platformdirs.user_videos_path() / "live_cam"


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """How recordings are made.

    Attributes:
        folder: Where those go that get their name here; made when first needed.
        container: What those are.
        codec: How all are encoded.
        subtitles: Whether the likeliest class is written as subtitles, too.
    """

    folder: Path = field(default_factory=own_folder)
    container: Container = "mp4"
    codec: Codec = "auto"
    subtitles: bool = False


@dataclass(frozen=True, slots=True)
class RecordingStatus(RecorderStatus):
    """How a recording is: of one source, or of several at once, with the sums and the worst of theirs.

    Attributes:
        file: The name of the video, or of the first that can be had.
        files: The names of all that can be had when it is finished.
        message: Why one ended by itself; of several sources with the names of those that it is about.
    """

    file: str
    files: tuple[str, ...]


def number_videos(video: Path, sources_n: int) -> list[Path]:
    """Gives each source's video, whose name has the source's number where there are several: lecture-1.mp4."""
    if sources_n == 1:
        return [video]
    return [video.with_stem(f"{video.stem}-{number}") for number in range(1, sources_n + 1)]


def require_unrecorded(video: Path, sources_n: int, subtitles: bool) -> None:
    """Tells early that a recording can't be written.

    Raises:
        OutputError: One of its files is there already, or the folder is not.
    """
    for each in number_videos(video, sources_n):
        for path in (each, *companions(each, subtitles)):
            require_absent(path)
    require_folder(video)


class Recordings:
    """Makes one recording at a time, with a video for each feed."""

    def __init__(self, feeds: Sequence[Feed], explainer: Explain, options: RecordingOptions) -> None:
        """Prepares; nothing is written yet."""
        self._feeds = feeds
        self._explainer = explainer
        self._options = options
        self._recorders: list[Recorder] = []
        self._files: dict[str, Path] = {}
        self._closed = False
        self._changing = threading.RLock()  # a signal handler may stop what the thread it interrupted has begun

    @property
    def status(self) -> RecordingStatus | None:
        """How the newest recording is; None before the first."""
        recorders = self._recorders
        if not recorders:
            return None
        each = [recorder.status for recorder in recorders]
        states = [status.state for status in each]
        had = [recorder for recorder, state in zip(recorders, states, strict=True) if state != "failed"]
        return RecordingStatus(
            state=next(state for state in get_args(RecordingState) if state in states),
            file=(had or recorders)[0].files[0].name,
            files=tuple(path.name for recorder in had for path in recorder.files),
            seconds=max(status.seconds for status in each),
            bytes=sum(status.bytes for status in each),
            free_bytes=min(status.free_bytes for status in each),
            dropped=sum(status.dropped for status in each),
            message=self._whose([status.message for status in each]),
        )

    @property
    def videos(self) -> list[Path]:
        """The videos of the newest recording that can be had when it is finished."""
        return [recorder.files[0] for recorder in self._recorders if recorder.status.state != "failed"]

    def _whose(self, messages: Sequence[str]) -> str:
        """Gives the messages in one line, each once, and where there are several feeds with their names before it."""
        if len(messages) == 1:
            return messages[0]
        names: dict[str, list[str]] = {}
        for feed, message in zip(self._feeds, messages, strict=True):
            if message:
                names.setdefault(message, []).append(feed.name)
        return ". ".join(f"{', '.join(of)}: {message}" for message, of in names.items())

    def start(self, view: View, video: Path | None = None) -> None:
        """Begins a recording.

        Args:
            view: What is recorded.
            video: The new file, whose name gets the feed's number where there are several; None to find one.

        Raises:
            UsageError: There is no such file format, or no such encoder.
            OutputError: One is running already, a file is there already, or the disk has too little space.
        """
        with self._changing:
            if self._closed:
                raise OutputError("live_cam is ending; nothing is recorded any more")
            if any(map(_busy, self._recorders)):
                raise OutputError("a recording is running already; stop it first")
            videos = number_videos(video, len(self._feeds)) if video is not None else self._new_names()
            recorders: list[Recorder] = []
            try:
                for feed, path in zip(self._feeds, videos, strict=True):
                    recorders.append(self._record(feed, path, view))
            except OutputError:
                _stop(recorders)
                raise
            self._recorders = recorders
            for feed, recorder in zip(self._feeds, recorders, strict=True):
                feed.recorder = recorder
                self._files |= {path.name: path for path in recorder.files}

    def stop(self) -> None:
        """Asks the recording to end; returns at once."""
        with self._changing:
            for feed in self._feeds:
                feed.recorder = None
            _stop(self._recorders)

    def close(self) -> None:
        """Ends the recording, and begins none any more."""
        self._closed = True
        self.stop()

    def join(self) -> None:
        """Waits until the files are whole."""
        for recorder in self._recorders:
            recorder.join()

    def hurry(self) -> None:
        """Leaves the files' index at their end, which is done at once, and waits for that.

        A disk that hangs is waited for no longer than `_HURRIED_LIMIT_S`: what it took plays, as after a kill.
        """
        for recorder in self._recorders:
            recorder.hurry()
        deadline_s = time.monotonic() + _HURRIED_LIMIT_S
        for recorder in self._recorders:
            recorder.join(max(0.0, deadline_s - time.monotonic()))

    def finished_file(self, name: str) -> Path | None:
        """Gives the file of that name that a recording of this session has left, or None."""
        path = self._files.get(name)
        busy = any(path in recorder.files for recorder in self._recorders if _busy(recorder))
        return None if path is None or busy or not path.is_file() else path

    def _record(self, feed: Feed, video: Path, view: View) -> Recorder:
        header: dict[str, Any] = {
            "live_cam": __version__,
            "source": feed.name,
            **describe(self._explainer),
        }
        return Recorder(video, view, self._options.codec, self._options.subtitles, header)

    def _new_names(self) -> list[Path]:
        folder, suffix = self._options.folder, self._options.container
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _sweep(folder)
        except OSError as error:
            raise OutputError(f"the folder {folder} for recordings can't be made: {error.strerror}") from error
        stem = f"live_cam-{datetime.now():%Y%m%d-%H%M%S}"
        for attempt in count(1):
            name = stem if attempt == 1 else f"{stem}-{attempt}"
            videos = number_videos(folder / f"{name}.{suffix}", len(self._feeds))
            files = [path for video in videos for path in (video, *companions(video, subtitles=True))]
            if not any(path.exists() for path in files):
                break
        return videos


def _busy(recorder: Recorder) -> bool:
    return recorder.status.state in ("recording", "finishing")


def _stop(recorders: Sequence[Recorder]) -> None:
    for recorder in recorders:
        recorder.stop()


def _sweep(folder: Path) -> None:
    """Removes copies that a kill has cut short; another process may be at work on a newer one."""
    for copy in folder.glob(".live_cam-*.part.*"):
        if time.time() - copy.stat().st_mtime > _LEFT_FOR_GOOD_S:
            copy.unlink(missing_ok=True)
