"""From frames to explanations: the compiled step, with names and an honest scale out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.answers import Answers
from live_cam.explain.compiled_steps import CompiledSteps
from live_cam.explain.inputs import INPUT_PX
from live_cam.explain.parts import explain_in_parts
from live_cam.explain.quiet import quiet_native_stderr
from live_cam.explain.runtimes import Step, choose_computer, layers_to_explain
from live_cam.explain.targets import target_vector
from live_cam.explain.weights import Progress, find_weights, silent
from live_cam.frame import Auto, Explanation, Frame, Lens, Method, Precision, Runtime, Score, Target


class Explain(Protocol):
    """What the pipeline needs of an explainer."""

    layer: str
    method: Method
    score: Score
    runtime: Runtime
    precision: Precision
    device: str
    weights_file: Path | None
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

    def explain_each(
        self, frames: Sequence[Frame], questions: Sequence[Sequence[Target]], lens: Lens | None = None
    ) -> list[list[Explanation]]:
        """Explains each frame for targets of its own, as many as for the others."""
        ...

    def ready(self, lens: Lens, targets_k: int = 1) -> bool:
        """Tells whether frames can be explained through a lens at once, K targets in one call."""
        ...

    def prepare(self, lens: Lens, targets_k: int = 1) -> None:
        """Makes a lens ready, for K targets in one call; takes seconds, in any thread."""
        ...


class Explainer:
    """ResNet50 explained. One thread explains; `ready` and `prepare` may be called by others meanwhile.

    Attributes:
        layer, method, score, runtime, precision: What the start chose; layers whose maps are fused are joined with "+".
        device, weights_file: What was asked for; "auto" and None where that was left open.
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
        steady: bool = False,
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
            at_once: How many frames will come in one call besides single ones; other numbers are explained one by one.
            side_by_side: Whether more frames a second count more than a short time for each; see `OpenVinoStep`.
            steady: Whether the frames are those of live sources, whose maps and classes are smoothed over time.

        Raises:
            WeightsError: The weights can't be had or are not ResNet50's.
            UnknownLayerError: The network has no activation of that name.
            UsageError: The device, or the precision on it, can't be had; or the method has layers of its own.
        """
        layers = layers_to_explain(method, layer)
        found = find_weights(weights, progress)
        self.layer = "+".join(layers)
        self.method: Method = method
        self.score: Score = score
        self.device, self.weights_file = device, weights
        self.weights_way, self.weights_path, self.weights_digest = found.way, found.path, found.digest
        self._answers = Answers(steady)
        self._at_once = at_once
        self._frame_px = (INPUT_PX, INPUT_PX)
        with quiet_native_stderr():
            computer = choose_computer(found, score, runtime, precision, device, side_by_side)
            self.runtime, self.precision = computer.runtime, computer.precision
            self._steps = CompiledSteps(computer.make_step, layers)
            self.prepare(self.lens)

    @property
    def lens(self) -> Lens:
        """The layer and the method that it was started with."""
        return Lens(self.layer, self.method)

    def ready(self, lens: Lens, targets_k: int = 1) -> bool:
        """Tells whether frames can be explained through a lens at once, K targets in one call.

        That is so for all methods once it is for a layer.
        """
        return self._steps.is_ready(_layers(lens), targets_k)

    def prepare(self, lens: Lens, targets_k: int = 1) -> None:
        """Makes a lens ready; takes seconds, ten where this machine explains the layer for the first time.

        The lenses of six layers are kept ready: those of the start, and those used last.

        Args:
            lens: The lens.
            targets_k: How many targets will come in one call besides single ones; other numbers are explained one by
                one.

        Raises:
            UnknownLayerError: The network has no activation of that name.
            LiveCamError: It failed for another reason.
        """
        self._steps.prepare(_layers(lens), {(1, 1), (self._at_once, 1), (1, targets_k)}, self._frame_px)

    def explain(self, frame: Frame, target: Target = Target()) -> Explanation:  # noqa: B008 (frozen)
        """Explains one frame; frames of a source come in the order of their time, on which the scale is smoothed."""
        return self.explain_all([frame], [target])[0][0]

    def explain_all(
        self, frames: Sequence[Frame], targets: Sequence[Target], lens: Lens | None = None
    ) -> list[list[Explanation]]:
        """Explains several frames, each for all of the targets.

        Frames may come from several sources and differ in size. Where their number and that of the targets was prepared
        for, further targets cost almost nothing at the default layer; each costs a call of its own where it was not.

        Args:
            frames: N frames.
            targets: K questions; the j-th `Target()` among them asks for the j-th likeliest class, so that three of
                them explain the top three.
            lens: What to look through; None for what the start chose.

        Returns:
            For each frame its K explanations, in the order of `targets`.

        Raises:
            LiveCamError: The lens is not ready.
            ValueError: A target has both `versus` and `against`.
        """
        return self.explain_each(frames, [targets] * len(frames), lens)

    def explain_each(
        self, frames: Sequence[Frame], questions: Sequence[Sequence[Target]], lens: Lens | None = None
    ) -> list[list[Explanation]]:
        """Explains several frames, each for targets of its own; see `explain_all`.

        Args:
            frames: N frames.
            questions: For each frame K questions.
            lens: What to look through; None for what the start chose.
        """
        lens = self.lens if lens is None else lens
        layers = _layers(lens)
        step = self._steps.take(layers)
        rgb = [frame.rgb for frame in frames]
        self._frame_px = rgb[0].shape[:2]
        rows, references = self._name_likeliest(step, rgb, questions, lens.method)
        vectors = np.array([[target_vector(target, step.classes) for target in row] for row in rows])
        maps, logits = explain_in_parts(step, rgb, vectors, lens.method)
        through = Lens("+".join(layers), lens.method)
        return [
            self._answers.describe(frame, through, *found)
            for frame, *found in zip(frames, rows, maps, logits, references, strict=True)
        ]

    def logits(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Gives the logits float32 (N, classes) of pictures uint8 (H, W, 3), RGB, and explains nothing.

        It runs what explains, which is compiled already and takes little longer than the forward pass alone.
        """
        step = self._steps.first
        return explain_in_parts(step, frames, np.zeros((len(frames), 1, step.classes), np.float32), self.method)[1]

    def _name_likeliest(
        self,
        step: Step,
        rgb: Sequence[NDArray[np.uint8]],
        questions: Sequence[Sequence[Target]],
        method: Method,
    ) -> tuple[Sequence[Sequence[Target]], list[float]]:
        """Gives each frame's questions, in which the likeliest class is named where another stands against it.

        What speaks against a class is compared with what speaks for the likeliest: the peak of its map comes second,
        and is 0 where nothing was asked that needs it.
        """
        asked = [target for targets in questions for target in targets]
        if not any(target.against or (target.index is None and target.versus is not None) for target in asked):
            return questions, [0.0] * len(rgb)
        likeliest = np.zeros((len(rgb), 1, step.classes), np.float32)
        maps, logits = explain_in_parts(step, rgb, likeliest, method)
        rows = [
            [
                replace(target, index=int(best)) if target.index is None and target != Target() else target
                for target in targets
            ]
            for targets, best in zip(questions, logits.argmax(axis=-1), strict=True)
        ]
        return rows, [float(each.max()) for each in maps]


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


def _layers(lens: Lens) -> tuple[str, ...]:
    return layers_to_explain(lens.method, None if lens.method == "layercam-fused" else lens.layer)
