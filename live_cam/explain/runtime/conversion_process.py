"""Converts the step in a subprocess, so that TensorFlow's two gigabytes are released when it is done.

The parent writes a `ConversionRequest` as JSON to the child's standard input. The child writes the model, or an error
as JSON to its standard output.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from live_cam import errors
from live_cam.errors import LiveCamError
from live_cam.models.weights.find import Weights
from live_cam.types import Score


@dataclass(frozen=True, slots=True)
class ConversionRequest:
    """What to convert.

    Attributes:
        weights_path: The weight file.
        layers, score: What to explain.
        batch_size, num_targets: N and K; K = 0 is the forward pass alone.
    """

    weights_path: str
    layers: tuple[str, ...]
    score: Score
    batch_size: int
    num_targets: int


def convert_in_subprocess(request: ConversionRequest, path: Path) -> None:
    """Converts and writes the OpenVINO model.

    Args:
        request: What to convert.
        path: The .xml file to write; its .bin is written beside it.

    Raises:
        LiveCamError: The error that the child raised, such as `WeightsError` or `UnknownLayerError`.
        OSError: The model can't be written.
    """
    # -P: the working directory must not shadow modules of this program.
    command = [sys.executable, "-P", "-m", "live_cam.explain.runtime.conversion_process", str(path)]
    child = subprocess.run(command, input=json.dumps(asdict(request)), capture_output=True, text=True, check=False)
    if child.returncode == 0:
        return
    try:
        error = json.loads(child.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        reason = (child.stderr.strip().splitlines() or ["no output"])[-1]
        raise LiveCamError(f"converting the network for OpenVINO failed: {reason}") from None
    raise _ERRORS[error["type"]](error["message"])


_ERRORS: dict[str, type[Exception]] = {
    "OSError": OSError,
    **{name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, LiveCamError)},
}


def _main(path: Path) -> None:
    request = ConversionRequest(**json.load(sys.stdin))
    try:
        weights = Weights("file", Path(request.weights_path), digest="")
        path.touch()  # fails now, rather than after the ten seconds that converting takes

        from live_cam.explain.runtime.conversion import convert, save
        from live_cam.explain.runtime.step_graph import StepGraph
        from live_cam.models.resnet50 import build_network

        graph = StepGraph(build_network(weights), tuple(request.layers), request.score)
        save(convert(graph.concrete(request.batch_size, request.num_targets)), path)
    except (LiveCamError, OSError) as error:
        name = type(error).__name__ if isinstance(error, LiveCamError) else "OSError"
        print(json.dumps({"type": name, "message": str(error)}))  # noqa: T201
        sys.exit(1)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
