"""From maps and logits to explanations: names, an honest scale, and steady copies for live pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.evidence import Scales, strength
from live_cam.explain.labels import imagenet_labels
from live_cam.explain.probabilities import probabilities
from live_cam.explain.steadying import Steadier
from live_cam.frame import ClassScore, Explanation, Frame, Lens, Target

_TOP = 3


class Answers:
    """Words the answers to questions put to any number of sources, and remembers what smoothing needs of each."""

    def __init__(self, steady: bool) -> None:
        """Begins with no source known.

        Args:
            steady: Whether the frames are those of live sources, whose maps and classes are smoothed over time.
        """
        self._labels = imagenet_labels()
        self._scales = Scales(live=steady)
        self._steadier = Steadier() if steady else None

    def describe(
        self,
        frame: Frame,
        lens: Lens,
        asked: Sequence[Target],
        maps: NDArray[np.float32],
        logits: NDArray[np.float32],
        reference: float,
    ) -> list[Explanation]:
        """Describes what was found in one frame.

        Args:
            frame: The frame.
            lens: What it was looked at through.
            asked: K questions; the j-th `Target()` among them was answered for the j-th likeliest class.
            maps: float32 (K, h, w).
            logits: float32 (classes,).
            reference: The peak of the likeliest class's map, on whose scale maps of what speaks against a class are
                painted, since the faintest objection would look like the strongest reason on its own.
        """
        order = np.argsort(-logits, kind="stable")[: max(_TOP, len(asked))]
        believed = probabilities(logits)
        top = tuple(ClassScore(int(i), self._labels[i], float(believed[i])) for i in order[:_TOP])
        likeliest = iter(order.tolist())
        explanations = []
        for k, (question, saliency_map) in enumerate(zip(asked, maps, strict=True)):
            index: int = next(likeliest) if question.index is None else question.index
            target = replace(question, index=index)
            if index == target.versus:
                saliency_map = np.zeros_like(saliency_map)
            peak = float(saliency_map.max())
            full = max(peak, reference) if target.against else peak
            steady_map, steady_top = self._steady(frame, (target, lens), saliency_map, believed, top)
            explanations.append(
                Explanation(
                    saliency_map=saliency_map,
                    logits=logits,
                    top=top,
                    target=target,
                    target_label=self._labels[index],
                    versus_label=None if target.versus is None else self._labels[target.versus],
                    scale=self._scales.update(full, frame.pts_ns, (frame.source_id, lens, k, question)),
                    strength=0.0 if target.against and peak == 0.0 else strength(logits, target, lens.method),
                    lens=lens,
                    steady_map=steady_map,
                    steady_top=steady_top,
                )
            )
        return explanations

    def _steady(
        self,
        frame: Frame,
        question: tuple[Target, Lens],
        saliency_map: NDArray[np.float32],
        believed: NDArray[np.float64],
        top: tuple[ClassScore, ...],
    ) -> tuple[NDArray[np.float32], tuple[ClassScore, ...]]:
        if self._steadier is None:
            return saliency_map, top
        return self._steadier.update(
            frame.source_id, question, frame.rgb, frame.pts_ns, saliency_map, believed, self._labels
        )
