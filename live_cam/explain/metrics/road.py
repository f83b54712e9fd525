"""ROAD: remove pixels and fill the gaps so that their shape does not tell what was there.

Rong et al., "A Consistent and Efficient Evaluation Strategy for Attribution Methods" (ICML 2022).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from live_cam.errors import UsageError
from live_cam.explain.metrics.base import Predict, descending_order, enlarge, require_image, target_scores

FRACTIONS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
NOISE: Final = 0.01 * 255
"""Standard deviation of the noise that is added to what is filled in, in levels of 255."""

_EDGE, _CORNER = 1 / 6, 1 / 12
_NEIGHBOURS: Final = {(y, x): _CORNER if y and x else _EDGE for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)}


@dataclass(frozen=True, slots=True, eq=False)
class Road:
    """The score of a class while pixels are removed, in the unit of what predicts.

    Attributes:
        fractions: The share of the pixels that is removed, 0..1, float64 (P,).
        most_relevant_first: The scores without the most relevant pixels, float64 (P,).
        least_relevant_first: The scores without the least relevant ones, float64 (P,).
    """

    fractions: NDArray[np.float64]
    most_relevant_first: NDArray[np.float64]
    least_relevant_first: NDArray[np.float64]

    @property
    def combined(self) -> float:
        """Half the mean difference, as in pytorch-grad-cam's `ROADCombined`: of probabilities -0.5..0.5.

        The higher, the better the map tells relevant pixels from others; a random map has about 0.
        """
        return float(np.mean(self.least_relevant_first - self.most_relevant_first)) / 2.0


def road(
    image: NDArray[np.uint8],
    saliency_map: NDArray[np.float32],
    predict: Predict,
    target: int,
    *,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
) -> Road:
    """Removes the most and the least relevant pixels by noisy linear imputation, without training again.

    Args:
        image: The network's input, uint8 (H, W, 3), RGB.
        saliency_map: The map to measure, float32 (h, w).
        predict: Returns scores.
        target: The class.
        fractions: The shares of the pixels to remove, each over 0 and under 1.
        seed: Chooses the noise, and the order of pixels with equal values.

    Raises:
        UsageError: The image, the map or the fractions are none, or there is no such class.
    """
    require_image(image)
    if not fractions or not all(0.0 < fraction < 1.0 for fraction in fractions):
        raise UsageError(f"fractions of the pixels to remove are over 0 and under 1, unlike {fractions!r}")
    order = descending_order(enlarge(saliency_map, image.shape[:2]), seed)
    rng = np.random.default_rng(seed)

    def images() -> Iterator[NDArray[np.uint8]]:
        for one_order in (order, order[::-1]):
            for fraction in fractions:
                removed = np.zeros(order.size, bool)
                removed[one_order[: min(round(fraction * order.size), order.size - 1)]] = True
                yield impute(image, removed.reshape(image.shape[:2]), rng)

    most_first, least_first = target_scores(predict, images(), target).reshape(2, -1)
    return Road(np.array(fractions), most_first, least_first)


def impute(
    image: NDArray[np.uint8], removed: NDArray[np.bool_], rng: np.random.Generator, noise: float = NOISE
) -> NDArray[np.uint8]:
    """Fills in pixels so that each is the weighted mean of its neighbours, those filled in among them, plus noise.

    Args:
        image: uint8 (H, W, 3).
        removed: The pixels to fill in, bool (H, W); not all.
        rng: The source of the noise.
        noise: Its standard deviation, in levels of 255.
    """
    rows, columns = np.nonzero(removed)
    if not rows.size:
        return image.copy()
    numbers = np.full(removed.shape, -1)
    numbers[rows, columns] = np.arange(rows.size)
    diagonal, known = np.zeros(rows.size), np.zeros((rows.size, 3))
    entries = []
    for (down, right), weight in _NEIGHBOURS.items():
        y, x = rows + down, columns + right
        inside = np.flatnonzero((y >= 0) & (y < removed.shape[0]) & (x >= 0) & (x < removed.shape[1]))
        y, x = y[inside], x[inside]
        diagonal[inside] += weight
        is_removed = removed[y, x]
        known[inside[~is_removed]] += weight * image[y[~is_removed], x[~is_removed]]
        entries.append((inside[is_removed], numbers[y[is_removed], x[is_removed]], weight))
    equations = np.concatenate([np.arange(rows.size), *(equation for equation, _, _ in entries)])
    unknowns = np.concatenate([np.arange(rows.size), *(unknown for _, unknown, _ in entries)])
    values = np.concatenate([diagonal, *(np.full(unknown.size, -weight) for _, unknown, weight in entries)])
    system = csc_array((values, (equations, unknowns)), shape=(rows.size, rows.size))
    # Symmetric and diagonally dominant: without pivoting it takes half the time.
    factors = splu(system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    filled = factors.solve(known) + noise * rng.standard_normal(known.shape)
    imputed = image.copy()
    imputed[rows, columns] = np.clip(np.rint(filled), 0, 255)
    return imputed
