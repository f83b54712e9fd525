"""What Prometheus reads from `/metrics`: collected when it asks, so that it costs nothing between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isinf
from typing import get_args

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from live_cam import __version__
from live_cam.pipeline.metrics import MetricsSnapshot
from live_cam.pipeline.session import Session
from live_cam.sinks.publish.publisher import PublisherState
from live_cam.types import SourceState

_VISITORS = "visitors"


def operator_metrics(session: Session) -> CollectorRegistry:
    """Returns a registry of the metrics of one session and of this process."""
    registry = CollectorRegistry()
    registry.register(_SessionCollector(session))
    ProcessCollector(registry=registry)
    return registry


class _SessionCollector(Collector):
    """Reads a session. Visitors are counted together: who they are is nobody's business."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def collect(self) -> Iterator[Metric]:
        """Yields the metrics at this moment."""
        yield self._info()
        yield from self._frames()
        yield self._step_times()
        yield from self._sources()
        yield from self._recordings()
        yield from self._publishers()

    def _info(self) -> Metric:
        explainer = self._session.explainer
        info = InfoMetricFamily("live_cam", "Version, model, and what runs it.")
        info.add_metric(
            (),
            {
                "version": __version__,
                "model": explainer.classifier.name,
                "runtime": explainer.runtime,
                "precision": explainer.precision,
            },
        )
        return info

    def _snapshots(self) -> dict[str, MetricsSnapshot]:
        visitors = self._session.visitors
        snapshots = {} if visitors is None else {_VISITORS: visitors.metrics.read()}
        return snapshots | {feed.name: feed.metrics.read() for feed in self._session.feeds}

    def _frames(self) -> Iterator[Metric]:
        snapshots = self._snapshots()
        captured = CounterMetricFamily("live_cam_frames_captured", "Frames from the source.", labels=["source"])
        explained = CounterMetricFamily("live_cam_frames_explained", "Frames explained.", labels=["source"])
        dropped = CounterMetricFamily(
            "live_cam_frames_dropped",
            "Frames never explained: a newer one came before, or they were not usable.",
            labels=["source"],
        )
        age = GaugeMetricFamily(
            "live_cam_frame_age_seconds",
            "From capture to the encoded overlay, over the last two seconds.",
            labels=["source", "quantile"],
        )
        latency = GaugeMetricFamily(
            "live_cam_display_latency_seconds",
            "From capture until viewers displayed the overlay, over the last two seconds.",
            labels=["source", "quantile"],
        )
        for source, read in snapshots.items():
            captured.add_metric([source], read.captured)
            explained.add_metric([source], read.explained)
            dropped.add_metric([source], read.dropped)
            _add_quantiles(age, source, read.age_p50_ms, read.age_p95_ms)
            _add_quantiles(latency, source, read.display_p50_ms, read.display_p95_ms)
        return iter((captured, explained, dropped, age, latency))

    def _step_times(self) -> Metric:
        counts, sum_s = self._session.step_times_s.read()
        buckets = [("+Inf" if isinf(bound) else str(bound), count) for bound, count in counts]
        steps = HistogramMetricFamily("live_cam_step_seconds", "Time of a call that explains a batch of frames.")
        steps.add_metric([], buckets, sum_s)
        return steps

    def _sources(self) -> Iterator[Metric]:
        session = self._session
        viewers = GaugeMetricFamily("live_cam_viewers", "Pages and streams that watch.", labels=["source"])
        states = GaugeMetricFamily(
            "live_cam_source_state", "1 for the state that the source is in.", labels=["source", "state"]
        )
        if session.visitors is not None:
            viewers.add_metric([_VISITORS], sum(feed.broadcaster.viewer_count for feed in session.visitors.feeds))
        for feed in session.feeds:
            viewers.add_metric([feed.name], feed.broadcaster.viewer_count)
            _add_states(states, [feed.name], get_args(SourceState), feed.status.state)
        return iter((viewers, states))

    def _recordings(self) -> Iterator[Metric]:
        status = self._session.recordings.status
        yield GaugeMetricFamily(
            "live_cam_recording", "1 while a recording runs.", float(status is not None and status.state == "recording")
        )
        yield GaugeMetricFamily(
            "live_cam_recording_bytes", "Size of the newest recording.", 0 if status is None else status.bytes
        )
        yield GaugeMetricFamily(
            "live_cam_recording_dropped_frames",
            "Frames that the newest recording lacks, since the encoder was too slow.",
            0 if status is None else status.dropped,
        )

    def _publishers(self) -> Iterator[Metric]:
        names = ["source", "target"]
        states = GaugeMetricFamily(
            "live_cam_publisher_state", "1 for the state that the publisher is in.", labels=[*names, "state"]
        )
        sent = CounterMetricFamily("live_cam_publisher_frames_sent", "Frames published.", labels=names)
        dropped = CounterMetricFamily(
            "live_cam_publisher_frames_dropped",
            "Frames that were not published: encoder or network was too slow, or there was no connection.",
            labels=names,
        )
        reconnects = CounterMetricFamily("live_cam_publisher_reconnects", "Connections that were lost.", labels=names)
        for number, status in enumerate(self._session.publishing.statuses, 1):
            labels = [status.source, f"{number} {status.target}"]
            _add_states(states, labels, get_args(PublisherState), status.state)
            sent.add_metric(labels, status.sent)
            dropped.add_metric(labels, status.dropped)
            reconnects.add_metric(labels, status.reconnects)
        yield from (states, sent, dropped, reconnects)


def _add_quantiles(family: GaugeMetricFamily, source: str, p50_ms: float | None, p95_ms: float | None) -> None:
    for quantile, value_ms in (("0.5", p50_ms), ("0.95", p95_ms)):
        if value_ms is not None:
            family.add_metric([source, quantile], value_ms / 1000)


def _add_states(family: GaugeMetricFamily, labels: list[str], states: Iterable[str], current: str) -> None:
    for state in states:
        family.add_metric([*labels, state], float(state == current))
