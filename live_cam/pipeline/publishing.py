"""Publishers of a session: each target, for each source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from live_cam.clock import MONOTONIC, Clock
from live_cam.pipeline.feed import Feed
from live_cam.sinks.publish.publisher import Publisher, PublisherStatus
from live_cam.sinks.publish.target import PublishTarget, number_targets
from live_cam.sinks.view import View


def parse_targets(words: Sequence[str], virtual_camera: bool, num_sources: int) -> list[list[PublishTarget]]:
    """Returns the targets of each source.

    Args:
        words: URLs, folders and playlists; with several sources each gets the number of the source.
        virtual_camera: Whether each source is a virtual camera, too.
        num_sources: How many sources there are.

    Raises:
        UsageError: One can't be published to.
        OutputError: A playlist can't be written.
    """
    numbered = [number_targets(word, num_sources) for word in words]
    cameras = [PublishTarget.virtual_camera()] if virtual_camera else []
    return [[*map(PublishTarget.parse, of_source), *cameras] for of_source in zip(*numbered, strict=True)] or [
        cameras for _ in range(num_sources)
    ]


class Publishing:
    """Publishes the feeds of a session while it runs."""

    def __init__(self, feeds: Sequence[Feed], clock: Clock = MONOTONIC) -> None:
        """Prepares; nothing is published yet."""
        self._feeds = feeds
        self._clock = clock
        self._publishers: list[Publisher] = []

    @property
    def statuses(self) -> list[PublisherStatus]:
        """The status of each publisher."""
        return [publisher.status for publisher in self._publishers]

    def describe(self) -> list[dict[str, Any]]:
        """Returns the same as JSON values."""
        return [asdict(status) for status in self.statuses]

    def start(self, targets: Sequence[Sequence[PublishTarget]], view: View) -> None:
        """Starts to publish each feed to its targets; that they can't be reached is part of their status."""
        for feed, of_feed in zip(self._feeds, targets, strict=True):
            publishers = [Publisher(target, feed.name, view, self._clock) for target in of_feed]
            self._publishers += publishers
            feed.publish_to(publishers)
            feed.reexplain()  # a still source would deliver nothing to publish

    def close(self) -> None:
        """Ends the streams; returns at once."""
        for publisher in self._publishers:
            publisher.stop()

    def join(self, deadline_ns: int) -> None:
        """Waits until the streams have ended, and ends those that have not at a time of the clock."""
        for publisher in self._publishers:
            publisher.join(max(0.0, (deadline_ns - self._clock.now_ns()) / 1e9))
