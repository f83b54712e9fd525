"""From maps and logits to explanations: labels, evidence, and copies smoothed over time for live sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.saliency.evidence import PeakNormalizer, evidence
from live_cam.explain.saliency.smoothing import TemporalSmoother
from live_cam.explain.saliency.targets import probabilities, top_classes
from live_cam.models.classifier import Classifier
from live_cam.models.preprocess import map_box
from live_cam.types import CamConfig, ClassScore, Explanation, Frame, Precision, Target

TOP_N: Final = 3
"""The number of top classes that are named, where a model has as many."""


class ExplanationBuilder:
    """Builds the explanations of any number of sources, and keeps the state that smoothing needs of each."""

    def __init__(self, classifier: Classifier, evidence_ramp: tuple[float, float], smooth: bool) -> None:
        """Starts without state.

        Args:
            classifier: Names the classes, and says how frames become inputs.
            evidence_ramp: The top logits at which evidence starts and is full.
            smooth: Whether the frames come from live sources, whose maps and classes are smoothed over time.
        """
        self._classifier = classifier
        self._labels = classifier.labels
        self._head = classifier.head
        self._evidence_ramp = evidence_ramp
        self._normalizer = PeakNormalizer(live=smooth)
        self._smoother = TemporalSmoother() if smooth else None

    def build(
        self,
        frame: Frame,
        cam_config: CamConfig,
        precision: Precision,
        targets: Sequence[Target],
        maps: NDArray[np.float32],
        logits: NDArray[np.float32],
        reference: float,
    ) -> list[Explanation]:
        """Builds the explanations of one frame.

        Args:
            frame: The frame.
            cam_config: Layer and method.
            precision: What maps and logits were computed in.
            targets: K targets; the j-th `Target()` among them is the j-th top class.
            maps: float32 (K, h, w).
            logits: float32 (classes,).
            reference: The peak of the top class's map, with which those of counterfactual maps are compared.

        Returns:
            K explanations.
        """
        class_probabilities = probabilities(logits, self._head)
        covered = map_box(frame.rgb.shape[:2], self._classifier.input_px, self._classifier.resize)
        order = top_classes(logits, max(TOP_N, len(targets)))
        top = tuple(ClassScore(i, self._labels[i], float(class_probabilities[i])) for i in order[:TOP_N])
        by_rank = iter(order)
        explanations = []
        for k, (target, saliency_map) in enumerate(zip(targets, maps, strict=True)):
            index: int = next(by_rank) if target.index is None else target.index
            resolved = replace(target, index=index)
            if index == target.contrast:
                saliency_map = np.zeros_like(saliency_map)
            peak = float(saliency_map.max())
            share = peak / reference if target.counterfactual and reference else 1.0
            smoothed_map, smoothed_top = self._smooth(
                frame, (resolved, cam_config), saliency_map, class_probabilities, top
            )
            explanations.append(
                Explanation(
                    saliency_map=saliency_map,
                    logits=logits,
                    top=top,
                    target=resolved,
                    target_label=self._labels[index],
                    contrast_label=None if target.contrast is None else self._labels[target.contrast],
                    vmax=self._vmax(frame, (cam_config, k, target), peak),
                    evidence=evidence(logits, resolved, cam_config.method, self._evidence_ramp, share),
                    cam_config=cam_config,
                    map_box=covered,
                    smoothed_map=smoothed_map,
                    smoothed_top=smoothed_top,
                    scene=0 if self._smoother is None else self._smoother.scene(frame.source_id),
                    precision=precision,
                )
            )
        return explanations

    def _vmax(self, frame: Frame, key: tuple[CamConfig, int, Target], peak: float) -> float:
        if self._smoother is not None and not frame.source_id:
            return peak
        return self._normalizer.update(peak, frame.pts_ns, (frame.source_id, *key))

    def _smooth(
        self,
        frame: Frame,
        key: tuple[Target, CamConfig],
        saliency_map: NDArray[np.float32],
        class_probabilities: NDArray[np.float64],
        top: tuple[ClassScore, ...],
    ) -> tuple[NDArray[np.float32], tuple[ClassScore, ...]]:
        if self._smoother is None or not frame.source_id:
            return saliency_map, top
        return self._smoother.update(
            frame.source_id, key, frame.rgb, frame.pts_ns, saliency_map, class_probabilities, self._labels
        )
