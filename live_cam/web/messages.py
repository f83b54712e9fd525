"""What goes to the page with each picture, so that picture and words always belong together."""

from __future__ import annotations

import json
import struct
import time
from dataclasses import asdict
from typing import Any

from live_cam.frame import EncodedFrame
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session

_LENGTH = struct.Struct("<I")


def state_words(session: Session, feed: Feed) -> dict[str, Any]:
    """Describes how a feed is, and the recording of them all."""
    status = feed.status
    settings = feed.controls.settings
    return {
        "source": feed.name,
        "state": status.state,
        "message": status.message,
        "fps": round(feed.statistics.fps, 1),
        "settings": feed.controls.describe(),
        "preparing": session.lenses.message(settings.lens),
        "faithfulness": None if (score := feed.trust.score) is None else asdict(score),
        "recording": session.describe_recording(),
    }


def picture_words(session: Session, feed: Feed, frame: EncodedFrame) -> dict[str, Any]:
    """Describes how a feed is and what is to be seen in a picture of it."""
    explanation, beside = frame.explanation, frame.beside
    return {
        **state_words(session, feed),
        "seq": frame.seq,
        "age_ms": round((time.monotonic_ns() - frame.pts_ns) / 1e6, 1),
        "top": [asdict(score) for score in explanation.steady_top],
        "target": explanation.target_label,
        "target_index": explanation.target.index,
        "versus": explanation.versus_label,
        "against": explanation.target.against,
        "beside": None if beside is None else beside.target_label,
        "beside_evidence": beside is not None and beside.has_evidence,
        "strength": round(explanation.strength, 3),
        "evidence": explanation.has_evidence,
        **asdict(explanation.lens),
        **asdict(frame.look),
    }


def pack(words: dict[str, Any], jpeg: bytes = b"") -> bytes:
    """Makes one binary message: the header's length (uint32, little-endian), the header (JSON), the JPEG."""
    text = json.dumps(words, separators=(",", ":")).encode()
    return _LENGTH.pack(len(text)) + text + jpeg


def unpack(message: bytes) -> tuple[Any, bytes]:
    """Takes apart a message that `pack` or a page has made.

    Raises:
        ValueError: It is no such message.
    """
    if len(message) < _LENGTH.size:
        raise ValueError("a message has a header")
    end = _LENGTH.size + _LENGTH.unpack_from(message)[0]
    return json.loads(message[_LENGTH.size : end]), message[end:]
