"""Reading from sources, and checks of their errors."""

from __future__ import annotations

import traceback

import numpy as np


def read_frames(source, count):
    """Opens a source, returns its first frames, and closes it."""
    stream = source.open()
    try:
        return [stream.read() for _ in range(count)]
    finally:
        stream.close()


def read_frame(source):
    """Opens a source, returns its first frame, and closes it."""
    (frame,) = read_frames(source, 1)
    return frame


def intervals_s(frames):
    """Returns the time from each frame to the next."""
    return np.diff([frame.pts_ns for frame in frames]) / 1e9


def assert_one_line(error, *fragments):
    """Checks that an error's message is one line that contains all of the fragments."""
    assert len(str(error).splitlines()) == 1
    for fragment in fragments:
        assert str(fragment) in str(error)


def everything_logged_of(error):
    """Returns all texts that a log may show of an error and those it was raised from."""
    texts = ["".join(traceback.format_exception(error))]
    while error is not None:
        texts += [str(error), repr(error), repr(error.args), str(getattr(error, "filename", ""))]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def playlist(*lines):
    """Returns an HLS playlist of a recording."""
    return "\n".join(["#EXTM3U", *lines, "#EXT-X-ENDLIST", ""]).encode()
