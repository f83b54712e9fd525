"""Other explanation libraries, on the same frame and weights: each as in its own documentation, built once.

All explain the top class at `conv5_block3_out`, from a frame in memory to a map in memory.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from live_cam.models.imagenet import INPUT_PX
from live_cam.models.layers import DEFAULT_LAYER
from live_cam.models.preprocess import resize_to_input
from live_cam.models.weights.find import find_weights

ExplainFunction = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], int]]
"""From a frame uint8 (H, W, 3), RGB, to a map float32 (h, w), rectified, and the index of the class explained."""

_MEAN_BGR: Final = np.array([103.939, 116.779, 123.68], np.float32)


class UnavailableError(Exception):
    """A library that does not run here; the text is the reason, in one line."""


def pytorch_grad_cam() -> ExplainFunction:
    with _imports("grad-cam"):
        import torch

        _replace_torchvision()
        from pytorch_grad_cam import GradCAM
    network = _torch_network()
    explain = GradCAM(model=network, target_layers=[network.blocks[-1]])

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        # Without targets the library explains the top class.
        saliency_map = explain(input_tensor=torch.from_numpy(_channels_first(frame)), targets=None)[0]
        return saliency_map, int(explain.outputs.argmax())

    return run


def torch_cam() -> ExplainFunction:
    with _imports("torchcam"):
        import torch
        from torchcam.methods import GradCAM
    network = _torch_network()
    extractor = GradCAM(network, target_layer="blocks.15", input_shape=(3, INPUT_PX, INPUT_PX))

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        scores = network(torch.from_numpy(_channels_first(frame)))
        index = int(scores.argmax())
        return extractor(index, scores)[0][0].detach().numpy(), index

    return run


def tuned_torch_cam() -> ExplainFunction:
    """As fast as torch-cam goes: batch norms folded, channels last, compiled, no gradient below the last block."""
    with _imports("torchcam"):
        import torch
        from torch import nn
        from torchcam.methods import GradCAM

        from scripts.benchmarks.torch_resnet50 import fold_batch_norms
    network = _torch_network()
    fold_batch_norms(network)
    network.to(memory_format=torch.channels_last).requires_grad_(False)
    *below, last = network.blocks
    last.main[-1].bias.requires_grad_(True)  # for torch-cam, whose hook needs an activation with a gradient
    network.stem = torch.compile(nn.Sequential(network.stem, *below))
    network.blocks = nn.Sequential(last)
    extractor = GradCAM(network, target_layer="blocks.0", input_shape=(3, INPUT_PX, INPUT_PX))

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        inputs = torch.from_numpy(_preprocess(frame)).permute(0, 3, 1, 2)  # a view: its memory is channels last
        scores = network(inputs)
        index = int(scores.argmax())
        return extractor(index, scores)[0][0].detach().numpy(), index

    return run


def captum() -> ExplainFunction:
    with _imports("captum"):
        import torch
        from captum.attr import LayerGradCam
    network = _torch_network()
    top: list[int] = []

    def top_logit(inputs: torch.Tensor) -> torch.Tensor:
        # Finds the top class in the same pass; a target would take another one.
        score, index = network(inputs).max(dim=1)
        top[:] = [int(index)]
        return score

    explain = LayerGradCam(top_logit, network.blocks[-1])

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        attributions = explain.attribute(torch.from_numpy(_channels_first(frame)), relu_attributions=True)
        return attributions[0, 0].detach().numpy(), top[0]

    return run


def tf_keras_vis() -> ExplainFunction:
    with _imports("tf-keras-vis"):
        import tensorflow as tf
        from tf_keras_vis.gradcam import Gradcam
    network = _keras_network()
    explain = Gradcam(network)
    top: list[int] = []

    def top_logit(scores: Any) -> Any:
        top[:] = [int(tf.argmax(scores[0]))]
        return tf.reduce_max(scores, axis=-1)

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        maps = explain(
            top_logit,
            _preprocess(frame),
            penultimate_layer=DEFAULT_LAYER,
            seek_penultimate_conv_layer=False,  # this layer, and not the convolution before it
            expand_cam=False,
            normalize_cam=False,
        )
        return np.asarray(maps[0]), top[0]

    return run


def tf_explain() -> ExplainFunction:
    with _imports("tf-explain"):
        from tf_explain.core.grad_cam import GradCAM
    network = _keras_network()
    explain = GradCAM()

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        inputs = _preprocess(frame)
        index = int(np.argmax(network.predict_on_batch(inputs)))  # it requires the class
        # What its `explain` does, without drawing the result.
        outputs, gradients = explain.get_gradients_and_filters(network, inputs, DEFAULT_LAYER, index, False)
        return np.maximum(explain.generate_ponderated_output(outputs, gradients)[0].numpy(), 0.0), index

    return run


def xplique() -> ExplainFunction:
    with _imports("xplique"):
        from xplique.attributions import GradCAM
    network = _keras_network()
    explain = GradCAM(network, conv_layer=DEFAULT_LAYER, batch_size=1)

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        inputs = _preprocess(frame)
        scores = network.predict_on_batch(inputs)  # it requires the class
        index = int(np.argmax(scores))
        target = np.eye(scores.shape[-1], dtype=np.float32)[[index]]
        return np.maximum(np.asarray(explain(inputs, target))[0].squeeze(), 0.0), index

    return run


def keras_recipe() -> ExplainFunction:
    import keras
    import tensorflow as tf

    network = _keras_network()
    both = keras.Model(network.input, [network.get_layer(DEFAULT_LAYER).output, network.output])

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        with tf.GradientTape() as tape:
            activations, scores = both(_preprocess(frame))
            index = int(tf.argmax(scores[0]))
            score = scores[:, index]
        weights = tf.reduce_mean(tape.gradient(score, activations), axis=(0, 1, 2))
        saliency_map = tf.nn.relu(tf.squeeze(activations[0] @ weights[..., tf.newaxis]))
        return saliency_map.numpy(), index

    return run


PEERS: Final[dict[str, Callable[[], ExplainFunction]]] = {
    "pytorch-grad-cam": pytorch_grad_cam,
    "torch-cam": torch_cam,
    "torch-cam, tuned": tuned_torch_cam,
    "Captum": captum,
    "tf-keras-vis": tf_keras_vis,
    "tf-explain": tf_explain,
    "Xplique": xplique,
    "keras.io's recipe": keras_recipe,
}


@contextmanager
def _imports(package: str) -> Iterator[None]:
    """Turns any error while a library is imported into `UnavailableError`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UnavailableError(f"{error.name} is not installed; the extra `bench` installs {package}") from error
    except Exception as error:
        reason = (str(error).splitlines() or [repr(error)])[0]
        raise UnavailableError(f"{package} cannot be imported: {reason}") from error


