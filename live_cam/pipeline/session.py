"""One live session: sources or visitors, an explainer, the threads between them, and what can be said about it all."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from live_cam.errors import OutputError
from live_cam.explain import DEFAULT_LAYER
from live_cam.explain.explainer import Explain
from live_cam.explain.notes import LAYER_NOTES
from live_cam.frame import Lens
from live_cam.pipeline.capture import CaptureThread
from live_cam.pipeline.controls import Controls, Settings
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.inbox import Inbox
from live_cam.pipeline.lenses import Lenses
from live_cam.pipeline.recording import RecordingOptions, Recordings, RecordingStatus
from live_cam.pipeline.statistics import Statistics
from live_cam.pipeline.visitors import Visitors
from live_cam.pipeline.worker import WorkerThread
from live_cam.sinks.recorder import View
from live_cam.sources.source import Source

_JOIN_LIMIT_S = 0.7
_Answer = TypeVar("_Answer")


class Session:
    """Starts on entering a `with` statement, and on leaving it stops within `_JOIN_LIMIT_S`, or with its recording.

    A thread that a driver blocks is left behind: it is a daemon, and holds nothing that others wait for.

    Attributes:
        explainer: What explains.
        controls: What viewers may turn, for all sources at once.
        layers: The layers that viewers may choose, each with a line that says what it is for.
        lenses: What prepares the layers chosen.
        feeds: One for each source, in the order given.
        visitors: Those who bring their own cameras; None where sources are shown.
        statistics: The counts of all feeds together.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        explainer: Explain,
        most_visitors: int = 0,
        recording: RecordingOptions = RecordingOptions(),  # noqa: B008 (frozen)
    ) -> None:
        """Prepares a session that shows the sources to all, or to each of up to `most_visitors` their own camera."""
        self.explainer = explainer
        self.layers = _layers(explainer.lens)
        self._initial = Settings(
            layer=DEFAULT_LAYER if "+" in explainer.lens.layer else explainer.lens.layer, method=explainer.lens.method
        )
        self.controls = self.new_controls()
        self.lenses = Lenses(explainer, self._show_again)
        self.statistics = Statistics()
        self._inbox = Inbox()
        names = _unique([source.name for source in sources])
        self.feeds = [
            Feed(name, source.kind, self.controls, self._inbox, self.statistics)
            for name, source in zip(names, sources, strict=True)
        ]
        self.visitors = (
            Visitors(most_visitors, self._inbox, self.statistics, self.new_controls) if most_visitors else None
        )
        self._recordings = Recordings(self.feeds, explainer, recording)
        self._captures = [CaptureThread(source, feed) for source, feed in zip(sources, self.feeds, strict=True)]
        self._worker = WorkerThread(explainer, self._inbox, self.lenses, max(1, len(self.feeds)))

    def __enter__(self) -> Session:
        for thread in (self._worker, *self._captures):
            thread.start()
        return self

    def request_stop(self) -> None:
        """Asks threads and viewers to end; called from any thread, and from a signal handler."""
        for capture in self._captures:
            capture.request_stop()
        self._inbox.close()
        self._recordings.close()
        for feed in self._all_feeds:
            feed.hub.close()

    def __exit__(self, *_: object) -> None:
        self.request_stop()
        deadline_s = time.monotonic() + _JOIN_LIMIT_S
        try:
            for thread in (self._worker, *self._captures):
                thread.join(max(0.0, deadline_s - time.monotonic()))
            self._recordings.join()
        except KeyboardInterrupt:
            self._recordings.hurry()

    def new_controls(self) -> Controls:
        """Gives controls as they are at the start."""
        return Controls(self._initial, tuple(self.layers))

    def ask(self, question: Callable[[Explain], _Answer]) -> Future[_Answer]:
        """Puts something else to the network between two frames; see `Inbox.ask`."""
        return self._inbox.ask(question)

    def _show_again(self) -> None:
        for feed in self._all_feeds:
            feed.show_again()

    @property
    def recording(self) -> RecordingStatus | None:
        """How the newest recording is; None before the first."""
        return self._recordings.status

    @property
    def recorded_videos(self) -> list[Path]:
        """The videos of the newest recording that can be had when it is finished."""
        return self._recordings.videos

    def describe_recording(self) -> dict[str, Any] | None:
        """Gives how the newest recording is as plain values, for JSON; None before the first."""
        return None if (recording := self.recording) is None else asdict(recording)

    def start_recording(self, view: View, video: Path | None = None) -> None:
        """Begins to record all sources; see `Recordings.start`.

        Raises:
            UsageError: There is no such file format, or no such encoder.
            OutputError: It can't be begun; the message says why.
        """
        if self.visitors is not None:
            raise OutputError("visitors' cameras are not recorded: nothing of their pictures is kept")
        self._recordings.start(view, video)
        self._show_again()  # of a picture that stands still, no other would come

    def stop_recording(self) -> None:
        """Asks the recording to end; returns at once."""
        self._recordings.stop()

    def recorded_file(self, name: str) -> Path | None:
        """Gives the file of that name that a recording of this session has left, or None."""
        return self._recordings.finished_file(name)

    @property
    def turn_s(self) -> float:
        """How long one frame takes from the step to the encoded picture, smoothed; 0 before the first."""
        return self._worker.turn_s

    @property
    def healthy(self) -> bool:
        """Whether frames flow from a source, or it is known why they need not: it is being opened or was stopped.

        Visitors are waited for.
        """
        return not self._ill_feeds

    @property
    def illness(self) -> str:
        """Why it is not healthy, in one line; "" where it is."""
        ill = self._ill_feeds
        told = [feed.failure or feed.status.message or f"{feed.name}: no picture is explained" for feed in ill]
        return " ".join("; ".join(dict.fromkeys(told)).split())

    @property
    def _ill_feeds(self) -> list[Feed]:
        if self.visitors is not None:
            return [feed for feed in self.visitors.feeds if feed.failure]
        return [] if any(map(_healthy, self.feeds)) else self.feeds

    def describe(self) -> dict[str, Any]:
        """Gives the statistics as plain values, for JSON; of visitors only their number and the counts."""
        sources = [_describe(feed) for feed in self.feeds]
        first = sources[0] if sources else {"top": [], "target": None, **self._visitors_as_source()}
        return {
            "source": {word: first[word] for word in ("name", "kind", "state", "message")},
            **_counts(self.statistics),
            # Frames of several sources come in bursts, from which no rate can be told.
            "fps": round(sum(feed.statistics.fps for feed in self._all_feeds), 1),
            "top": first["top"],
            "target": first["target"],
            "sources": sources,
            "viewers": sum(feed.hub.viewer_count for feed in self._all_feeds),
            "runtime": self.explainer.runtime,
            "precision": self.explainer.precision,
            "recording": self.describe_recording(),
        }

    @property
    def _all_feeds(self) -> list[Feed]:
        return [*self.feeds, *(self.visitors.feeds if self.visitors else ())]

    def _visitors_as_source(self) -> dict[str, Any]:
        live = any(feed.status.state == "live" for feed in self._all_feeds)
        message = "" if live else "No visitor shows a camera now"
        return {
            "name": "Visitors' cameras",
            "kind": "browser",
            "state": "live" if live else "starting",
            "message": message,
        }


