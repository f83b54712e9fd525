"""What a viewer receives with each overlay and each change of state, in JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypedDict

from live_cam.models.classifier import Classifier
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.types import Comparison, EncodedFrame, ExplainedBy, ExplanationPayload, SourceState, Style


class ModelPayload(TypedDict):
    """A model in JSON."""

    name: str
    explained_by: ExplainedBy


class StatePayload(TypedDict):
    """The state of a feed, and of the recording of all feeds."""

    models: list[ModelPayload]
    source: str
    state: SourceState
    message: str
    retry_s: float | None
    fps: float
    settings: dict[str, Any]
    preparing: str
    faithfulness: dict[str, Any] | None
    precision_words: str
    recording: dict[str, Any] | None


class FramePayload(StatePayload, ExplanationPayload):
    """The state of a feed, and what one overlay of it shows."""

    seq: int
    revision: int
    caption: str
    age_ms: float
    second: ExplanationPayload | None
    comparison: Comparison | None
    style: Style
    opacity: float
    colormap: str


def state_payload(session: Session, feed: Feed) -> StatePayload:
    """Describes a feed."""
    status, settings, second = feed.status, feed.settings.current, session.second
    preparing = session.layer_loader.message(settings.cam_config)
    return {
        "models": [
            {"name": each.classifier.name, "explained_by": each.classifier.explained_by}
            for each in session.explainers_of(feed)
        ],
        "source": feed.name,
        "state": status.state,
        "message": status.message,
        "retry_s": None if (retry_s := feed.watchdog.retry_s) is None else round(retry_s, 1),
        "fps": round(feed.metrics.fps, 1),
        "settings": feed.settings.describe(),
        "preparing": preparing or ("" if second is None else second.message(settings)),
        "faithfulness": None
        if (score := feed.faithfulness.score) is None
        else {**asdict(score), "age_s": int(feed.faithfulness.age_s)},
        "precision_words": session.precision_words,
        "recording": None if feed.kind == "browser" else session.recordings.describe(),
    }


def frame_payload(session: Session, feed: Feed, shown: EncodedFrame) -> FramePayload:
    """Describes a feed and an overlay of it."""
    style = shown.overlay_style
    return {
        **state_payload(session, feed),
        **shown.explanation.describe(smoothed=True),
        "seq": shown.frame.seq,
        "revision": shown.frame.revision,
        "caption": shown.frame.caption if _is_resnet50(session.explainers_of(feed)[0].classifier) else "",
        "age_ms": round((session.clock.now_ns() - shown.pts_ns) / 1e6, 1),
        "second": None if shown.second is None else shown.second.describe(smoothed=True),
        "comparison": None if session.second is None else session.second.compare(shown, feed.settings.current),
        "style": style.style,
        "opacity": style.opacity,
        "colormap": style.colormap,
    }


def _is_resnet50(classifier: Classifier) -> bool:
    """Returns whether this is ImageNet's ResNet50, of which captions speak."""
    return (classifier.name, classifier.labels) == (IMAGENET_RESNET50.name, IMAGENET_RESNET50.labels)
