"""Takes of made-up features: frames of a take are nearly the same, those of another take of the class less so."""

from __future__ import annotations

import numpy as np

from live_cam.teach.examples import Take

CHANNELS = 60
CLASSES = 12
PLACES = 7, 7


def make_take(rng, class_index, *, signal=3.0, frames_n=8, channels=CHANNELS):
    """Returns a take: its own look, and every twelfth feature for its class."""
    look = 2.0 + 0.4 * rng.standard_normal(channels)
    activation = np.tile(look, (*PLACES, 1))
    activation[..., class_index::CLASSES] += signal
    frames = [np.abs(activation + rng.normal(0, 0.05, activation.shape)) for _ in range(frames_n)]
    return Take.of_frames(class_index, [frame.astype(np.float32) for frame in frames])