def _preprocess(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the network's input, float32 (1, 224, 224, 3), as cheaply as this project computes it."""
    inputs = np.empty((1, INPUT_PX, INPUT_PX, 3), np.uint8)
    resize_to_input([frame], inputs)
    return inputs[..., ::-1].astype(np.float32) - _MEAN_BGR


def _channels_first(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(_preprocess(frame).transpose(0, 3, 1, 2))


def _keras_network() -> Any:
    from live_cam.models.resnet50 import build_resnet50

    return build_resnet50(find_weights())


def _torch_network() -> Any:
    from scripts.benchmarks import torch_resnet50

    # Only Keras reads Keras files, and its threads then slow down PyTorch's; other files need no TensorFlow here.
    values = find_weights().read()
    return torch_resnet50.load(values or {each.path: each.numpy() for each in _keras_network().variables})


def _replace_torchvision() -> None:
    """Replaces torchvision, which grad-cam imports for parts not used here, if it does not load.

    Its default wheel is built for CUDA, and fails with a PyTorch for the CPU.
    """
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        transforms = types.ModuleType("torchvision.transforms")
        transforms.__dict__.update(Compose=None, Normalize=None, ToTensor=None)
        functional = types.ModuleType("torchvision.transforms.functional")
        functional.__dict__.update(resize=None)
        sys.modules |= {
            "torchvision": types.ModuleType("torchvision"),
            "torchvision.transforms": transforms,
            "torchvision.transforms.functional": functional,
        }
