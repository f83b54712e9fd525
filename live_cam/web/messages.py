"""What goes to the page with each picture, so that picture and words always belong together."""

from __future__ import annotations

import json
import struct
import time
from dataclasses import asdict
from typing import Any

from live_cam.frame import EncodedFrame
from live_cam.pipeline.session import Session

_LENGTH = struct.Struct("<I")


def header(session: Session, frame: EncodedFrame | None, painted_age_ms: float | None = None) -> dict[str, Any]:
    """Describes the state and, with a frame, what is to be seen in it.

    Args:
        session: The session watched.
        frame: The picture that goes along, or None when only the state is told.
        painted_age_ms: From capture until the viewer had painted, as last measured for that viewer.
    """
    status = session.status
    words: dict[str, Any] = {
        "source": session.source.name,
        "state": status.state,
        "message": status.message,
        "fps": round(session.statistics.fps, 1),
        "painted_age_ms": painted_age_ms,
    }
    if frame is not None:
        explanation = frame.explanation
        words |= {
            "seq": frame.seq,
            "age_ms": round((time.monotonic_ns() - frame.pts_ns) / 1e6, 1),
            "top": [asdict(score) for score in explanation.top],
            "target": explanation.target_label,
            "versus": explanation.versus_label,
            "strength": round(explanation.strength, 3),
            "evidence": explanation.strength > 0.0 and explanation.scale > 0.0,
        }
    return words


def pack(words: dict[str, Any], jpeg: bytes) -> bytes:
    """Makes one binary message: the header's length (uint32, little-endian), the header (JSON), the JPEG."""
    text = json.dumps(words, separators=(",", ":")).encode()
    return _LENGTH.pack(len(text)) + text + jpeg
