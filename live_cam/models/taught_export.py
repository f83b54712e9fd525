"""A taught head with its network as one model of plain Keras, from pixels to probabilities."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from live_cam.child_task import run_task, serve_task
from live_cam.errors import OutputError, UsageError
from live_cam.files import new_file, require_new
from live_cam.models.model import Model
from live_cam.models.network_file import NetworkFile
from live_cam.models.taught_head import TaughtHead, read_head

_MODULE: Final = "live_cam.models.taught_export"  # it runs as __main__


def export_keras(model: Model, head: TaughtHead, path: Path) -> None:
    """Writes a `.keras` file that predicts the taught classes; a file's network is built in a process of its own.

    It receives RGB pixels float32 (N, H, W, 3), 0..255, of the size of the input, and returns probabilities.

    Args:
        model: The network.
        head: The head.
        path: The new file.

    Raises:
        UsageError: The network is no model of Keras, or the file has another suffix.
        OutputError: It exists, or can't be written.
        LiveCamError: The network can't be built.
    """
    require_new(path, ".keras")
    require_exportable(model)
    with TemporaryDirectory(prefix="live_cam-") as folder:
        written, weights = Path(folder) / "model.keras", Path(folder) / "head.npz"
        if model.file is None:
            _build(model.build(), head, model.classifier.default_layer).save(written)
        else:
            head.save(weights)
            file = replace(model.file.absolute(), preprocessing=model.classifier.preprocessing)
            request = [asdict(file), str(weights), head.name, model.classifier.default_layer, str(written)]
            try:
                run_task(_MODULE, request, "exporting the model")
            except OSError as error:
                raise OutputError(f"the model can't be exported ({error})") from error
        with new_file(path) as out:
            out.write(written.read_bytes())


def require_exportable(model: Model) -> None:
    """Raises `UsageError` for a network that is no model of Keras."""
    if model.classifier.explained_by != "gradients":
        raise UsageError(
            f"{model.classifier.name} is no model of Keras, so it can't be exported as one; the head works with it: "
            "--head"
        )


def _build(network: Any, head: TaughtHead, layer: str) -> Any:
    """Returns the `keras.Model`: preprocessing, the network up to a layer, the mean over its places, and the head."""
    import keras

    from live_cam.models.network import outputs_of
    from live_cam.models.preprocessing import NONE

    pixels = keras.Input(network.model.input.shape[1:], name="pixels")
    values, preprocessing = pixels, network.preprocessing
    if preprocessing.bgr:
        values = keras.ops.flip(values, axis=-1)
    if preprocessing != NONE:
        scale, offset = (
            list(each) if len(each) > 1 else each[0] for each in (preprocessing.scale, preprocessing.offset)
        )
        values = keras.layers.Rescaling(scale, offset, name="preprocessing")(values)
    explained = next(each for each in network.model.operations if each.name == layer)
    features = keras.Model(network.model.input, outputs_of(network.model, explained)[0], name="features")
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(features(values))
    dense = keras.layers.Dense(len(head.labels), activation="softmax", name="taught")
    model = keras.Model(pixels, dense(pooled), name=_as_name(head.name))
    dense.set_weights([head.head.weights, head.head.bias])
    return model


def _as_name(text: str) -> str:
    """Returns a name that Keras accepts."""
    return "".join(each if each.isascii() and each.isalnum() else "_" for each in text) or "taught"


def _export(request: tuple[dict[str, Any], str, str, str, str]) -> None:
    from live_cam.models.build import build_network

    file, weights, name, layer, path = request
    network = build_network(NetworkFile.from_json(file))
    _build(network, replace(read_head(weights), name=name), layer).save(path)


if __name__ == "__main__":
    serve_task(_export)
