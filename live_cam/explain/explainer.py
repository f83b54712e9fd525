"""From frames to explanations: the compiled step, with names and an honest scale out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import LiveCamError
from live_cam.explain.evidence import Scales, strength
from live_cam.explain.labels import imagenet_labels
from live_cam.explain.quiet import quiet_native_stderr
from live_cam.explain.runtimes import compile_step
from live_cam.explain.targets import target_vector
from live_cam.explain.weights import Progress, find_weights, silent
from live_cam.frame import Auto, ClassScore, Explanation, Frame, Lens, Method, Precision, Runtime, Score, Target

_TOP = 3


class Explain(Protocol):
    """What the pipeline needs of an explainer."""

    layer: str
    method: Method
    score: Score
    runtime: Runtime
    precision: Precision
    weights_digest: str

    @property
    def lens(self) -> Lens:
        """The layer and the method that it was started with."""
        ...

    def explain(self, frame: Frame, target: Target) -> Explanation:
        """Explains one frame."""
        ...

    def explain_all(
        self, frames: Sequence[Frame], targets: Sequence[Target], lens: Lens | None = None
    ) -> list[list[Explanation]]:
        """Explains each frame for each target, through a lens that is ready; None for the one of the start."""
        ...

    def logits(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Gives the logits float32 (N, classes) of pictures uint8 (H, W, 3), RGB, and explains nothing."""
        ...

    def ready(self, lens: Lens) -> bool:
        """Tells whether frames can be explained through a lens at once."""
        ...

    def prepare(self, lens: Lens, targets_k: int = 1) -> None:
        """Makes a lens ready, for K targets in one call; takes seconds, in any thread."""
        ...


