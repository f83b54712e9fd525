"""Converting the step in a process of its own, so that TensorFlow's two gigabytes are gone when it is done.

The parent writes a `Recipe` as JSON to the child's standard input; the child writes the model, or says as JSON on its
standard output why not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from live_cam import errors
from live_cam.errors import LiveCamError
from live_cam.explain.weights import Weights
from live_cam.frame import Score


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to convert.

    Attributes:
        weights_path: The weight file.
        layers, score: What to explain.
        frames_n, targets_k: N and K; K = 0 is the forward pass alone.
    """

    weights_path: str
    layers: tuple[str, ...]
    score: Score
    frames_n: int
    targets_k: int


def convert_in_child(recipe: Recipe, path: Path) -> None:
    """Converts and writes the OpenVINO model.

    Args:
        recipe: What to convert.
        path: The .xml file to write; its .bin is laid beside it.

    Raises:
        LiveCamError: Of the kind that the child met, such as `WeightsError` or `UnknownLayerError`.
        OSError: The model can't be written.
    """
    # -P: what lies in the working folder is no part of this program.
    command = [sys.executable, "-P", "-m", "live_cam.explain.converter", str(path)]
    child = subprocess.run(command, input=json.dumps(asdict(recipe)), capture_output=True, text=True, check=False)
    if child.returncode == 0:
        return
    try:
        failure = json.loads(child.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        reason = (child.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LiveCamError(f"converting the network for OpenVINO failed: {reason}") from None
    raise _KINDS[failure["kind"]](failure["text"])


_KINDS: dict[str, type[Exception]] = {
    "OSError": OSError,
    **{name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, LiveCamError)},
}


def _main(path: Path) -> None:
    from live_cam.explain.conversion import convert, save
    from live_cam.explain.definition import Definition
    from live_cam.explain.network import build_network

    recipe = Recipe(**json.load(sys.stdin))
    try:
        network = build_network(Weights("file", Path(recipe.weights_path), digest=""))
        definition = Definition(network, tuple(recipe.layers), recipe.score)
        save(convert(definition.concrete(recipe.frames_n, recipe.targets_k)), path)
    except (LiveCamError, OSError) as error:
        kind = type(error).__name__ if isinstance(error, LiveCamError) else "OSError"
        print(json.dumps({"kind": kind, "text": str(error)}))  # noqa: T201 (the parent reads it)
        sys.exit(1)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
