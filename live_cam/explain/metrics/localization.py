"""Where the relevance lies, compared with where the object is: for masks and boxes.

A mask shows what the map covers: the network's input, or the frame where that was stretched to it.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.errors import UsageError
from live_cam.explain.metrics.base import enlarge
from live_cam.types import Box

TOLERANCE_PX: Final = 15.0


def box_mask(box: Box, size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns the mask bool (H, W) of a box in fractions of width and height."""
    height, width = size_px
    left, top, right, bottom = (
        round(edge * size) for edge, size in zip(box, (width, height, width, height), strict=True)
    )
    mask = np.zeros(size_px, bool)
    mask[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
    return mask


def pointing_game(
    saliency_map: NDArray[np.float32], mask: NDArray[np.bool_], *, tolerance_px: float = TOLERANCE_PX
) -> float:
    """Returns 1 if the map's maximum hits the object, else 0; its mean is the accuracy of pointing.

    Zhang et al., "Top-down Neural Attention by Excitation Backprop" (ECCV 2016). Where several pixels have
    the maximum, it is the share of them that hits; an empty map, which is 0 everywhere, points nowhere: a miss.

    Args:
        saliency_map: float32 (h, w), enlarged to the size of the mask.
        mask: The object, bool (H, W).
        tolerance_px: How far from the object is still a hit; the paper's 15 pixels, for pictures in their own size.

    Raises:
        UsageError: The mask is empty.
    """
    relevance = _relevance(saliency_map, mask)
    if not relevance.any():
        return 0.0
    distance_px = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(np.mean(distance_px[relevance == relevance.max()] <= tolerance_px))


def relevance_mass(saliency_map: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Returns the share of the positive relevance that lies on the object, 0..1; NaN of an empty map.

    Arras, Osman & Samek, "CLEVR-XAI: A benchmark dataset for the ground truth evaluation of neural network
    explanations" (Information Fusion 2022): relevance mass accuracy. A map of equal values has the share
    of the object in the picture.

    Args:
        saliency_map: float32 (h, w), enlarged to the size of the mask.
        mask: The object, bool (H, W).

    Raises:
        UsageError: The mask is empty.
    """
    relevance = _relevance(saliency_map, mask)
    total = float(relevance.sum(dtype=np.float64))
    return float(relevance[mask].sum(dtype=np.float64)) / total if total else math.nan


def relevance_rank(saliency_map: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Returns the share of the K most relevant pixels that lie on the object, which has K pixels, 0..1.

    Arras, Osman & Samek (see `relevance_mass`): relevance rank accuracy. Of equal values at the K-th place it takes the
    expected share.

    Args:
        saliency_map: float32 (h, w), enlarged to the size of the mask.
        mask: The object, bool (H, W).

    Raises:
        UsageError: The mask is empty.
    """
    relevance = _relevance(saliency_map, mask)
    k = int(mask.sum())
    threshold = np.partition(relevance.ravel(), relevance.size - k)[relevance.size - k]
    above, tied = relevance > threshold, relevance == threshold
    share_of_tied = (k - above.sum()) / tied.sum()
    return float(((above & mask).sum() + share_of_tied * (tied & mask).sum()) / k)


def _relevance(saliency_map: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Returns the positive relevance at the size of a mask."""
    if mask.dtype != np.bool_ or mask.ndim != 2 or not mask.any():
        raise UsageError(f"the mask of an object is bool (H, W) and not empty, unlike {mask.dtype} {mask.shape}")
    height, width = mask.shape
    return np.maximum(enlarge(saliency_map, (height, width)), 0.0)
