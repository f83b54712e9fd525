"""The explainer: a frame and a question in, an explanation with names and an honest scale out."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from live_cam.explain import DEFAULT_LAYER
from live_cam.explain.evidence import PeakScale, strength
from live_cam.explain.labels import imagenet_labels
from live_cam.explain.quiet import quiet_native_stderr
from live_cam.explain.runtimes import compile_step
from live_cam.explain.targets import target_vector
from live_cam.explain.weights import Progress, find_weights, silent
from live_cam.frame import Auto, ClassScore, Explanation, Frame, Precision, Runtime, Score, Target


class Explain(Protocol):
    """What the pipeline needs of an explainer."""

    layer: str
    method: str
    score: Score
    runtime: Runtime
    precision: Precision

    def explain(self, frame: Frame, target: Target) -> Explanation:
        """Explains one frame."""
        ...


class Explainer:
    """ResNet50 explained. Not thread-safe: one thread calls it.

    Attributes:
        layer, method, score, runtime, precision: What is explained, and how.
        weights_way, weights_path: Where the weights came from.
    """

    method = "gradcam"

    def __init__(
        self,
        weights: Path | None = None,
        layer: str = DEFAULT_LAYER,
        score: Score = "logit",
        runtime: Runtime | Auto = "auto",
        precision: Precision | Auto = "auto",
        progress: Progress = silent,
    ) -> None:
        """Finds the weights and compiles the step, so that the first frame costs what any costs.

        Args:
            weights: The user's own weight file; None to find them.
            layer: The activation to explain.
            score: What is differentiated.
            runtime: `auto` is `tensorflow` with an NVIDIA GPU, `openvino` without.
            precision: `auto` is what the runtime does best on this processor.
            progress: How to show what takes long.

        Raises:
            WeightsError: The weights can't be had or are not ResNet50's.
            UnknownLayerError: The network has no activation of that name.
            UsageError: The runtime does not compute in that precision.
        """
        found = find_weights(weights, progress)
        self.layer = layer
        self.score: Score = score
        self.weights_way, self.weights_path = found.way, found.path
        self._labels = imagenet_labels()
        self._scale = PeakScale()
        with quiet_native_stderr():
            compiled = compile_step(found, layer, self.method, score, runtime, precision)
            self._step, self.runtime, self.precision = compiled
            self._step(np.zeros((1, 224, 224, 3), np.uint8), np.zeros((1, 1, self._step.classes), np.float32))

    def explain(self, frame: Frame, target: Target = Target()) -> Explanation:  # noqa: B008 (frozen)
        """Explains one frame; frames come in the order of their time, on which the scale is smoothed."""
        if target.index is None and target.versus is not None:
            target = Target(int(self._run(frame, Target())[1].argmax()), target.versus)
        saliency_map, logits = self._run(frame, target)
        if target.index is not None and target.index == target.versus:
            saliency_map = np.zeros_like(saliency_map)  # e_A - e_A is all zeros, which asks for the likeliest class
        return self._describe(saliency_map, logits, frame.pts_ns, target)

    def _run(self, frame: Frame, target: Target) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        vector = target_vector(target, self._step.classes)
        maps, logits = self._step(frame.rgb[np.newaxis], vector[np.newaxis, np.newaxis])
        return maps[0, 0], logits[0]

    def _describe(
        self, saliency_map: NDArray[np.float32], logits: NDArray[np.float32], pts_ns: int, asked: Target
    ) -> Explanation:
        index = int(logits.argmax()) if asked.index is None else asked.index
        target = Target(index, asked.versus)
        return Explanation(
            saliency_map=saliency_map,
            logits=logits,
            top=top_classes(logits, self._labels),
            target=target,
            target_label=self._labels[index],
            versus_label=None if asked.versus is None else self._labels[asked.versus],
            scale=self._scale.update(float(saliency_map.max()), pts_ns, asked),
            strength=strength(logits, target),
        )


def top_classes(logits: NDArray[np.float32], labels: tuple[str, ...], n: int = 3) -> tuple[ClassScore, ...]:
    """Gives the `n` likeliest classes with their softmax probabilities, likeliest first."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    probabilities = exponentials / exponentials.sum()
    order = np.argsort(-logits, kind="stable")[:n]
    return tuple(ClassScore(int(i), labels[i], float(probabilities[i])) for i in order)
