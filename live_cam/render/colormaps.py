"""Colour maps as look-up tables.

All but jet are perceptually uniform and keep their order for colour-blind viewers; jet is there to match older figures.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

COLORMAPS: Final[dict[str, int]] = {
    "viridis": cv2.COLORMAP_VIRIDIS,
    "inferno": cv2.COLORMAP_INFERNO,
    "cividis": cv2.COLORMAP_CIVIDIS,
    "magma": cv2.COLORMAP_MAGMA,
    "jet": cv2.COLORMAP_JET,
}


@cache
def color_table(name: str) -> NDArray[np.uint8]:
    """Returns the colours of a map from its lowest value to its highest, uint8 (256, 1, 3), RGB.

    Raises:
        KeyError: There is no such colour map.
    """
    ramp = np.arange(256, dtype=np.uint8)[:, np.newaxis]
    table = cv2.cvtColor(cv2.applyColorMap(ramp, COLORMAPS[name]), cv2.COLOR_BGR2RGB)
    table.flags.writeable = False
    return np.asarray(table, np.uint8)
