"""What a model file holds, found out in a process of its own and remembered on disk.

Opening a file of Keras takes TensorFlow, seconds and two gigabytes, and files may be broken or hostile. Where a file is
known, neither is needed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from live_cam.child_task import run_task, serve_task
from live_cam.errors import ModelError
from live_cam.files import atomic_file
from live_cam.models.network_file import NetworkFile
from live_cam.models.preprocessing import Preprocessing
from live_cam.tensorflow_package import installed_version
from live_cam.types import ExplainedBy, Head

if TYPE_CHECKING:
    from live_cam.models.network import Network
    from live_cam.models.openvino_files.network import OpenVinoNetwork

_MODULE: Final = "live_cam.models.describe"  # it runs as __main__
# Of the address space, of which TensorFlow takes several gigabytes before it reads anything.
_MAX_MEMORY_BYTES: Final = 16 << 30
_FUSED_N: Final = 3


@dataclass(frozen=True, slots=True)
class Description:
    """A model, as its file describes it.

    Attributes:
        input_px: Height and width of the input.
        channels: 3 or 1, those of the input.
        classes: The number of logits.
        head: How probabilities follow from them.
        layers: Height, width and channels of each layer that can be explained, input side first.
        offered: Those to offer, input side first, the last of which is the default.
        labels: The names of the classes; None if neither the file nor its folder names them.
        preprocessing: What the network receives of the pixels: the fields of a `Preprocessing`.
        explained_by: What the maps rest on.
    """

    input_px: tuple[int, int]
    channels: int
    classes: int
    head: Head
    layers: dict[str, tuple[int, int, int]]
    offered: list[str]
    labels: list[str] | None
    preprocessing: dict[str, Any]
    explained_by: ExplainedBy

    @classmethod
    def of_graph(cls, network: OpenVinoNetwork) -> Description:
        """Describes a network without gradients."""
        image, height_to_channels = network.image, network.model.outputs[0].get_shape()[1:]
        low, high = image.value_range or (0.0, 255.0)
        return cls(
            (image.height, image.width),
            image.channels,
            network.classes,
            network.activation,
            {network.layer_name: tuple(height_to_channels)},
            [network.layer_name],
            None if network.labels is None else list(network.labels),
            asdict(Preprocessing(scale=((high - low) / 255.0,), offset=(low,))),
            "cam" if network.head is not None else "recipro-cam",
        )

    @classmethod
    def of(cls, network: Network) -> Description:
        """Describes a network."""
        return cls(
            network.input_px,
            network.model.input.shape[-1],
            network.classes,
            network.head,
            network.activations,
            network.offered,
            None if network.labels is None else list(network.labels),
            asdict(network.preprocessing),
            "gradients",
        )


def describe_file(file: NetworkFile, digest: str, folder: Path) -> Description:
    """Describes a model file.

    Args:
        file: The file, of an absolute path.
        digest: SHA-256 (hex) of its contents.
        folder: Where descriptions are remembered.

    Raises:
        ModelError: It can't be opened, or its model is no classifier of images.
    """
    request = asdict(file)
    key = json.dumps([request | {"path": ""}, digest, _code_digest(), installed_version("keras"), version("openvino")])
    remembered = folder / f"model-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    with suppress(OSError, ValueError, TypeError):
        return Description(**json.loads(remembered.read_text("utf-8")))
    described = run_task(_MODULE, request, f"opening {file.path}")
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(remembered) as out:
            out.write(json.dumps(described).encode())
    return Description(**described)


def digest_file(path: Path) -> str:
    """Returns SHA-256 (hex) of a file, or of the names and contents of all files in a folder.

    Raises:
        ModelError: It can't be read.
    """
    digest = hashlib.sha256()
    try:
        files: Iterable[Path] = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
        for each in files:
            digest.update(f"{each.relative_to(path)}\0{each.stat().st_size}\0".encode())
            with each.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    except OSError as error:
        raise ModelError(f"the model {path} can't be read: {error.strerror}") from error
    return digest.hexdigest()


def choose_layers(described: Description) -> tuple[dict[str, str], tuple[str, ...]]:
    """Returns the layers to offer, the default first, each with a line about its use; and those to fuse."""
    *_, default = described.offered
    names = described.offered[::-1]
    notes = {}
    for name in names:
        height, width, channels = described.layers[name]
        use = "the basis of the decision; the usual choice." if name == default else "finer places, simpler features."
        notes[name] = f"{width}x{height} positions, {channels} features: {use}"
    return notes, tuple(reversed(names[:_FUSED_N]))


@cache
def _code_digest() -> str:
    """Returns a digest of the code that opens models."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _describe(request: dict[str, Any]) -> dict[str, Any]:
    file = NetworkFile.from_json(request)
    if file.kind == "openvino":
        from live_cam.models.openvino_files.network import read_network

        return asdict(Description.of_graph(read_network(Path(file.path), file.output)))
    from live_cam.models.build import build_network

    return asdict(Description.of(build_network(file)))


if __name__ == "__main__":
    serve_task(_describe, _MAX_MEMORY_BYTES)
