"""The rate of a video, as far as it is known."""

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from live_cam.sources.decode.video_stream import frame_rate


@pytest.mark.parametrize(
    ("average", "guessed", "time_base", "expected"),
    [
        (Fraction(25), Fraction(25), Fraction(1, 25), Fraction(25)),
        (Fraction(30_000, 1001), Fraction(30), Fraction(1, 90_000), Fraction(30_000, 1001)),
        (None, Fraction(10), Fraction(1, 1000), Fraction(10)),
        # What FFmpeg returns of one DV picture, and of what Chromium's MediaRecorder writes.
        (Fraction(60_000), Fraction(25), Fraction(1, 60_000), Fraction(25)),
        (None, Fraction(1000), Fraction(1, 1000), None),
        (None, Fraction(90_000), Fraction(1, 90_000), None),
        # A camera for slow motion.
        (Fraction(960), Fraction(960), Fraction(1, 90_000), Fraction(960)),
        (None, None, None, None),
    ],
)
def test_the_rate_of_a_time_base_is_none_of_frames(average, guessed, time_base, expected):
    stream: Any = SimpleNamespace(average_rate=average, guessed_rate=guessed, time_base=time_base)
    assert frame_rate(stream) == expected
