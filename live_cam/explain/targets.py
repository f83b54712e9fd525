"""Questions as vectors over the classes: the step explains `target . logits`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from live_cam.frame import Target


def target_vector(target: Target, classes: int) -> NDArray[np.float32]:
    """Gives the vector float32 (classes,) whose product with the logits is to be explained.

    `e_A` explains class A; `e_A - e_B` asks why A and not B; `-e_A` asks what speaks against A; all zeros lets the step
    choose the likeliest class. A held against itself is `e_A`, since the difference would be all zeros, too.

    Raises:
        ValueError: `target.versus` or `target.against` without `target.index`: which class is meant is not known yet.
            Or both of them.
    """
    if target.versus is not None and target.against:
        raise ValueError("what speaks against a class is asked of that class alone, without another")
    vector = np.zeros(classes, np.float32)
    if target.index is not None:
        vector[target.index] = -1.0 if target.against else 1.0
    elif target.versus is not None:
        raise ValueError("a class to hold against needs a class to explain")
    elif target.against:
        raise ValueError("what speaks against a class needs that class")
    if target.versus is not None and target.versus != target.index:
        vector[target.versus] = -1.0
    return vector