def _healthy(feed: Feed) -> bool:
    if feed.controls.settings.frozen:
        return not feed.failure
    if feed.status.state == "live":
        return feed.statistics.read().age_p50_ms is not None
    return feed.status.state in ("starting", "ended")


def _describe(feed: Feed) -> dict[str, Any]:
    status, newest = feed.status, feed.hub.newest
    return {
        "name": feed.name,
        "kind": feed.kind,
        "state": status.state,
        "message": status.message,
        **_counts(feed.statistics),
        "top": [] if newest is None else [asdict(score) for score in newest.explanation.top],
        "target": None if newest is None else newest.explanation.target_label,
    }


def _counts(statistics: Statistics) -> dict[str, Any]:
    readings = statistics.read()
    return {
        "frames": {"captured": readings.captured, "explained": readings.explained, "dropped": readings.dropped},
        "fps": round(readings.fps, 1),
        "age_ms": {"p50": readings.age_p50_ms, "p95": readings.age_p95_ms},
        "painted_age_ms": {"p50": readings.painted_p50_ms, "p95": readings.painted_p95_ms},
    }


def _layers(lens: Lens) -> dict[str, str]:
    own = {} if "+" in lens.layer or lens.layer in LAYER_NOTES else {lens.layer: "The layer live_cam was started with."}
    return {**LAYER_NOTES, **own}


def _unique(names: Sequence[str]) -> list[str]:
    """Gives the names, those that were there before with a number after them."""
    given: list[str] = []
    for name in names:
        alternatives = (f"{name} ({number})" for number in itertools.count(2))
        given.append(next(each for each in (name, *itertools.islice(alternatives, len(names))) if each not in given))
    return given
