"""Kills `live-cam --record` at random moments and prints how much of each recording plays.

    python -m scripts.kills --times 50 --suffix .mp4
    python -m scripts.kills --times 15 --busy 13

Lost is the time from the capture of the last frame that plays, or of the last complete sidecar line, to the kill. It
succeeds if every video plays, or is not there yet, and lost at most a second.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.processes import free_port

_START_LIMIT_S = 60.0
_LOST_LIMIT_S = 1.0


@dataclass(frozen=True)
class Kill:
    """A recording that was cut short.

    Attributes:
        has_video: Whether there is a video.
        recorded_s: From the capture of the first frame to the kill.
        times_s: When the frames that play were captured, since the first.
        lines: Number of complete sidecar lines about frames.
        last_line_s: When the frame of the last one was captured, since the first.
    """

    has_video: bool
    recorded_s: float
    times_s: Sequence[float]
    lines: int
    last_line_s: float

    @property
    def lost_s(self) -> tuple[float, float]:
        """What the video and the sidecar lost; all of a video that does not play."""
        return self.recorded_s - (self.times_s[-1] if self.times_s else 0.0), self.recorded_s - self.last_line_s

    @property
    def is_good(self) -> bool:
        """Whether what there is plays, and little was lost."""
        return bool(self.times_s or not self.has_video) and max(self.lost_s) <= _LOST_LIMIT_S


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--suffix", choices=[".mp4", ".mkv", ".webm"], default=".mp4")
    parser.add_argument("--longest", type=float, default=6.0, help="seconds of recording at most (default: 6)")
    parser.add_argument("--busy", type=int, default=0, help="busy processes beside each recording (default: 0)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    generator = random.Random(options.seed)
    kills: list[Kill] = []
    print(f"{'kill':>4} {'recorded':>9} {'frames':>7} {'lost':>8} {'lines':>6} {'lost':>8}")
    for number in range(1, options.times + 1):
        with tempfile.TemporaryDirectory() as directory:
            video = Path(directory) / f"recording{options.suffix}"
            kill = record_and_kill(video, generator.uniform(0, options.longest), busy=options.busy)
        kills.append(kill)
        video_s, sidecar_s = kill.lost_s
        lost = f"{video_s:>6.3f} s" if kill.times_s else f"{'all':>8}"
        print(
            f"{number:>4} {kill.recorded_s:>7.2f} s {len(kill.times_s):>7} {lost} {kill.lines:>6} {sidecar_s:>6.3f} s",
            flush=True,
        )
    sys.exit(0 if report(kills) else 1)


def report(kills: Sequence[Kill]) -> bool:
    """Prints how many recordings play and what those lost; returns whether all play and lost little."""
    playing = [kill for kill in kills if kill.times_s]
    absent = sum(not kill.has_video for kill in kills)
    good = sum(kill.is_good for kill in kills)
    print(
        f"{len(playing)} of {len(kills)} play, {absent} had no frame yet; {good} of these, sidecar included, "
        f"lost at most {_LOST_LIMIT_S:g} s"
    )
    if playing:
        for name, lost_s in zip(("video", "sidecar"), np.array([kill.lost_s for kill in playing]).T, strict=True):
            print(f"lost of the {name}: median {np.median(lost_s):.3f} s, max {lost_s.max():.3f} s")
    return good == len(kills)


def record_and_kill(video: Path, after_s: float, min_frames: int = 1, busy: int = 0) -> Kill:
    """Records the demo and kills the process.

    Args:
        video: The recording.
        after_s: When it is killed, after the capture of the first frame.
        min_frames: It is not killed before it has so many frames.
        busy: Number of busy processes beside it, from the first frame on.
    """
    sidecar = video.with_suffix(".jsonl")
    port = free_port()
    arguments = ["demo", "--no-open", "--port", str(port), "--record", str(video)]
    command = [sys.executable, "-m", "live_cam", *arguments]
    with ExitStack() as load, subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            started = _wait_for_lines(sidecar, process, 1)[0]["started"]
            for _ in range(busy):
                load.callback(subprocess.Popen([sys.executable, "-c", "while True: pass"]).kill)
            begin_s = datetime.fromisoformat(started).timestamp()
            _wait_for_lines(sidecar, process, min_frames)
            time.sleep(max(0.0, begin_s + after_s - time.time()))
        finally:
            killed_s = time.time()
            process.kill()
    return Kill(video.exists(), killed_s - begin_s, frame_times_s(video), *sidecar_lines(sidecar))


def _wait_for_lines(sidecar: Path, process: subprocess.Popen[bytes], count: int) -> list[dict[str, Any]]:
    """Waits for `count` complete lines of the sidecar, of which the first is its header, and returns all."""
    deadline_s = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        lines = sidecar.read_bytes().splitlines(keepends=True) if sidecar.exists() else []
        complete = [line for line in lines if line.endswith(b"\n")]
        if len(complete) >= count:
            return [json.loads(line) for line in complete]
        time.sleep(0.005)
    sys.exit("live-cam recorded no frame")


def frame_times_s(video: Path) -> list[float]:
    """Decodes a video as far as possible; returns the times of its frames, none if it does not play."""
    times_s: list[float] = []
    # An IndexError is for a file without a video stream.
    with suppress(av.FFmpegError, IndexError), av.open(video) as container:
        times_s.extend(frame.time or 0.0 for frame in container.decode(video=0))
    return times_s


def sidecar_lines(sidecar: Path) -> tuple[int, float]:
    """Returns the number of complete lines about frames, and the time of the last of them."""
    complete = sidecar.read_text("utf-8").rpartition("\n")[0]
    header, *lines = map(json.loads, complete.splitlines())
    ticks_per_s = header["time_base"][1] / header["time_base"][0]
    return len(lines), (lines[-1]["pts"] if lines else 0) / ticks_per_s


if __name__ == "__main__":
    main()
