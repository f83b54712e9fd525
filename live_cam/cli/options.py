"""Options that several commands share, and how they show progress and failure."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from live_cam.errors import LiveCamError
from live_cam.explain import DEFAULT_LAYER
from live_cam.explain.npm import Progress as Report
from live_cam.frame import Method, Score

_told = Console(stderr=True, highlight=False)

WeightsOption = Annotated[
    Path | None, typer.Option("--weights", metavar="FILE", help="ResNet50 weights: .npz, .h5, or the npm .tgz.")
]
LayerOption = Annotated[
    str | None,
    typer.Option(
        "--layer", metavar="NAME", help=f"The activation to explain, {DEFAULT_LAYER} by default; see `live-cam layers`."
    ),
]
MethodOption = Annotated[
    Method,
    typer.Option("--method", help="The saliency method; layercam-fused is the sharpest, gradcam the best known."),
]
ScoreOption = Annotated[
    Score,
    typer.Option(
        "--score", help="What is differentiated. The probability's maps are noisier, and empty when it is saturated."
    ),
]
RuntimeOption = Annotated[
    Literal["auto", "tensorflow", "openvino"],
    typer.Option("--runtime", help="What the step runs on; auto is tensorflow with an NVIDIA GPU, else openvino."),
]
PrecisionOption = Annotated[
    Literal["auto", "float32", "bfloat16", "float16"],
    typer.Option("--precision", help="What the network computes in; auto is the fastest that the device has."),
]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="NAME", help="OpenVINO's device: CPU, GPU (Intel's), NPU; auto is the CPU.")
]
CodecOption = Annotated[
    Literal["auto", "h264", "vp9", "hardware"],
    typer.Option(
        "--codec",
        help="How video is encoded; auto is h264 in .mp4 and .mkv, vp9 in .webm; hardware is the first H.264 encoder "
        "of a graphics or media processor that opens.",
    ),
]
SubtitlesOption = Annotated[
    bool, typer.Option("--subtitles", help="Write the likeliest class as subtitles (.vtt) beside the video, too.")
]


@contextmanager
def show_progress(title: str) -> Iterator[Report]:
    """Shows a progress bar on standard error."""
    columns = (TextColumn(title), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_told) as progress:
        task = progress.add_task(title, total=None)
        yield lambda had_bytes, total_bytes: progress.update(task, completed=had_bytes, total=total_bytes or None)


def tell_error(error: LiveCamError) -> None:
    """Tells a failure in one line on standard error."""
    print(f"live-cam: {' '.join(str(error).split())}", file=sys.stderr)
