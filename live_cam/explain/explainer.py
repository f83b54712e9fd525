"""The public explainer: from frames to explanations."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.arguments import (
    check_cam_config,
    check_choices,
    check_layer,
    check_targets,
    check_taught_layer,
)
from live_cam.explain.class_head import ClassHead
from live_cam.explain.passes import Passes
from live_cam.explain.results import ExplanationBuilder
from live_cam.explain.runtime.int8.step import Int8Step, in_float32, precision_of
from live_cam.explain.runtime.select import Step, layers_to_explain, select_backend
from live_cam.explain.runtime.step_cache import StepCache
from live_cam.explain.saliency.evidence import empty_images, evidence_ramp
from live_cam.models.linear_head import LinearHead
from live_cam.models.open import ModelOptions, open_model
from live_cam.models.taught_head import TaughtHead
from live_cam.models.weights.find import Progress, silent
from live_cam.types import (
    Auto,
    CamConfig,
    Explanation,
    Frame,
    Method,
    PerformanceHint,
    Precision,
    Resize,
    Runtime,
    Score,
    Target,
)

MEMORY_OF_THE_REST_MB: Final = 400
"""Interpreter, libraries, server and frames, and the weights while a step is compiled."""


class Explainer:
    """Explains the predictions of a classifier. Any thread may call it; one frame is computed after the other.

    A process needs an explainer of its own: one that was forked does not compute.

    Example:
        >>> import numpy as np
        >>> from live_cam import Explainer, Frame, Target
        >>> explainer = Explainer(method="layercam")
        >>> frame = Frame(np.zeros((480, 640, 3), np.uint8), pts_ns=0)  # RGB
        >>> explanation = explainer.explain(frame, Target(291))  # "lion"
        >>> explanation.saliency_map.shape, explanation.target_label
        ((7, 7), 'lion')

    Attributes:
        layer, method, score, runtime: What is in use; layers whose maps are fused are joined with "+".
        device: The argument; "auto" if it was not given.
        model_options: The options that open the same model on the command line; files are without their folders, which
            are no viewer's business.
        classifier: The model.
        weights_digest: SHA-256 (hex) of the weights, and of the head if that was taught.
        model: The model as it was opened, with its own classes.
    """

    def __init__(
        self,
        model: Any = None,
        *,
        labels: str | os.PathLike[str] | Sequence[str] | None = None,
        preprocess: str | None = None,
        resize: Resize = "stretch",
        output: str | None = None,
        trust_model: bool = False,
        weights: str | os.PathLike[str] | None = None,
        layer: str | None = None,
        method: Method = "gradcam",
        score: Score = "logit",
        runtime: Runtime | Auto = "auto",
        precision: Precision | Auto = "auto",
        device: str = "auto",
        progress: Progress = silent,
        batch_size: int = 1,
        performance_hint: PerformanceHint = "latency",
        smooth: bool = False,
        max_memory_mb: int = 1500,
        optimize: bool = True,
        head: TaughtHead | str | os.PathLike[str] | None = None,
    ) -> None:
        """Opens the model and compiles the step, so that the first frame takes no longer than any other.

        Args:
            model: A model file or folder, the name of a Keras application, or a functional or Sequential `keras.Model`;
                None for ResNet50 with ImageNet's weights.
            labels: The names of the classes, or a file of them; None for those in or beside the model file.
            preprocess: What the network receives of the pixels: a key of `live_cam.models.preprocessing.PREPROCESSING`
                or `mean,std`; None for what the model file says, else the pixels 0..255 themselves.
            resize: How frames of another aspect ratio become inputs: stretched; cropped, in the middle; or padded with
                black at both sides.
            output: Name of the output to explain, where there are several.
            trust_model: Whether code that the model file brings, such as Lambda layers, may run.
            weights: A weight file of the application; None to find or download the ImageNet weights.
            layer: The activation to explain; None for the last convolutional one, or those of the method.
            method: The saliency method.
            score: What is differentiated: the logit or the probability of the target.
            runtime: `auto` is `tensorflow` with an NVIDIA GPU, `openvino` without.
            precision: `auto` is the fastest that the device supports natively; for live sources also int8, where it is
                true enough and faster. int8 is for the last layer; others are computed in float32.
            device: An OpenVINO device, such as GPU for an Intel GPU; `auto` is the fastest whose maps are right.
            progress: Opens a progress display for what takes long.
            batch_size: The number of frames to compile for, besides 1; others are explained one by one.
            performance_hint: "throughput" explains more frames of a batch per second, each of which takes longer.
            smooth: Whether the frames come from live sources, whose maps and classes are smoothed over time.
            max_memory_mb: About how much memory the process may take, in millions of bytes. Compiled layers get all but
                400 of it: those used longest ago make room, `layer` never does.
            optimize: Whether TensorFlow optimises the network first, which takes longer than to explain a few dozen
                frames without; OpenVINO always does.
            head: A head for classes of one's own that was taught on this model, or its file; None for the model's own.

        Raises:
            ModelError: The model file, or that of the head, can't be opened, or the model is no classifier of images.
            WeightsError: The weights could not be obtained or are those of another network.
            UnknownLayerError: The network has no activation of that name.
            UsageError: An argument is none of its choices; the device is not available or does not support the
                precision; the method has its own layers; or the model takes no head, or another one.
        """
        check_choices(
            method=method,
            score=score,
            runtime=runtime,
            precision=precision,
            performance_hint=performance_hint,
            resize=resize,
        )
        check_layer(layer, method)
        weights = None if weights is None else Path(weights)
        options = ModelOptions(labels, preprocess, output, trust_model, weights, resize)
        self.model = open_model(model, options, progress)
        class_head = ClassHead(self.model, score)
        if head is not None:
            class_head = class_head.with_taught(head)
            check_taught_layer(layer, self.model.classifier)
        self._use(class_head)
        layers = layers_to_explain(self.classifier, method, layer)
        self.layer = "+".join(layers)
        self.method: Method = method
        self.score: Score = score
        self.device = device
        self._smooth = smooth
        self._batch_size = batch_size
        self._passes = Passes(self.classifier)
        backend = select_backend(self.model, score, runtime, precision, device, performance_hint, smooth, optimize)
        self.runtime, self._precision = backend.runtime, backend.precision
        self._has_exact_stills = backend.exact_stills
        self._steps = StepCache(backend.make_step, layers, 1_000_000 * (max_memory_mb - MEMORY_OF_THE_REST_MB))
        self._prepare_default()

    def with_head(self, head: TaughtHead | str | os.PathLike[str]) -> Self:
        """Returns an explainer of taught classes, which shares with this one all that is compiled.

        It takes no time if the last layer is ready; any thread may call it.

        Args:
            head: The head, or its file.

        Raises:
            ModelError: The file can't be read, or is none of a head.
            UsageError: The head was taught on another model, or this one takes none.
        """
        taught = copy(self)
        taught._use(self._head.with_taught(head))
        taught.layer = taught.classifier.default_layer
        taught._prepare_default()
        return taught

    def _use(self, head: ClassHead) -> None:
        self._head = head
        self.classifier = head.classifier
        self.weights_digest, self.model_options = head.weights_digest, head.options

    def _prepare_default(self) -> None:
        """Prepares what the constructor was given, and finds where evidence starts."""
        self.prepare(self.cam_config)
        if self._head.taught is not None:
            self.require_linear_head()
        self._ramp = self.classifier.evidence_logits or evidence_ramp(
            self.logits(empty_images(self.classifier.input_px))
        )
        self._builder = ExplanationBuilder(self.classifier, self._ramp, self._smooth)

    @property
    def taught_head(self) -> TaughtHead | None:
        """The head of taught classes; None for the model's own."""
        return self._head.taught

    def require_linear_head(self) -> None:
        """Raises `UsageError` unless classes can be taught: behind the last layer are the mean and a linear layer."""
        self._head.require_linear(self._last_step)

    @property
    def linear_head(self) -> LinearHead | None:
        """The weights behind the last layer; None where they are not linear, or that layer is not prepared."""
        return self._head.linear(self._last_step)

    @property
    def _last_step(self) -> Step | None:
        return self._steps.find((self.classifier.default_layer,))

    def activations(self, frames: Sequence[Frame]) -> list[NDArray[np.float32]]:
        """Returns the last activation of each frame, float32 (h, w, channels).

        Of frames that were explained lately it is known, and nobody who computes is waited for.

        Raises:
            UsageError: The last layer is not prepared, or what is behind it is not linear.
        """
        return self._passes.activations(self._head.require_linear(self._last_step), [frame.rgb for frame in frames])

    @property
    def cam_config(self) -> CamConfig:
        """The default layer and method: those that the constructor was given."""
        return CamConfig(self.layer, self.method)

    @property
    def precision(self) -> Precision:
        """What the default layer is computed in; int8 gives way to float32 where it is not true enough."""
        return precision_of(self._steps.first, self._precision)

    def is_ready(self, cam_config: CamConfig, num_targets: int = 1) -> bool:
        """Whether a frame can be explained with this layer and method now, for K targets in one call.

        A layer that is ready is so for all methods.
        """
        return self._steps.is_ready(self._layers(cam_config), min(num_targets, len(self.classifier.labels)))

    def prepare(self, cam_config: CamConfig, num_targets: int = 1) -> None:
        """Prepares a layer and method; takes seconds, about ten the first time on this machine.

        The default and those used last stay ready, as far as the memory goes.

        Args:
            cam_config: Layer and method.
            num_targets: The number of targets to compile for, besides 1; others are explained one by one.

        Raises:
            UnknownLayerError: The network has no activation of that name.
            LiveCamError: It failed for another reason.
        """
        sizes = {(1, 1), (self._batch_size, 1), (1, min(num_targets, len(self.classifier.labels)))}
        self._steps.prepare(self._layers(cam_config), sizes, self._passes.frame_px)

    def explain(self, frame: Frame, target: Target = Target()) -> Explanation:
        """Explains one frame. Frames of a source must come in the order of their time, over which vmax is smoothed."""
        return self.explain_all([frame], [target])[0][0]

    def explain_all(
        self, frames: Sequence[Frame], targets: Sequence[Target], cam_config: CamConfig | None = None
    ) -> list[list[Explanation]]:
        """Explains several frames, each for all targets.

        Frames may come from several sources and differ in size. If `prepare` compiled for their number and that of the
        targets, more targets cost almost nothing at the default layer; otherwise each costs a call of its own.

        Args:
            frames: N frames.
            targets: K targets; the j-th `Target()` among them means the j-th top class, so that three of them explain
                the top three.
            cam_config: Layer and method; None for the default.

        Returns:
            For each frame its K explanations, in the order of `targets`.

        Raises:
            LiveCamError: The layer is not ready.
            UsageError: There is no target, or one that is no class or has both `contrast` and `counterfactual`; or this
                explainer was made in another process.
        """
        return self.explain_each(frames, [targets] * len(frames), cam_config)

    def explain_each(
        self, frames: Sequence[Frame], targets: Sequence[Sequence[Target]], cam_config: CamConfig | None = None
    ) -> list[list[Explanation]]:
        """Explains several frames, each for its own targets; see `explain_all`.

        Args:
            frames: N frames.
            targets: K targets for each frame.
            cam_config: Layer and method; None for the default.
        """
        cam_config = self.cam_config if cam_config is None else cam_config
        layers = self._layers(cam_config)
        check_targets(frames, targets, len(self.classifier.labels))
        if not frames:
            return []
        # There is time for a frame that stays: int8 explains it only if it was named.
        exact = self._has_exact_stills and not any(frame.source_id for frame in frames)
        return self._explain(self._builder, frames, targets, layers, cam_config.method, exact=exact)

    def explain_exactly(self, frame: Frame, target: Target, cam_config: CamConfig | None = None) -> Explanation:
        """Explains one frame in float32 where `explain` uses int8, without smoothing; what live frames show stays.

        Args:
            frame: The frame.
            target: What to explain.
            cam_config: Layer and method, which have to be ready; None for the default.
        """
        cam_config = self.cam_config if cam_config is None else cam_config
        layers = self._layers(cam_config)
        builder = ExplanationBuilder(self.classifier, self._ramp, smooth=False)
        return self._explain(builder, [frame], [[target]], layers, cam_config.method, exact=True)[0][0]

    def prepare_float32(self) -> None:
        """Compiles in float32 what is explained in int8, so that `explain_exactly` takes no longer than one frame."""
        in_float32(self._steps.first)

    def give_way_to_float32(self) -> None:
        """Explains in float32 from the next frame on."""
        step = self._steps.first
        if isinstance(step, Int8Step):
            step.give_way()

    def _explain(
        self,
        builder: ExplanationBuilder,
        frames: Sequence[Frame],
        targets: Sequence[Sequence[Target]],
        layers: tuple[str, ...],
        method: Method,
        *,
        exact: bool,
    ) -> list[list[Explanation]]:
        in_use = CamConfig("+".join(layers), method)
        with self._passes.exclusively():
            step = self._steps.take(layers)
            step = in_float32(step) if exact else step
            precision = precision_of(step, self._precision)
            explained = self._passes.explain(step, self._head, [frame.rgb for frame in frames], targets, method)
            return [
                builder.build(frame, in_use, precision, *results)
                for frame, results in zip(frames, explained, strict=True)
            ]

    def logits(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Returns the logits float32 (N, classes) of frames uint8 (H, W, 3), RGB, without explanations.

        It runs the step, which is compiled already and takes little longer than the forward pass alone.
        """
        if len(frames) == 0:
            return np.empty((0, len(self.classifier.labels)), np.float32)
        step = self._steps.find(self._layers(self.cam_config)) or self._steps.first
        return self._passes.logits(step, self._head, frames, self.method)

    def _layers(self, cam_config: CamConfig) -> tuple[str, ...]:
        check_cam_config(cam_config)
        return layers_to_explain(self.classifier, cam_config.method, cam_config.layer)
