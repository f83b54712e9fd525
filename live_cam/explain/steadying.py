"""Steady pictures of a live source: maps that don't shimmer, and names and bars that don't flicker.

Both are smoothed over time, not over frames, so that all frame rates look alike, and begin afresh at a scene cut.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.frame import ClassScore

_SHOWN = 3

# At a tenth of a second the map of a moving thing trails it by two or three frames, which nobody sees.
_MAP_S = 0.1
# A new class that is sure of itself passes an old one that was after 0.69 of this, when both stand at a half.
_PROBABILITY_S = 0.2
# A challenger takes a shown class's place when it leads by so much, or has led without a break for so long. Two equal
# classes under noise of 1 point a frame change places twice a minute then, under 3 points four times (at 30 fps).
_CLEAR_LEAD = 0.05
_LONG_LEAD_NS = 1_000_000_000

# Of the small grey pictures, which ignore how bright the whole is: how much two differ, as a part of all the contrast
# they have, and in grey levels. The demo's cuts come to 0.63 to 0.85, its pans to 0.12 at 30 and 0.40 at 3 frames a
# second, a fast pan (a twentieth of the width a frame) to 0.49, half the light to 0.33; noise is under 7 grey levels.
_CUT_PART = 0.5
_CUT_GREY_LEVELS = 8.0
_LONGEST_GAP_NS = 1_000_000_000
_GREY_SIZE = (16, 12)
_SAMPLES = 64

_MOST_SOURCES = 256
_MOST_MAPS = 256


@dataclass(slots=True, eq=False)
class _Scene:
    """What is known of a source since its last cut.

    Attributes:
        number: Which scene it is, of all scenes of all sources.
        grey: float32 (12, 16), the newest picture in small, its mean taken off.
        size: Height and width of the pictures.
        pts_ns: When the newest was captured.
        probabilities: float64 (classes,), smoothed.
        shown: The classes shown, in their order.
        ahead_since_ns: Since when a class leads one that is shown before it, by the two.
    """

    number: int
    grey: NDArray[np.float32]
    size: tuple[int, int]
    pts_ns: int
    probabilities: NDArray[np.float64]
    shown: list[int]
    ahead_since_ns: dict[tuple[int, int], int]


class Steadier:
    """Smooths the maps and the likeliest classes of any number of live sources."""

    def __init__(self) -> None:
        self._scenes: dict[str, _Scene] = {}
        self._maps: dict[tuple[str, Hashable], tuple[NDArray[np.float32], int, int]] = {}
        self._scenes_n = 0

    def update(
        self,
        source_id: str,
        question: Hashable,
        rgb: NDArray[np.uint8],
        pts_ns: int,
        saliency_map: NDArray[np.float32],
        probabilities: NDArray[np.floating],
        labels: Sequence[str],
    ) -> tuple[NDArray[np.float32], tuple[ClassScore, ...]]:
        """Takes in what was found in a frame and gives what to show for it.

        Asked again about the same frame, as about one that is frozen, the classes stay as they are, and so does the
        map of a question that was answered for it before.

        Args:
            source_id: Whose frame it is.
            question: What was asked, with the layer and the method; each has a map of its own.
            rgb: uint8 (H, W, 3), the frame, to find the scene cuts by.
            pts_ns: When it was captured.
            saliency_map: float32 (h, w). Not copied; nobody may write into it.
            probabilities: float (classes,).
            labels: The names of the classes.

        Returns:
            The map to paint, float32 (h, w), and the three classes to show, with their smoothed probabilities. They
            may be out of order by less than 5 points, for about a second.
        """
        scene = self._advance(source_id, rgb, pts_ns, probabilities)
        steady_map = self._smooth(source_id, question, saliency_map, scene)
        steady_top = tuple(ClassScore(i, labels[i], float(scene.probabilities[i])) for i in scene.shown)
        return steady_map, steady_top

    def _advance(
        self, source_id: str, rgb: NDArray[np.uint8], pts_ns: int, probabilities: NDArray[np.floating]
    ) -> _Scene:
        grey = _small_grey(rgb)
        scene = self._scenes.pop(source_id, None)
        if scene is None or _is_cut(scene, grey, rgb.shape[:2], pts_ns, len(probabilities)):
            scene = self._begin(grey, rgb.shape[:2], pts_ns, probabilities)
        elif pts_ns > scene.pts_ns:
            part = -math.expm1(-(pts_ns - scene.pts_ns) / (_PROBABILITY_S * 1e9))
            scene.probabilities += part * (probabilities - scene.probabilities)
            scene.grey, scene.pts_ns = grey, pts_ns
            _reorder(scene)
        if len(self._scenes) >= _MOST_SOURCES:
            del self._scenes[next(iter(self._scenes))]  # the one silent for longest
        self._scenes[source_id] = scene
        return scene

    def _begin(
        self, grey: NDArray[np.float32], size: tuple[int, ...], pts_ns: int, probabilities: NDArray[np.floating]
    ) -> _Scene:
        self._scenes_n += 1
        own = probabilities.astype(np.float64)
        return _Scene(self._scenes_n, grey, (size[0], size[1]), pts_ns, own, _likeliest(own), {})

    def _smooth(
        self, source_id: str, question: Hashable, saliency_map: NDArray[np.float32], scene: _Scene
    ) -> NDArray[np.float32]:
        key = source_id, question
        steady, scene_number, at_ns = self._maps.pop(key, (saliency_map, 0, 0))
        if scene_number != scene.number or steady.shape != saliency_map.shape:
            steady = saliency_map
        elif at_ns < scene.pts_ns:
            part = -math.expm1(-(scene.pts_ns - at_ns) / (_MAP_S * 1e9))
            steady = steady + np.float32(part) * (saliency_map - steady)
        if len(self._maps) >= _MOST_MAPS:
            del self._maps[next(iter(self._maps))]  # the one not asked for longest
        self._maps[key] = steady, scene.number, scene.pts_ns
        return steady


def _small_grey(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Gives the picture in 16x12 grey places, less their mean, so that light that comes and goes changes little.

    Pixels are left out first: averaging all of a large picture takes longer than the network has.
    """
    step = max(1, min(rgb.shape[:2]) // _SAMPLES)
    grey = cv2.cvtColor(np.ascontiguousarray(rgb[::step, ::step]), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, _GREY_SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(small - small.mean(), np.float32)


def _is_cut(scene: _Scene, grey: NDArray[np.float32], size: tuple[int, ...], pts_ns: int, classes: int) -> bool:
    """Tells whether a picture has nothing to do with the scene's newest one."""
    if size != scene.size or classes != len(scene.probabilities):
        return True
    if pts_ns == scene.pts_ns:  # pictures without times are none of a live source
        return not np.array_equal(grey, scene.grey)
    if not 0 < pts_ns - scene.pts_ns <= _LONGEST_GAP_NS:
        return True
    difference = float(np.abs(grey - scene.grey).mean())
    contrast = float(np.abs(grey).mean() + np.abs(scene.grey).mean())
    return difference > _CUT_GREY_LEVELS and difference > _CUT_PART * contrast


def _likeliest(probabilities: NDArray[np.float64]) -> list[int]:
    order: list[int] = np.argsort(-probabilities, kind="stable")[:_SHOWN].tolist()
    return order


def _reorder(scene: _Scene) -> None:
    """Lets challengers take the places of those shown, where they lead clearly or have led for long."""
    values = scene.probabilities
    line = scene.shown + [index for index in _likeliest(values) if index not in scene.shown]
    before = scene.ahead_since_ns
    since_ns = {
        (challenger, holder): before.get((challenger, holder), scene.pts_ns)
        for place, holder in enumerate(line)
        for challenger in line[place + 1 :]
        if values[challenger] > values[holder]
    }
    for challenger in sorted(line, key=lambda index: -values[index]):
        place = line.index(challenger)
        for earlier, holder in enumerate(line[:place]):
            led_since_ns = since_ns.get((challenger, holder), scene.pts_ns)
            is_clear = values[challenger] - values[holder] >= _CLEAR_LEAD
            if is_clear or scene.pts_ns - led_since_ns >= _LONG_LEAD_NS:
                line.insert(earlier, line.pop(place))
                break
    scene.shown = line[:_SHOWN]
    scene.ahead_since_ns = since_ns
