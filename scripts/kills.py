"""Kills `live-cam --record` at random moments and tells how much of each recording plays.

    python scripts/kills.py --times 50 --suffix .mp4

Lost is the time from the capture of the last picture that plays, or of the last line that is whole, to the kill. It
succeeds if every recording plays and has lost at most a second.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import av
import numpy as np

_FIRST_PICTURE_LIMIT_S = 60.0
_LOST_LIMIT_S = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--suffix", choices=[".mp4", ".mkv", ".webm"], default=".mp4")
    parser.add_argument("--longest", type=float, default=6.0, help="seconds of recording at most (default: 6)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    losses_s: list[tuple[float, float]] = []
    print(f"{'kill':>4} {'recorded':>9} {'pictures':>9} {'lost':>8} {'lines':>6} {'lost':>8}")
    for number in range(1, options.times + 1):
        with tempfile.TemporaryDirectory() as folder:
            video = Path(folder) / f"recording{options.suffix}"
            begun_s, killed_s = _record_and_kill(video, moments.uniform(0.0, options.longest))
            times_s = _times_of_pictures(video)
            lines, line_s = _lines(video.with_suffix(".jsonl"))
        recorded_s = killed_s - begun_s
        row = f"{number:>4} {recorded_s:>7.2f} s {len(times_s):>9}"
        if times_s:
            losses_s.append((recorded_s - times_s[-1], recorded_s - line_s))
            print(f"{row} {losses_s[-1][0]:>6.3f} s {lines:>6} {losses_s[-1][1]:>6.3f} s", flush=True)
        else:
            print(f"{row} {'all':>8} {lines:>6} {recorded_s - line_s:>6.3f} s", flush=True)
    sys.exit(0 if _all_good(losses_s, options.times) else 1)


def _all_good(losses_s: list[tuple[float, float]], times: int) -> bool:
    """Prints how many recordings play and what those have lost, in pictures and in lines; tells whether all are good.

    Args:
        losses_s: Of those that play.
        times: How many there are.
    """
    good = sum(max(lost_s) <= _LOST_LIMIT_S for lost_s in losses_s)
    print(f"{len(losses_s)} of {times} play; {good} of these, sidecar included, lost at most {_LOST_LIMIT_S:g} s")
    if losses_s:
        for name, lost in zip(("video", "sidecar"), np.array(losses_s).T, strict=True):
            print(f"lost of the {name}: {np.median(lost):.3f} s in the median, {lost.max():.3f} s at most")
    return good == times


def _record_and_kill(video: Path, after_s: float) -> tuple[float, float]:
    """Gives when the first picture was captured and when the process was killed, in seconds of the day's clock."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    words = ["demo", "--no-open", "--port", str(port), "--record", str(video)]
    with subprocess.Popen([sys.executable, "-m", "live_cam", *words], stdout=subprocess.DEVNULL) as live:
        try:
            begun_s = _begun(video.with_suffix(".jsonl"), live)
            time.sleep(max(0.0, begun_s + after_s - time.time()))
        finally:
            killed_s = time.time()
            live.kill()
    return begun_s, killed_s


def _begun(sidecar: Path, live: subprocess.Popen[bytes]) -> float:
    deadline_s = time.monotonic() + _FIRST_PICTURE_LIMIT_S
    while time.monotonic() < deadline_s and live.poll() is None:
        if sidecar.exists() and (text := sidecar.read_text("utf-8")).endswith("\n"):
            return datetime.fromisoformat(json.loads(text.splitlines()[0])["begun"]).timestamp()
        time.sleep(0.001)
    sys.exit("live-cam recorded no picture")


def _times_of_pictures(video: Path) -> list[float]:
    """Decodes all that can be; of a file that does not play that is nothing."""
    times_s: list[float] = []
    # An IndexError is for a file without a video stream.
    with suppress(av.FFmpegError, IndexError), av.open(video) as container:
        times_s.extend(picture.time or 0.0 for picture in container.decode(video=0))
    return times_s


def _lines(sidecar: Path) -> tuple[int, float]:
    """Gives the number of whole lines about frames, and the time of the last of them."""
    whole = sidecar.read_text("utf-8").rpartition("\n")[0]
    header, *lines = map(json.loads, whole.splitlines())
    ticks_per_s = header["time_base"][1] / header["time_base"][0]
    return len(lines), (lines[-1]["pts"] if lines else 0) / ticks_per_s


if __name__ == "__main__":
    main()
