"""Recordings of a session: their start and end, their file names, and which can be downloaded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal, get_args

import platformdirs

from live_cam import __version__
from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import OutputError
from live_cam.explain.base import ExplainerProtocol, describe
from live_cam.files import require_absent, require_directory, require_writable
from live_cam.pipeline.feed import Feed
from live_cam.sinks.annotated_video import sidecar_paths
from live_cam.sinks.codecs import Codec
from live_cam.sinks.recorder import Recorder, RecorderStatus, RecordingState
from live_cam.sinks.view import View
from live_cam.text import encodable

Container = Literal["mp4", "mkv", "webm"]

_STALE_AFTER_S = 24 * 3600
_FINISH_QUICKLY_LIMIT_NS = 10_000_000_000
_POLL_S = 0.1


def default_directory() -> Path:
    """Returns where recordings go by default: among the user's videos."""
    return platformdirs.user_videos_path() / "live_cam"


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """How recordings are written.

    Attributes:
        directory: For recordings that are named here; created when first needed.
        container: The format of those.
        codec: The encoder of all.
        subtitles: Whether the top class is written as subtitles, too.
    """

    directory: Path = field(default_factory=default_directory)
    container: Container = "mp4"
    codec: Codec = "auto"
    subtitles: bool = False


@dataclass(frozen=True, slots=True)
class RecordingStatus(RecorderStatus):
    """State of a recording: of one source, or of several at once, with the sums and the worst of theirs.

    Attributes:
        file: Name of the video, or of the first one that can be downloaded.
        files: Names of all files that can be downloaded once it is finished.
        message: Why it ended by itself; of several sources with the names of those concerned.
    """

    file: str
    files: tuple[str, ...]


def number_videos(video: Path, num_sources: int) -> list[Path]:
    """Returns a path for each source, numbered where there are several: lecture-1.mp4."""
    if num_sources == 1:
        return [video]
    return [video.with_stem(f"{video.stem}-{number}") for number in range(1, num_sources + 1)]


def require_unrecorded(video: Path, num_sources: int, subtitles: bool) -> None:
    """Checks early that a recording can be written.

    Raises:
        OutputError: One of its files exists, or its directory does not or is not writable.
    """
    for each in number_videos(video, num_sources):
        for path in (each, *sidecar_paths(each, subtitles)):
            require_absent(path)
    require_directory(video)
    require_writable(video.parent)


