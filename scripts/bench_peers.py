"""Other explanation libraries, on the same frame and weights: each as its own documentation uses it, built once.

All explain the likeliest class at `conv5_block3_out`, from a frame in memory to a map in memory.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from live_cam.explain import DEFAULT_LAYER
from live_cam.explain.inputs import INPUT_PX, resize_to_input
from live_cam.explain.weights import find_weights

Explain = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], int]]
"""From a frame uint8 (H, W, 3), RGB, to a map float32 (h, w), rectified, and the index of the class explained."""

_MEAN_BGR: Final = np.array([103.939, 116.779, 123.68], np.float32)


class UnavailableError(Exception):
    """A peer that can't be run here; its text is the reason, in one line."""


def pytorch_grad_cam() -> Explain:
    with _imports("grad-cam"):
        import torch

        _stand_in_for_torchvision()
        from pytorch_grad_cam import GradCAM
    network = _torch_network()
    explain = GradCAM(model=network, target_layers=[network.blocks[-1]])

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        # Without targets the library itself explains the likeliest class.
        saliency_map = explain(input_tensor=torch.from_numpy(_channels_first(frame)), targets=None)[0]
        return saliency_map, int(explain.outputs.argmax())

    return run


def torch_cam() -> Explain:
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


def captum() -> Explain:
    with _imports("captum"):
        import torch
        from captum.attr import LayerGradCam
    network = _torch_network()
    seen: list[int] = []

    def largest_logit(pictures: torch.Tensor) -> torch.Tensor:
        # Its pass through the network finds the likeliest class, too, where a target would take a pass of our own.
        score, index = network(pictures).max(dim=1)
        seen[:] = [int(index)]
        return score

    explain = LayerGradCam(largest_logit, network.blocks[-1])

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        attributions = explain.attribute(torch.from_numpy(_channels_first(frame)), relu_attributions=True)
        return attributions[0, 0].detach().numpy(), seen[0]

    return run


def tf_keras_vis() -> Explain:
    with _imports("tf-keras-vis"):
        import tensorflow as tf
        from tf_keras_vis.gradcam import Gradcam
    network = _keras_network()
    explain = Gradcam(network)
    seen: list[int] = []

    def largest_logit(scores: Any) -> Any:
        seen[:] = [int(tf.argmax(scores[0]))]
        return tf.reduce_max(scores, axis=-1)

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        maps = explain(
            largest_logit,
            _prepared(frame),
            penultimate_layer=DEFAULT_LAYER,
            seek_penultimate_conv_layer=False,  # the layer asked for, and not the convolution before it
            expand_cam=False,
            normalize_cam=False,
        )
        return np.asarray(maps[0]), seen[0]

    return run


def tf_explain() -> Explain:
    with _imports("tf-explain"):
        from tf_explain.core.grad_cam import GradCAM
    network = _keras_network()
    explain = GradCAM()

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        pictures = _prepared(frame)
        index = int(np.argmax(network.predict_on_batch(pictures)))  # it has to be told the class
        # What its `explain` does, without drawing the result.
        outputs, gradients = explain.get_gradients_and_filters(network, pictures, DEFAULT_LAYER, index, False)
        return np.maximum(explain.generate_ponderated_output(outputs, gradients)[0].numpy(), 0.0), index

    return run


def xplique() -> Explain:
    with _imports("xplique"):
        from xplique.attributions import GradCAM
    network = _keras_network()
    explain = GradCAM(network, conv_layer=DEFAULT_LAYER, batch_size=1)

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        pictures = _prepared(frame)
        scores = network.predict_on_batch(pictures)  # it has to be told the class
        index = int(np.argmax(scores))
        target = np.eye(scores.shape[-1], dtype=np.float32)[[index]]
        return np.maximum(np.asarray(explain(pictures, target))[0].squeeze(), 0.0), index

    return run


def keras_recipe() -> Explain:
    import keras
    import tensorflow as tf

    network = _keras_network()
    both = keras.Model(network.input, [network.get_layer(DEFAULT_LAYER).output, network.output])

    def run(frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
        with tf.GradientTape() as tape:
            activations, scores = both(_prepared(frame))
            index = int(tf.argmax(scores[0]))
            score = scores[:, index]
        weights = tf.reduce_mean(tape.gradient(score, activations), axis=(0, 1, 2))
        saliency_map = tf.nn.relu(tf.squeeze(activations[0] @ weights[..., tf.newaxis]))
        return saliency_map.numpy(), index

    return run


PEERS: Final[dict[str, Callable[[], Explain]]] = {
    "pytorch-grad-cam": pytorch_grad_cam,
    "torch-cam": torch_cam,
    "Captum": captum,
    "tf-keras-vis": tf_keras_vis,
    "tf-explain": tf_explain,
    "Xplique": xplique,
    "keras.io's recipe": keras_recipe,
}


@contextmanager
def _imports(package: str) -> Iterator[None]:
    """Turns whatever goes wrong while a peer is imported into one line."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UnavailableError(f"{error.name} is not installed; the extra `bench` brings {package}") from error
    except Exception as error:
        raise UnavailableError(
            f"{package} can't be imported here: {(str(error).splitlines() or [repr(error)])[0]}"
        ) from error


def _prepared(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Brings a frame to what the network wants, float32 (1, 224, 224, 3), as cheaply as we do it for ourselves."""
    pictures = np.empty((1, INPUT_PX, INPUT_PX, 3), np.uint8)
    resize_to_input([frame], pictures)
    return pictures[..., ::-1].astype(np.float32) - _MEAN_BGR


def _channels_first(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(_prepared(frame).transpose(0, 3, 1, 2))


def _keras_network() -> Any:
    from live_cam.explain.network import build_network

    return build_network(find_weights())


def _torch_network() -> Any:
    import torch_resnet50

    # Keras's own file is read by Keras, whose threads then slow PyTorch's; other files need no TensorFlow here.
    values = find_weights().read()
    return torch_resnet50.load(values or {each.path: each.numpy() for each in _keras_network().variables})


def _stand_in_for_torchvision() -> None:
    """Lets grad-cam, which imports torchvision for parts not used here, do without where torchvision does not load.

    The usual wheel is built for CUDA, and fails beside a PyTorch that is not.
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
