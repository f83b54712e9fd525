"""The step on TensorFlow: a frozen graph on a CPU, XLA on an NVIDIA GPU."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from live_cam.explain.runtime.batching import linear_maps
from live_cam.explain.runtime.resize_graph import resize_in_graph
from live_cam.explain.runtime.select import MakeRoom, unlimited
from live_cam.explain.runtime.step_graph import StepGraph
from live_cam.explain.saliency.linear_cam import LinearCam
from live_cam.explain.saliency.methods import METHODS, saliency_maps
from live_cam.models.preprocess import resize_to_input
from live_cam.types import Method


class TensorFlowStep:
    """The step compiled once for each (N, K) in use, and on a GPU, which resizes frames, for each frame size.

    Attributes:
        classes: The number of logits.
    """

    def __init__(
        self,
        graph: StepGraph,
        on_gpu: bool,
        weights_bytes: int = 0,
        optimize: bool = True,
        linear_cam: LinearCam | None = None,
    ) -> None:
        """Prepares the step; the first call compiles it.

        Args:
            graph: What to compute.
            on_gpu: Whether to compile for a GPU, which receives whole frames in uint8.
            weights_bytes: What the weights take: once in the graph, and once for each (N, K).
            optimize: Whether XLA compiles for the GPU, or the weights are frozen for a CPU; else TensorFlow runs the
                graph node by node, which takes less time in all for a few dozen frames.
            linear_cam: What explains any targets from the activation, if the head is linear; else gradients do.
        """
        self.linear_cam = linear_cam
        self.classes = graph.classes
        self._graph = graph
        self._on_gpu = on_gpu
        self._optimize = optimize
        self._weights_bytes = weights_bytes
        self._compiled: dict[tuple[int, int], Any] = {}

    def __call__(
        self,
        frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
        targets: NDArray[np.float32],
        method: Method = "gradcam",
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Explains each frame for each of its targets; a new N or K is compiled first.

        Args:
            frames: N frames uint8 (H, W, 3), RGB, each of any size.
            targets: float32 (N, K, classes); the j-th row of zeros means the j-th top class.
            method: The saliency method.

        Returns:
            Maps float32 (N, K, h, w), rectified and not normalised, and logits float32 (N, classes).
        """
        if self.linear_cam is not None:
            activations, every_logits = self.activations(frames)
            return linear_maps(self.linear_cam, activations, every_logits, targets, method), every_logits
        compiled = self._get_compiled(len(frames), targets.shape[1])
        if self._on_gpu:
            maps, logits = compiled(self._inputs(frames), tf.constant(targets), _number(method))
            return maps.numpy(), logits.numpy()
        *features, logits = (output.numpy() for output in compiled(self._inputs(frames), tf.constant(targets)))
        layers_n = len(features) // 2
        return saliency_maps(method, features[:layers_n], features[layers_n:]), logits

    def activations(
        self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns the activations (N, h, w, channels) and the logits (N, classes), where there is a `linear_cam`."""
        activations, logits = self._get_compiled(len(frames), 1)(self._inputs(frames))
        return activations.numpy(), logits.numpy()

    def forward(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the logits float32 (N, classes) of `frames`, without an explanation."""
        (logits,) = tf.nest.flatten(self._get_compiled(len(frames), 0)(self._inputs(frames)))
        return np.asarray(logits.numpy())

    @property
    def memory_bytes(self) -> int:
        """About how much memory all that is compiled takes."""
        return self._weights_bytes * (1 + len(self._compiled))

    def is_prepared(self, batch_size: int, num_targets: int) -> bool:
        """Whether N frames can be explained for K targets without compiling first."""
        return self._size(batch_size, num_targets) in self._compiled

    def prepare(
        self,
        batch_size: int,
        num_targets: int,
        frame_px: tuple[int, int] = (1, 1),
        make_room: MakeRoom = unlimited,
    ) -> None:
        """Compiles for N frames and K targets, which takes seconds; another thread may explain meanwhile.

        Args:
            batch_size: N.
            num_targets: K; 0 is the forward pass alone.
            frame_px: Height and width of the frames to expect; a GPU compiles for each size.
            make_room: Called before memory is taken.
        """
        size = self._size(batch_size, num_targets)
        compiled = self._compiled.get(size)
        if compiled is None:
            make_room(self._weights_bytes if self._compiled else 2 * self._weights_bytes)
            compiled = self._compile(*size)
        arguments = [self._inputs(np.zeros((batch_size, *frame_px, 3), np.uint8))]
        if num_targets and self.linear_cam is None:
            arguments.append(tf.zeros((*size, self.classes)))
            if self._on_gpu:
                arguments.append(_number("gradcam"))
        compiled(*arguments)
        self._compiled[size] = compiled

    def _inputs(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Any:
        if self._on_gpu and len({frame.shape for frame in frames}) == 1:
            return tf.constant(np.asarray(frames))
        inputs = np.empty((len(frames), *self._graph.input_px, 3), np.uint8)
        resize_to_input(frames, inputs)
        return tf.constant(inputs)

    def _get_compiled(self, batch_size: int, num_targets: int) -> Any:
        size = self._size(batch_size, num_targets)
        if size not in self._compiled:
            self._compiled[size] = self._compile(*size)
        return self._compiled[size]

    def _size(self, batch_size: int, num_targets: int) -> tuple[int, int]:
        """Returns what is compiled for N frames and K targets: one activation serves any K if the head is linear."""
        return batch_size, num_targets if self.linear_cam is None else min(num_targets, 1)

    def _compile(self, batch_size: int, num_targets: int) -> Any:
        return (self._trace_for_gpu if self._on_gpu else self._freeze)(batch_size, num_targets)

    def _freeze(self, batch_size: int, num_targets: int) -> Any:
        if num_targets and self.linear_cam is not None:
            inputs = tf.TensorSpec([batch_size, *self._graph.input_px, 3], tf.uint8)
            concrete = tf.function(self._observe, autograph=False).get_concrete_function(inputs)
        else:
            concrete = self._graph.concrete(batch_size, num_targets)
        return convert_variables_to_constants_v2(concrete) if self._optimize else concrete

    def _observe(self, inputs: Any) -> tuple[Any, Any]:
        """Returns activation and logits; the gradients are pruned, since nothing depends on them."""
        activation, _, logits = self._graph.explain(inputs, tf.zeros((inputs.shape[0], 1, self.classes)))
        return activation, logits

    def _trace_for_gpu(self, batch_size: int, num_targets: int) -> Any:
        """Traces from whole frames to maps: 0.8 to 6.4 MB of activations and gradients of a frame stay on the GPU."""

        def forward(frames: Any) -> tuple[Any, ...]:
            return (self._graph.forward(resize_in_graph(frames, self._graph.input_px)),)

        def explain(frames: Any, targets: Any, method: Any) -> tuple[Any, ...]:
            *features, logits = self._graph.explain(resize_in_graph(frames, self._graph.input_px), targets)
            layers_n = len(features) // 2
            # A compiled graph for each method would hold up the frames when a viewer chooses another one.
            maps = tf.switch_case(
                method, [partial(saliency_maps, name, features[:layers_n], features[layers_n:]) for name in METHODS]
            )
            return maps, logits

        def observe(frames: Any) -> tuple[Any, Any]:
            return self._observe(resize_in_graph(frames, self._graph.input_px))

        frames = tf.TensorSpec([batch_size, None, None, 3], tf.uint8)
        if num_targets and self.linear_cam is not None:
            return tf.function(observe, input_signature=[frames], jit_compile=self._optimize, autograph=False)
        targets = tf.TensorSpec([batch_size, num_targets, self.classes], tf.float32)
        method = tf.TensorSpec([], tf.int32)
        function, signature = (explain, [frames, targets, method]) if num_targets else (forward, [frames])
        return tf.function(function, input_signature=signature, jit_compile=self._optimize, autograph=False)


def _number(method: Method) -> Any:
    return tf.constant(list(METHODS).index(method))
