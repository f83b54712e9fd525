"""Evidence for a target, and the peaks by which its maps are normalized.

Dividing each map by its own maximum would draw noise in full colour and make brightness pump. Instead the peak is
smoothed over time, and the opacity of the map follows the evidence.
"""

from __future__ import annotations

import math
from collections.abc import Hashable

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.types import CLASSLESS_METHODS, Method, Target

# Noise is about as strange as anything without content: on the ImageNet weights the top logit of black, white and grey
# frames is 5.0 to 5.9, of noise 7 to 10, of photographs of one of the 1000 classes 13 to 27.
_FULL_EVIDENCE = 1.8
_MIN_SPAN_LOGITS = 2.0
# In 18 photographs the share is 0 to 0.07 against the top three classes, 0.02 to 0.22 against one that is not there.
_COUNTERFACTUAL_RAMP = (0.02, 0.2)

_RELEASE_S = 0.5
_MAX_KEYS = 1024


def empty_images(input_px: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Returns images without content, uint8 (H, W, 3): black, grey, white, and noise of pixels and of patches."""
    rng = np.random.default_rng(0)
    height, width = input_px
    noise = rng.integers(0, 256, (height, width, 3), np.uint8)
    patches = cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return [*(np.full((height, width, 3), level, np.uint8) for level in (0, 128, 255)), noise, patches]


def evidence_ramp(logits: NDArray[np.float32]) -> tuple[float, float]:
    """Returns the top logits at which evidence starts and is full, from logits (N, classes) of `empty_images`."""
    top = logits.max(axis=1)
    start = float(top.min())
    return start, start + max(_FULL_EVIDENCE * float(top.max() - start), _MIN_SPAN_LOGITS)


def evidence(
    logits: NDArray[np.float32], target: Target, method: Method, ramp: tuple[float, float], peak_share: float = 1.0
) -> float:
    """Returns how much evidence there is for a target: 0 (no more than an empty frame has) to 1.

    The logit of its class is no measure for a counterfactual, nor for classless methods: what counts is whether the
    frame shows anything at all, for which the logit of the top class is the measure. For a contrast it is the
    difference of the two logits: 8 of them, as for ImageNet, are odds of 3000 to 1. For a counterfactual it is how much
    weaker its map is than that of the top class: against the top class itself it has a few hundredths of that at most.

    Args:
        logits: float32 (classes,).
        target: The target; its `index` is not None.
        method: The method of the map.
        ramp: The logits at which evidence starts and is full.
        peak_share: The peak of a counterfactual's map, as a fraction of that of the top class's.
    """
    start, full = ramp
    classless = method in CLASSLESS_METHODS
    score = float(logits.max() if target.counterfactual or classless else logits[target.index])
    if target.contrast is None or classless:
        fraction = (score - start) / (full - start)
    else:
        fraction = (score - float(logits[target.contrast])) / (full - start)
    fraction = min(max(fraction, 0.0), 1.0)
    if target.counterfactual and not classless:
        none_below, full_above = _COUNTERFACTUAL_RAMP
        fraction *= min(max((peak_share - none_below) / (full_above - none_below), 0.0), 1.0)
    return fraction


class PeakNormalizer:
    """The map value to draw at full opacity (vmax), for each key, such as a source with a target.

    It follows a rising peak at once and a falling one with a time constant of half a second.
    """

    def __init__(self, live: bool = False) -> None:
        """Starts without keys.

        Args:
            live: Whether frames have distinct times, so that the same time again is the same frame.
        """
        self._live = live
        self._peaks: dict[Hashable, tuple[float, int]] = {}

    def update(self, peak: float, pts_ns: int, key: Hashable) -> float:
        """Adds the peak of the next map and returns vmax; a new key, or an earlier time, starts afresh."""
        before, before_ns = self._peaks.pop(key, (0.0, pts_ns))
        if self._live and pts_ns == before_ns:
            peak = max(peak, before)
        if pts_ns > before_ns:
            keep = math.exp(-(pts_ns - before_ns) / (_RELEASE_S * 1e9))
            peak = max(peak, before * keep + peak * (1.0 - keep))
        if len(self._peaks) >= _MAX_KEYS:
            del self._peaks[next(iter(self._peaks))]  # the least recently used
        self._peaks[key] = peak, pts_ns
        return peak
