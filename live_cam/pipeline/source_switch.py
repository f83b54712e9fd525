"""What viewers may choose to see, and the switch from one source to another."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from live_cam.errors import UsageError
from live_cam.pipeline.capture import CaptureThread
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.recordings import Recordings
from live_cam.sources.base import Source
from live_cam.sources.camera import CameraOptions, CameraSource
from live_cam.sources.camera_list import camera_titles
from live_cam.sources.demo import DemoSource
from live_cam.sources.factory import require_frame
from live_cam.sources.upload import UploadSource

_UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """A source that a feed may show.

    Attributes:
        id: By which it is chosen.
        name: For people.
        is_current: Whether the feed shows it now.
    """

    id: str
    name: str
    is_current: bool


@dataclass(slots=True)
class _Shown:
    """What a feed shows: a source by its id, and the thread that captures it."""

    id: str
    source: Source
    capture: CaptureThread


class SourceSwitch:
    """Switches feeds between the sources of the start, the cameras of this machine, the demo, and what viewers send.

    Viewers name sources by ids of a list, never by paths or URLs.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        feeds: Sequence[Feed],
        captures: Sequence[CaptureThread],
        recordings: Recordings,
        camera: CameraOptions,
    ) -> None:
        """Prepares.

        Args:
            sources: Those of the start, one for each feed.
            feeds: The feeds.
            captures: Their threads.
            recordings: Their recordings, which end at a switch.
            camera: Options of this machine's cameras.
        """
        self._given = {f"given-{number}": source for number, source in enumerate(sources)}
        self._recordings = recordings
        self._camera = camera
        self._demo = DemoSource()
        self._shown = {
            feed: _Shown(source_id, source, capture)
            for feed, capture, (source_id, source) in zip(feeds, captures, self._given.items(), strict=True)
        }
        self._switching = threading.Lock()

    def choices(self, feed: Feed, with_cameras: bool = True) -> list[SourceChoice]:
        """Returns what a feed may show; what another one shows is left out, since few cameras open twice.

        Args:
            feed: The feed.
            with_cameras: Whether cameras are among it that are not of the start.
        """
        current = self._shown[feed]
        names = {source_id: name for source_id, (_, name) in self._offered(feed, with_cameras).items()}
        names.setdefault(current.id, current.source.name)  # a file, or a camera that this viewer can't choose
        return [SourceChoice(source_id, name, source_id == current.id) for source_id, name in names.items()]

    def is_in_place_of_camera(self, feed: Feed) -> bool:
        """Returns whether a feed shows the demo since no camera was found."""
        source = self._shown[feed].source
        return isinstance(source, DemoSource) and source.is_in_place_of_camera

    def choose(self, feed: Feed, source_id: str, with_cameras: bool = True) -> None:
        """Shows a source of `choices`, whose arguments these are, for all viewers of the feed; see `_switch`.

        Raises:
            UsageError: There is no source of that id, or another switch is under way.
            SourceError: It delivers no frame; the feed goes on as before.
        """
        if source_id == self._shown[feed].id:
            return
        offered = self._offered(feed, with_cameras).get(source_id)
        if offered is None:
            raise UsageError("this source is not there any more; open the list again")
        self._switch(feed, source_id, offered[0])

    def show_upload(self, feed: Feed, source: UploadSource) -> None:
        """Shows a picture or video that a viewer sent; it is dropped when the feed shows another source.

        Raises:
            UsageError: Another switch is under way.
            SourceError: It can't be decoded; the feed goes on as before.
        """
        self._switch(feed, _UPLOAD, source)

    def _offered(self, feed: Feed, with_cameras: bool) -> dict[str, tuple[Source, str]]:
        """Returns sources and their names by id."""
        offered = {source_id: (source, source.name) for source_id, source in self._given.items()}
        devices = {source.device for source in self._given.values() if isinstance(source, CameraSource)}
        for camera, title in camera_titles(self._camera) if with_cameras else ():
            if camera.device not in devices:
                offered[f"camera-{camera.device}"] = camera, f"{camera.name} ({title})" if title else camera.name
        if not any(isinstance(source, DemoSource) for source in self._given.values()):
            offered["demo"] = self._demo, self._demo.name
        others = {shown.id for other, shown in self._shown.items() if other is not feed}
        return {source_id: each for source_id, each in offered.items() if source_id not in others}

    def _switch(self, feed: Feed, source_id: str, source: Source) -> None:
        """Waits for a frame of the source, closes the one before, and starts afresh with the new one.

        A recording ends. The view is not frozen or stopped any more, and what was asked of the picture before is not
        asked of the new one; method, layer and style stay.
        """
        if not self._switching.acquire(blocking=False):
            raise UsageError("another source is being opened; try again in a moment")
        try:
            require_frame(source)
            self._recordings.stop("Recording ended, since another source is shown")
            shown = self._shown[feed]
            others = [other.name for other in self._shown if other is not feed]
            shown.capture.switch(source, unique_names([*others, source.name])[-1])
            shown.id, shown.source = source_id, source
            feed.settings.change(frozen=False, running=True, mode="class", target=None, other=None)
        finally:
            self._switching.release()


def unique_names(names: Sequence[str]) -> list[str]:
    """Returns the names, with a number after those that occurred before."""
    unique: list[str] = []
    for name in names:
        alternatives = (f"{name} ({number})" for number in itertools.count(2))
        candidates = (name, *itertools.islice(alternatives, len(names)))
        unique.append(next(each for each in candidates if each not in unique))
    return unique