class Explainer:
    """ResNet50 explained. Not thread-safe: one thread calls it.

    Attributes:
        layer, method, score, runtime, precision: What is explained, and how; layers whose maps are fused are joined
            with "+".
        weights_way, weights_path: Where the weights came from.
        weights_digest: SHA-256 (hex) of the weights.
    """

    def __init__(
        self,
        weights: Path | None = None,
        layer: str | None = None,
        method: Method = "gradcam",
        score: Score = "logit",
        runtime: Runtime | Auto = "auto",
        precision: Precision | Auto = "auto",
        device: str = "auto",
        progress: Progress = silent,
        at_once: int = 1,
        side_by_side: bool = False,
    ) -> None:
        """Finds the weights and compiles the step, so that the first frame costs what any costs.

        Args:
            weights: The user's own weight file; None to find them.
            layer: The activation to explain; None for the last convolutional one, or what the method prescribes.
            method: The saliency method.
            score: What is differentiated.
            runtime: `auto` is `tensorflow` with an NVIDIA GPU, `openvino` without.
            precision: `auto` is what the runtime does best on this device.
            device: A device of OpenVINO's, such as GPU for an Intel GPU; `auto` is its CPU.
            progress: How to show what takes long.
            at_once: How many frames may come in one call besides single ones, without compiling anew.
            side_by_side: Whether more frames a second count more than a short time for each; see `OpenVinoStep`.

        Raises:
            WeightsError: The weights can't be had or are not ResNet50's.
            UnknownLayerError: The network has no activation of that name.
            UsageError: The device, or the precision on it, can't be had.
        """
        found = find_weights(weights, progress)
        self.method: Method = method
        self.score: Score = score
        self.weights_way, self.weights_path, self.weights_digest = found.way, found.path, found.digest
        self._labels = imagenet_labels()
        self._scales = Scales()
        with quiet_native_stderr():
            compiled = compile_step(found, layer, method, score, runtime, precision, device, side_by_side)
            self._step, self.runtime, self.precision = compiled.step, compiled.runtime, compiled.precision
            self.layer = "+".join(compiled.layers)
            for frames_n in {1, at_once}:
                black = np.zeros((frames_n, 224, 224, 3), np.uint8)
                self._step(black, np.zeros((frames_n, 1, self._step.classes), np.float32))

    def explain(self, frame: Frame, target: Target = Target()) -> Explanation:  # noqa: B008 (frozen)
        """Explains one frame; frames of a source come in the order of their time, on which the scale is smoothed."""
        return self.explain_all([frame], [target])[0][0]

    @property
    def lens(self) -> Lens:
        """The layer and the method that it was started with."""
        return Lens(self.layer, self.method)

    def ready(self, lens: Lens) -> bool:
        """Tells whether frames can be explained through a lens at once."""
        return lens == self.lens

    def prepare(self, lens: Lens, targets_k: int = 1) -> None:
        """Makes a lens ready, for K targets in one call."""
        if not self.ready(lens):
            raise LiveCamError(f"{lens.layer} with {lens.method} can't be prepared")

    def logits(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Gives the logits float32 (N, classes) of pictures uint8 (H, W, 3), RGB, and explains nothing."""
        nothing = np.zeros((1, 1, self._step.classes), np.float32)
        return np.concatenate([self._step([frame], nothing)[1] for frame in frames])

    def explain_all(
        self, frames: Sequence[Frame], targets: Sequence[Target], lens: Lens | None = None
    ) -> list[list[Explanation]]:
        """Explains several frames in one call of the step, each for all of the targets.

        Frames may come from several sources and differ in size. Further targets cost almost nothing at the default
        layer. A new number of frames or of targets compiles the step anew, which takes seconds.

        Args:
            frames: N frames.
            targets: K questions; the j-th `Target()` among them asks for the j-th likeliest class, so that three of
                them explain the top three.

        Returns:
            For each frame its K explanations, in the order of `targets`.
        """
        if lens is not None and not self.ready(lens):
            raise LiveCamError(f"{lens.layer} with {lens.method} is not prepared")
        rgb = [frame.rgb for frame in frames]
        rows = self._name_rivals(rgb, targets)
        vectors = np.array([[target_vector(target, self._step.classes) for target in row] for row in rows])
        maps, logits = self._step(rgb, vectors)
        return [self._describe(*each) for each in zip(frames, rows, maps, logits, strict=True)]

    def _name_rivals(self, rgb: Sequence[NDArray[np.uint8]], targets: Sequence[Target]) -> list[list[Target]]:
        """Gives each frame's questions; one that names only the class to hold against asks about the likeliest."""
        if not any(target.index is None and target.versus is not None for target in targets):
            return [list(targets)] * len(rgb)
        _, logits = self._step(rgb, np.zeros((len(rgb), 1, self._step.classes), np.float32))
        return [
            [
                target if target.versus is None or target.index is not None else Target(int(best), target.versus)
                for target in targets
            ]
            for best in logits.argmax(axis=-1)
        ]

    def _describe(
        self, frame: Frame, asked: Sequence[Target], maps: NDArray[np.float32], logits: NDArray[np.float32]
    ) -> list[Explanation]:
        likeliest = top_classes(logits, self._labels, max(_TOP, len(asked)))
        ranks = iter(likeliest)
        explanations = []
        for k, (question, saliency_map) in enumerate(zip(asked, maps, strict=True)):
            index = next(ranks).index if question.index is None else question.index
            target = Target(index, question.versus)
            if index == target.versus:
                saliency_map = np.zeros_like(saliency_map)
            explanations.append(
                Explanation(
                    saliency_map=saliency_map,
                    logits=logits,
                    top=likeliest[:_TOP],
                    target=target,
                    target_label=self._labels[index],
                    versus_label=None if target.versus is None else self._labels[target.versus],
                    scale=self._scales.update(float(saliency_map.max()), frame.pts_ns, (frame.source_id, k, question)),
                    strength=strength(logits, target),
                    lens=Lens(self.layer, self.method),
                    steady_map=saliency_map,
                    steady_top=likeliest[:_TOP],
                )
            )
        return explanations


def describe(explainer: Explain) -> dict[str, Any]:
    """Gives what explains, as plain values, for JSON."""
    return {
        "model": {"name": "resnet50", "weights_sha256": explainer.weights_digest},
        "layer": explainer.layer,
        "method": explainer.method,
        "score": explainer.score,
        "runtime": explainer.runtime,
        "precision": explainer.precision,
    }


def top_classes(logits: NDArray[np.float32], labels: tuple[str, ...], n: int = _TOP) -> tuple[ClassScore, ...]:
    """Gives the `n` likeliest classes with their softmax probabilities, likeliest first."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    probabilities = exponentials / exponentials.sum()
    order = np.argsort(-logits, kind="stable")[:n]
    return tuple(ClassScore(int(i), labels[i], float(probabilities[i])) for i in order)
