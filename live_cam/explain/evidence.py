"""An honest scale for saliency maps: how bright is bright, and is there anything to be seen at all?

Dividing each map by its own maximum paints noise in full colour and makes brightness pump. Instead the peak is
smoothed over time, and how strongly the map is painted follows how much evidence there is.
"""

from __future__ import annotations

import math
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from live_cam.frame import CLASSLESS_METHODS, Method, Target

# Measured on the ImageNet weights: the top logit of black, white and grey frames is 5.0 to 5.9, of noise 7 to 10,
# of photographs of one of the 1000 things 13 to 27.
_NO_EVIDENCE_LOGIT = 6.0
_FULL_EVIDENCE_LOGIT = 14.0
# Of two classes held against each other, 8 logits apart is odds of 3000 to 1.
_FULL_EVIDENCE_DIFFERENCE = 8.0

_RELEASE_S = 0.5
_MOST_QUESTIONS = 1024


def strength(logits: NDArray[np.float32], target: Target, method: Method) -> float:
    """Gives how much evidence the logits hold for the target: 0 for no more than an empty picture has, to 1.

    Against a class speaks whatever can be seen, however little speaks for it: what counts then is whether there is
    anything to be seen at all, of which the likeliest class tells. So it is for maps that know no classes.

    Args:
        logits: float32 (classes,).
        target: The question, with its `index` known.
        method: What made the map.
    """
    classless = method in CLASSLESS_METHODS
    score = float(logits.max() if target.against or classless else logits[target.index])
    if target.versus is None or classless:
        ramp = (score - _NO_EVIDENCE_LOGIT) / (_FULL_EVIDENCE_LOGIT - _NO_EVIDENCE_LOGIT)
    else:
        ramp = (score - float(logits[target.versus])) / _FULL_EVIDENCE_DIFFERENCE
    return min(max(ramp, 0.0), 1.0)


class Scales:
    """The map value to paint at full strength, for each question put to each source.

    It follows a rising peak at once and a falling one within half a second.
    """

    def __init__(self, live: bool = False) -> None:
        """Begins with no question known.

        Args:
            live: Whether frames have times of their own, so that the same time again is the same frame.
        """
        self._live = live
        self._peaks: dict[Hashable, tuple[float, int]] = {}

    def update(self, peak: float, pts_ns: int, question: Hashable) -> float:
        """Takes in the peak of the next map and gives the scale; a new question, or time gone back, starts afresh."""
        before, before_ns = self._peaks.pop(question, (0.0, pts_ns))
        if self._live and pts_ns == before_ns:
            peak = max(peak, before)
        if pts_ns > before_ns:
            keep = math.exp(-(pts_ns - before_ns) / (_RELEASE_S * 1e9))
            peak = max(peak, before * keep + peak * (1.0 - keep))
        if len(self._peaks) >= _MOST_QUESTIONS:
            del self._peaks[next(iter(self._peaks))]  # the one not asked for longest
        self._peaks[question] = peak, pts_ns
        return peak
