"""The step on TensorFlow: a frozen graph on a processor, XLA on an NVIDIA GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from live_cam.explain.definition import Definition, resize_in_graph
from live_cam.explain.inputs import INPUT_PX, resize_to_input
from live_cam.explain.methods import saliency_maps
from live_cam.frame import Method


class TensorFlowStep:
    """The step compiled once for each (N, K) in use, and for each frame size on a GPU, where frames are resized.

    Attributes:
        classes: The number of logits.
    """

    def __init__(self, definition: Definition, on_gpu: bool) -> None:
        """Prepares the step; the graph is built by the first call.

        Args:
            definition: What to compute.
            on_gpu: Whether to compile for a GPU: whole frames go there as they are, in uint8.
        """
        self.classes = definition.classes
        self._definition = definition
        self._on_gpu = on_gpu
        self._compiled: dict[tuple[int, int], Any] = {}

    def __call__(
        self,
        frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
        targets: NDArray[np.float32],
        method: Method = "gradcam",
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Explains each frame once for each of its targets; a new N or K is compiled first.

        Args:
            frames: N pictures uint8 (H, W, 3), RGB, each of any size.
            targets: float32 (N, K, classes); the j-th row of zeros asks for the j-th likeliest class.
            method: The saliency method.

        Returns:
            Maps float32 (N, K, h, w), rectified and not normalised, and logits float32 (N, classes).
        """
        outputs = self._compile(len(frames), targets.shape[1])(self._pictures(frames), tf.constant(targets))
        *features, logits = (output.numpy() for output in outputs)
        layers_n = len(features) // 2
        return saliency_maps(method, features[:layers_n], features[layers_n:]), logits

    def forward(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Gives the logits float32 (N, classes) of `frames` and explains nothing."""
        (logits,) = self._compile(len(frames), 0)(self._pictures(frames))
        return np.asarray(logits.numpy())

    def is_prepared(self, frames_n: int, targets_k: int) -> bool:
        """Tells whether N frames can be explained for K targets without compiling first."""
        return (frames_n, targets_k) in self._compiled

    def prepare(self, frames_n: int, targets_k: int, frame_px: tuple[int, int] = (INPUT_PX, INPUT_PX)) -> None:
        """Compiles for N frames and K targets, which takes seconds; another thread may explain meanwhile.

        Args:
            frames_n: N.
            targets_k: K; 0 is the forward pass alone.
            frame_px: Height and width of the frames that will come, for each of which a GPU needs code of its own.
        """
        size = frames_n, targets_k
        compiled = self._compiled.get(size) or self._build(*size)
        nothing = [tf.zeros((*size, self.classes))] if targets_k else []
        compiled(self._pictures(np.zeros((frames_n, *frame_px, 3), np.uint8)), *nothing)
        self._compiled[size] = compiled

    def _pictures(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Any:
        if self._on_gpu and len({frame.shape for frame in frames}) == 1:
            return tf.constant(np.asarray(frames))
        pictures = np.empty((len(frames), INPUT_PX, INPUT_PX, 3), np.uint8)
        resize_to_input(frames, pictures)
        return tf.constant(pictures)

    def _compile(self, frames_n: int, targets_k: int) -> Any:
        size = frames_n, targets_k
        if size not in self._compiled:
            self._compiled[size] = self._build(*size)
        return self._compiled[size]

    def _build(self, frames_n: int, targets_k: int) -> Any:
        return (self._compile_xla if self._on_gpu else self._freeze)(frames_n, targets_k)

    def _freeze(self, frames_n: int, targets_k: int) -> Any:
        return convert_variables_to_constants_v2(self._definition.concrete(frames_n, targets_k))

    def _compile_xla(self, frames_n: int, targets_k: int) -> Any:
        frames = tf.TensorSpec([frames_n, None, None, 3], tf.uint8)
        targets = tf.TensorSpec([frames_n, targets_k, self.classes], tf.float32)
        if targets_k == 0:
            return tf.function(
                lambda f: (self._definition.forward(resize_in_graph(f)),),
                input_signature=[frames],
                jit_compile=True,
                autograph=False,
            )
        return tf.function(
            lambda f, t: self._definition.explain(resize_in_graph(f), t),
            input_signature=[frames, targets],
            jit_compile=True,
            autograph=False,
        )