class Recordings:
    """Makes one recording at a time, with a video for each feed."""

    def __init__(
        self,
        feeds: Sequence[Feed],
        explainers_of: Callable[[Feed], Sequence[ExplainerProtocol]],
        options: RecordingOptions,
        clock: Clock = MONOTONIC,
    ) -> None:
        """Prepares; nothing is written yet."""
        self._feeds = feeds
        self._explainers_of = explainers_of
        self._options = options
        self._clock = clock
        self._recorders: list[Recorder] = []
        self._files: dict[str, Path] = {}
        self._closed = False
        self._quickly = False
        self._lock = threading.Lock()

    @property
    def status(self) -> RecordingStatus | None:
        """State of the newest recording; None before the first."""
        recorders = self._recorders
        if not recorders:
            return None
        each = [recorder.status for recorder in recorders]
        states = [status.state for status in each]
        kept = [recorder for recorder, state in zip(recorders, states, strict=True) if state != "failed"]
        return RecordingStatus(
            state=next(state for state in get_args(RecordingState) if state in states),
            file=encodable((kept or recorders)[0].files[0].name),
            files=tuple(encodable(path.name) for recorder in kept for path in recorder.files),
            seconds=max(status.seconds for status in each),
            bytes=sum(status.bytes for status in each),
            free_bytes=min(status.free_bytes for status in each),
            dropped=sum(status.dropped for status in each),
            message=self._join_messages([status.message for status in each]),
        )

    @property
    def videos(self) -> list[Path]:
        """The videos of the newest recording that exist once it is finished."""
        return [recorder.files[0] for recorder in self._recorders if recorder.status.state != "failed"]

    def describe(self) -> dict[str, Any] | None:
        """Returns the state of the newest recording as JSON values; None before the first."""
        return None if (status := self.status) is None else asdict(status)

    def start(self, view: View, video: Path | None = None) -> None:
        """Starts a recording.

        Args:
            view: What is recorded.
            video: The new file, whose name gets the feed's number where there are several; None to choose one.

        Raises:
            UsageError: The file format or encoder is unknown.
            OutputError: A recording runs already, a file exists, the disk has too little space, or the feeds are those
                of visitors.
        """
        if not self._feeds:
            raise OutputError("visitors' cameras are not recorded: nothing of their frames is kept")
        with self._lock:
            if self._closed:
                raise OutputError("live_cam is ending; nothing is recorded any more")
            if any(map(_is_busy, self._recorders)):
                raise OutputError("a recording is running already; stop it first")
            videos = number_videos(video, len(self._feeds)) if video is not None else self._new_names()
            recorders: list[Recorder] = []
            try:
                for path, feed in zip(videos, self._feeds, strict=True):
                    recorders.append(self._create(feed, path, view))
            except OutputError:
                _stop(recorders)
                raise
            self._recorders = recorders
            for feed, recorder in zip(self._feeds, recorders, strict=True):
                feed.record_to(recorder)
                self._files |= {encodable(path.name): path for path in recorder.files}
        for feed in self._feeds:
            feed.reexplain()  # a still source would deliver nothing to record

    def stop(self, reason: str = "") -> None:
        """Asks the recording to end; returns at once.

        Args:
            reason: Why, if nobody asked for it.
        """
        with self._lock:
            for feed in self._feeds:
                feed.record_to(None)
            _stop(self._recorders, reason)

    def close(self) -> None:
        """Ends the recording, and starts none any more."""
        self._closed = True
        self.stop()

    def join(self) -> None:
        """Waits until the files are complete, or for a limit from `finish_quickly` on."""
        deadline_ns = None
        for recorder in self._recorders:
            while not recorder.join(_POLL_S):
                if not self._quickly:
                    continue
                now_ns = self._clock.now_ns()
                if deadline_ns is None:
                    deadline_ns = now_ns + _FINISH_QUICKLY_LIMIT_NS
                    for each in self._recorders:
                        each.finish_quickly()
                if now_ns >= deadline_ns:
                    return

    def finish_quickly(self, *_: object) -> None:
        """Has `join` leave the index at the end of the files, and wait for no disk that hangs; a signal handler.

        What was written plays, as after a kill.
        """
        self._quickly = True

    def find_file(self, name: str) -> Path | None:
        """Returns the finished file of that name that this session has recorded, or None."""
        path = self._files.get(name)
        is_busy = any(path in recorder.files for recorder in self._recorders if _is_busy(recorder))
        return None if path is None or is_busy or not path.is_file() else path

    def _create(self, feed: Feed, video: Path, view: View) -> Recorder:
        first, *others = self._explainers_of(feed)
        header: dict[str, Any] = {"live_cam": __version__, "source": feed.name, **describe(first)}
        for second in others:
            header["second_model"] = describe(second)["model"]
        return Recorder(video, view, self._options.codec, self._options.subtitles, header)

    def _new_names(self) -> list[Path]:
        directory, suffix = self._options.directory, self._options.container
        try:
            directory.mkdir(parents=True, exist_ok=True)
            _sweep(directory)
        except OSError as error:
            # Viewers see it: where the folder is, is none of their business.
            raise OutputError(
                f"the folder {directory.name} can't be created ({error.strerror}); start live-cam with another "
                "--recordings-dir"
            ) from error
        stem = f"live_cam-{datetime.now():%Y%m%d-%H%M%S}"
        for attempt in count(1):
            name = stem if attempt == 1 else f"{stem}-{attempt}"
            videos = number_videos(directory / f"{name}.{suffix}", len(self._feeds))
            files = [path for video in videos for path in (video, *sidecar_paths(video, subtitles=True))]
            if not any(path.exists() for path in files):
                break
        return videos

    def _join_messages(self, messages: Sequence[str]) -> str:
        """Returns the messages in one line, each once, with the names of their feeds where there are several."""
        if len(messages) == 1:
            return messages[0]
        names: dict[str, list[str]] = {}
        for feed, message in zip(self._feeds, messages, strict=True):
            if message:
                names.setdefault(message, []).append(feed.name)
        return ". ".join(f"{', '.join(feeds)}: {message}" for message, feeds in names.items())


def _is_busy(recorder: Recorder) -> bool:
    return recorder.status.state in ("recording", "finishing")


def _stop(recorders: Sequence[Recorder], reason: str = "") -> None:
    for recorder in recorders:
        recorder.stop(reason)


def _sweep(directory: Path) -> None:
    """Removes stale copies that a kill has left; another process may be writing a newer one."""
    for copy in directory.glob(".live_cam-*.part.*"):
        if time.time() - copy.stat().st_mtime > _STALE_AFTER_S:
            copy.unlink(missing_ok=True)
