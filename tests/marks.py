"""Frames with a red mark, and classifiers of red marks."""

import numpy as np

from tests.models.openvino_files.graphs import GraphWriter

INPUT_PX = 96, 144
CELL_PX = 8
CELLS = INPUT_PX[0] // CELL_PX, INPUT_PX[1] // CELL_PX
MARK_PX = 36
REDNESS = np.array([1.0, -0.6, -0.6], np.float32) / 255  # none in grey, nor in what occludes


def onnx_classifier(folder):
    """Writes a network whose last activation is the redness of each cell."""
    kernel = np.tile(REDNESS[np.newaxis, :, np.newaxis, np.newaxis] / CELL_PX**2, (1, 1, CELL_PX, CELL_PX))
    writer = GraphWriter((1, 3, *INPUT_PX))
    writer.add("Conv", kernel.astype(np.float32), np.zeros(1, np.float32), strides=[CELL_PX] * 2).add("Relu")
    writer.pooled().add("Gemm", np.array([[0.0, 1500.0]], np.float32), np.zeros(2, np.float32)).add("Softmax")
    return writer.write(folder / "marks.onnx")


def keras_classifier(_folder):
    """Returns the same network."""
    import keras

    network = keras.Sequential(
        [
            keras.Input((*INPUT_PX, 3)),
            keras.layers.Conv2D(1, CELL_PX, CELL_PX, activation="relu", name="redness"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    kernel = np.tile(REDNESS[:, np.newaxis] / CELL_PX**2, (CELL_PX, CELL_PX, 1, 1))
    network.layers[0].set_weights([kernel, np.zeros(1)])
    network.layers[2].set_weights([np.array([[0.0, 1500.0]]), np.zeros(2)])
    return network


def plain(size):
    return np.full((*size, 3), 120, np.uint8)


def marked(size, x, y):
    """Returns a grey frame with a red square around a point, 0..1 of its width and height."""
    rgb = plain(size)
    left, top = (int(place * (side - MARK_PX)) for place, side in ((x, size[1]), (y, size[0])))
    rgb[top : top + MARK_PX, left : left + MARK_PX] = (230, 20, 20)
    return rgb, (left + MARK_PX / 2, top + MARK_PX / 2)
