"""What maps should be: the papers' formulas in float64, over the gradients of plain Keras."""

from types import SimpleNamespace

import cv2
import numpy as np

# --- the formulas: activations A and gradients g are float64 (h, w, channels) ---


def grad_cam(A, g):  # noqa: N803
    height, width, channels = A.shape
    weights = [g[:, :, k].sum() / (height * width) for k in range(channels)]
    return sum(weights[k] * A[:, :, k] for k in range(channels))


def hires_cam(A, g):  # noqa: N803
    return np.einsum("ijk,ijk->ij", A, g)


def grad_cam_plus_plus(A, g):  # noqa: N803
    denominator = 2.0 * g**2 + A.sum(axis=(0, 1)) * g**3
    alpha = np.divide(g**2, denominator, out=np.zeros_like(g), where=g != 0.0)
    return A @ (alpha * np.maximum(g, 0.0)).sum(axis=(0, 1))


def xgrad_cam(A, g):  # noqa: N803
    total = A.sum(axis=(0, 1))
    live = total != 0.0
    share = A[:, :, live] / total[live]
    return A[:, :, live] @ (share * g[:, :, live]).sum(axis=(0, 1))


def layer_cam(A, g):  # noqa: N803
    weights = np.where(g > 0.0, g, 0.0)
    return (weights * A).sum(axis=2)


def eigen_cam(A, g):  # noqa: N803
    height, width, channels = A.shape
    left, singular, _ = np.linalg.svd(A.reshape(-1, channels), full_matrices=False)
    projection = (left[:, 0] * singular[0]).reshape(height, width)
    return projection * np.sign(projection.sum())


FORMULAS = {
    "gradcam": grad_cam,
    "hirescam": hires_cam,
    "gradcam++": grad_cam_plus_plus,
    "xgradcam": xgrad_cam,
    "layercam": layer_cam,
    "eigencam": eigen_cam,
}


def fused(maps):
    """Joins rectified maps, finest first; those of the lower layers are raised by tanh."""
    height, width = maps[0].shape
    raised = [np.tanh(2.0 * each / each.max()) for each in maps[:-1]]
    scaled = [*raised, maps[-1] / maps[-1].max()]
    resized = [cv2.resize(each, (width, height), interpolation=cv2.INTER_LINEAR) for each in scaled]
    return np.maximum.reduce(resized) * maps[-1].max()


def explain_with_tape(network, layers, prepared, index):
    """Differentiates a logit with plain Keras and a gradient tape.

    Args:
        network: A Keras model.
        layers: Names of layers.
        prepared: One input, float32 (1, 224, 224, 3), preprocessed.
        index: The class.

    Returns:
        `at`: activations and gradients by layer, float64 (h, w, channels); `logits`: (classes,).
    """
    import keras
    import tensorflow as tf

    model = keras.Model(network.input, [*(network.get_layer(name).output for name in layers), network.output])
    with tf.GradientTape() as tape:
        *features, logits = model(prepared, training=False)
        score = logits[0, index]
    pairs = zip(features, tape.gradient(score, features), strict=True)
    as_float64 = [tuple(each.numpy()[0].astype(np.float64) for each in pair) for pair in pairs]
    return SimpleNamespace(at=dict(zip(layers, as_float64, strict=True)), logits=logits.numpy()[0])


def relative_error(found, expected) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def assert_close_except_at_kinks(found, expected):
    """Compares maps of a lower layer.

    Rounding takes a few units across the kink of a ReLU above, and with them the gradient at the positions they see.
    """
    assert found.shape == expected.shape
    assert expected.max() > 0.0
    errors = np.abs(found - expected) / expected.max()
    assert errors.max() < 0.05
    assert errors.mean() < 2e-3


def rows(*targets):
    """Returns targets (1, K, 1000) of weights by class; an empty one means the top class."""
    vectors = np.zeros((1, len(targets), 1000), np.float32)
    for row, weights in zip(vectors[0], targets, strict=True):
        for index, weight in weights.items():
            row[index] = weight
    return vectors
