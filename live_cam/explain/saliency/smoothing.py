"""Smooths the maps and the top classes of live sources, so that maps, labels and bars do not flicker.

Both are smoothed over time, not over frames, so that all frame rates look alike, and start afresh at a scene cut.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.explain.saliency.targets import top_classes
from live_cam.types import ClassScore

_SHOWN_N = 3

# With a tenth of a second the map of a moving object lags by two or three frames, which is not visible.
_MAP_TIME_CONSTANT_S = 0.1
# A new class of probability 1 overtakes an old one after 0.69 of this, when both are at 0.5.
_PROBABILITY_TIME_CONSTANT_S = 0.2
# A challenger replaces a shown class when it leads by this much, or has led this long without interruption. Two equal
# classes with noise of 1 percentage point per frame then swap twice a minute, with 3 points four times (at 30 fps).
_CLEAR_LEAD = 0.05
_LONG_LEAD_NS = 1_000_000_000

# The difference of two grey thumbnails, whose mean is removed, as a fraction of their contrast, and in grey levels. It
# is 0.63 to 0.85 for the demo's cuts, 0.12 for its pans at 30 fps and 0.40 at 3 fps, 0.49 for a fast pan (a twentieth
# of the width per frame), 0.33 for half the light; noise is under 7 grey levels.
_CUT_FRACTION = 0.5
_CUT_GREY_LEVELS = 8.0
_MAX_GAP_NS = 1_000_000_000
_THUMBNAIL_SIZE = (16, 12)
_MIN_SAMPLES = 64

_MAX_SOURCES = 256
_MAX_MAPS = 256


@dataclass(slots=True, eq=False)
class _Scene:
    """State of a source since its last cut.

    Attributes:
        number: Its number among all scenes of all sources.
        thumbnail: float32 (12, 16), the newest frame in grey, its mean removed.
        size: Height and width of the frames.
        pts_ns: Capture time of the newest.
        probabilities: float64 (classes,), smoothed.
        shown: The classes shown, in order.
        ahead_since_ns: By challenger and holder: since when a class leads one that is shown before it.
    """

    number: int
    thumbnail: NDArray[np.float32]
    size: tuple[int, int]
    pts_ns: int
    probabilities: NDArray[np.float64]
    shown: list[int]
    ahead_since_ns: dict[tuple[int, int], int]


class TemporalSmoother:
    """Smooths the maps and the top classes of any number of live sources."""

    def __init__(self) -> None:
        self._scenes: dict[str, _Scene] = {}
        self._maps: dict[tuple[str, Hashable], tuple[NDArray[np.float32], int, int]] = {}
        self._scenes_n = 0

    def update(
        self,
        source_id: str,
        key: Hashable,
        rgb: NDArray[np.uint8],
        pts_ns: int,
        saliency_map: NDArray[np.float32],
        probabilities: NDArray[np.floating],
        labels: Sequence[str],
    ) -> tuple[NDArray[np.float32], tuple[ClassScore, ...]]:
        """Adds the results of a frame and returns what to show.

        If the same frame is explained again, such as a frozen one, the classes stay the same, and so does the map of a
        key that was explained before.

        Args:
            source_id: The source of the frame.
            key: Target, layer and method, for example; each key has its own map.
            rgb: uint8 (H, W, 3), the frame, in which scene cuts are detected.
            pts_ns: Its capture time.
            saliency_map: float32 (h, w). Not copied; must not be changed.
            probabilities: float (classes,).
            labels: The names of the classes.

        Returns:
            The map to draw, float32 (h, w), and the three classes to show, with their smoothed probabilities. Classes
            whose order is held, for about a second, all have their mean.
        """
        scene = self._advance(source_id, rgb, pts_ns, probabilities)
        smoothed_map = self._smooth(source_id, key, saliency_map, scene)
        held = _descending([float(scene.probabilities[i]) for i in scene.shown])
        smoothed_top = tuple(ClassScore(i, labels[i], value) for i, value in zip(scene.shown, held, strict=True))
        return smoothed_map, smoothed_top

    def scene(self, source_id: str) -> int:
        """Returns the number of the scene that a source shows, which no other scene has; 0 before its first frame."""
        return self._scenes[source_id].number if source_id in self._scenes else 0

    def _advance(
        self, source_id: str, rgb: NDArray[np.uint8], pts_ns: int, probabilities: NDArray[np.floating]
    ) -> _Scene:
        thumbnail = _thumbnail(rgb)
        scene = self._scenes.pop(source_id, None)
        if scene is None or _is_cut(scene, thumbnail, rgb.shape[:2], pts_ns, len(probabilities)):
            scene = self._start(thumbnail, rgb.shape[:2], pts_ns, probabilities)
        elif pts_ns > scene.pts_ns:
            weight = -math.expm1(-(pts_ns - scene.pts_ns) / (_PROBABILITY_TIME_CONSTANT_S * 1e9))
            scene.probabilities += weight * (probabilities - scene.probabilities)
            scene.thumbnail, scene.pts_ns = thumbnail, pts_ns
            _reorder(scene)
        if len(self._scenes) >= _MAX_SOURCES:
            del self._scenes[next(iter(self._scenes))]  # the one without frames for longest
        self._scenes[source_id] = scene
        return scene

    def _start(
        self, thumbnail: NDArray[np.float32], size: tuple[int, ...], pts_ns: int, probabilities: NDArray[np.floating]
    ) -> _Scene:
        self._scenes_n += 1
        initial = probabilities.astype(np.float64)
        shown = top_classes(initial, _SHOWN_N)
        return _Scene(self._scenes_n, thumbnail, (size[0], size[1]), pts_ns, initial, shown, {})

    def _smooth(
        self, source_id: str, key: Hashable, saliency_map: NDArray[np.float32], scene: _Scene
    ) -> NDArray[np.float32]:
        of_source = source_id, key
        smoothed, scene_number, at_ns = self._maps.pop(of_source, (saliency_map, 0, 0))
        if scene_number != scene.number or smoothed.shape != saliency_map.shape:
            smoothed = saliency_map
        elif at_ns < scene.pts_ns:
            weight = -math.expm1(-(scene.pts_ns - at_ns) / (_MAP_TIME_CONSTANT_S * 1e9))
            smoothed = smoothed + np.float32(weight) * (saliency_map - smoothed)
        if len(self._maps) >= _MAX_MAPS:
            del self._maps[next(iter(self._maps))]  # the least recently used
        self._maps[of_source] = smoothed, scene.number, scene.pts_ns
        return smoothed


def _descending(values: Sequence[float]) -> list[float]:
    """Replaces values that rise by their mean, so that none is higher than the one before it."""
    runs: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while runs and runs[-1][0] < mean:
            before, before_count = runs.pop()
            mean, count = (before * before_count + mean * count) / (before_count + count), before_count + count
        runs.append((mean, count))
    return [mean for mean, count in runs for _ in range(count)]


def _thumbnail(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns a frame as 16x12 grey pixels minus their mean, so that a change of light changes little.

    Pixels are skipped first: averaging all of a large frame would take too long at the rate of the network.
    """
    step = max(1, min(rgb.shape[:2]) // _MIN_SAMPLES)
    grey = cv2.cvtColor(np.ascontiguousarray(rgb[::step, ::step]), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, _THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(small - small.mean(), np.float32)


def _is_cut(scene: _Scene, thumbnail: NDArray[np.float32], size: tuple[int, ...], pts_ns: int, classes: int) -> bool:
    """Whether a frame does not continue the scene."""
    if size != scene.size or classes != len(scene.probabilities):
        return True
    if pts_ns == scene.pts_ns:  # images without times are not those of a live source
        return not np.array_equal(thumbnail, scene.thumbnail)
    if not 0 < pts_ns - scene.pts_ns <= _MAX_GAP_NS:
        return True
    difference = float(np.abs(thumbnail - scene.thumbnail).mean())
    contrast = float(np.abs(thumbnail).mean() + np.abs(scene.thumbnail).mean())
    return difference > _CUT_GREY_LEVELS and difference > _CUT_FRACTION * contrast


def _reorder(scene: _Scene) -> None:
    """Moves up challengers that lead clearly or have led for long."""
    values = scene.probabilities
    candidates = scene.shown + [index for index in top_classes(values, _SHOWN_N) if index not in scene.shown]
    before = scene.ahead_since_ns
    since_ns = {
        (challenger, holder): before.get((challenger, holder), scene.pts_ns)
        for rank, holder in enumerate(candidates)
        for challenger in candidates[rank + 1 :]
        if values[challenger] > values[holder]
    }
    for challenger in sorted(candidates, key=lambda index: -values[index]):
        rank = candidates.index(challenger)
        for earlier, holder in enumerate(candidates[:rank]):
            led_since_ns = since_ns.get((challenger, holder), scene.pts_ns)
            is_clear = values[challenger] - values[holder] >= _CLEAR_LEAD
            if is_clear or scene.pts_ns - led_since_ns >= _LONG_LEAD_NS:
                candidates.insert(earlier, candidates.pop(rank))
                break
    scene.shown = candidates[:_SHOWN_N]
    scene.ahead_since_ns = since_ns
