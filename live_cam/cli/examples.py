"""The examples in the help of the commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

PROGRAM_EXAMPLES: Final = (
    "live-cam",
    "live-cam demo",
    "live-cam webcam --mirror",
    "live-cam explain photo.jpg",
)

EXAMPLES: Final[dict[str, Sequence[str]]] = {
    "serve": (
        "live-cam",
        "live-cam 0 --size 1280x720 --mirror",
        "live-cam rtsp://user:password@camera.local/stream",
        "live-cam clip.mp4 photos --port 8000",
        "live-cam browser --host 0.0.0.0 --https",
        "live-cam 0 --model mine.keras --labels labels.txt",
        "live-cam 0 --record lecture.mp4 --view both",
        "live-cam --ray 10.0.0.5:6379 cameras.txt",
    ),
    "annotate": (
        "live-cam annotate clip.mp4 -o explained.mp4",
        "live-cam annotate holiday -o explained --every 3",
        "live-cam annotate clip.mp4 -o lions.mp4 --classes lion,cheetah",
        "live-cam annotate /shared/archive -o /shared/explained --ray 10.0.0.5:6379",
    ),
    "explain": (
        "live-cam explain photo.jpg -o overlay.png",
        "live-cam explain photos --json",
        "live-cam explain photo.jpg -o sheet.png --sheet",
        "live-cam explain lion.jpg --target lion --contrast tiger",
    ),
    "why": ("live-cam why photos -o report", "live-cam why photos -o report --truth classes.csv --model mine.keras"),
    "compare": ("live-cam compare old.keras new.keras photos --fail-under 0.9",),
    "check": ("live-cam check mine.keras cat.jpg dog.jpg",),
    "teach": (
        "live-cam teach things -o mine.npz",
        "live-cam teach things -o mine.npz --export mine.keras",
        "live-cam 0 --head mine.npz",
    ),
    "calibrate": ("live-cam calibrate mine.keras photos",),
    "layers": ("live-cam layers", "live-cam layers --model mine.keras"),
    "cameras": ("live-cam cameras", "live-cam cameras --json"),
    "bench": ("live-cam bench", "live-cam bench --precision int8 --json"),
    "doctor": ("live-cam doctor",),
}
"""Of each command, one use on each line."""


def examples_text(lines: Sequence[str]) -> str:
    r"""Returns examples as the end of a help text; `\b` keeps its lines apart."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))
