"""Converts the step in a subprocess, so that TensorFlow's two gigabytes are released when it is done.

The parent passes a `ConversionRequest` as JSON and the path of the model. The child writes the model, or an error as
JSON to its standard output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from live_cam import errors
from live_cam.child_process import describe_exit, end_with_parent, start_child, take_stdout
from live_cam.errors import LiveCamError
from live_cam.models.weights.find import Weights
from live_cam.types import Score

_MODULE: Final = "live_cam.explain.runtime.conversion_process"  # it runs as __main__
_LIMIT_S = 600.0
_MAX_MESSAGE_CHARS = 4000  # less than a pipe holds: nobody reads it before the child has ended


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
        LiveCamError: The error that the child raised, such as `WeightsError` or `UnknownLayerError`; or it crashed,
            or took too long.
        OSError: The model can't be written, or no process can be started.
    """
    request = replace(request, weights_path=str(Path(request.weights_path).absolute()))
    arguments = [json.dumps(asdict(request)), str(path.absolute())]
    with TemporaryFile() as log, start_child(_MODULE, arguments, stderr=log) as child:
        try:
            status = child.wait(_LIMIT_S)
            assert child.stdout is not None
            output = child.stdout.read() if status else b""
        except subprocess.TimeoutExpired:
            raise _failure(f"it took more than {_LIMIT_S / 60:g} minutes; end other programs and try again") from None
        finally:
            child.kill()
        if status == 0:
            return
        log.seek(0)
        raise _error(status, output, log.read().decode(errors="replace"))


_ERRORS: dict[str, type[Exception]] = {
    "OSError": OSError,
    **{name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, LiveCamError)},
}


def _error(status: int, output: bytes, log: str) -> Exception:
    """Returns the error of a child that failed.

    Args:
        status: Its exit status.
        output: What it reported.
        log: Its standard error: warnings of libraries, and the traceback of one that could not even report.
    """
    if status < 0:
        return _failure(
            f"its process was ended by {describe_exit(status)}, as happens without enough memory (2 GiB); "
            "end other programs and try again"
        )
    try:
        error = json.loads(output)
    except ValueError:
        return _failure((log.strip().splitlines() or [describe_exit(status)])[-1])
    return _ERRORS.get(error["type"], _failure)(error["message"])


def _failure(reason: str) -> LiveCamError:
    return LiveCamError(f"converting the network for OpenVINO failed: {reason}")


def _main(request: ConversionRequest, path: Path) -> None:
    end_with_parent()
    output = take_stdout()
    try:
        _convert(request, path)
    except Exception as error:
        message = str(error)
        if isinstance(error, LiveCamError):
            kind = type(error).__name__
        elif isinstance(error, OSError):
            kind = "OSError"
        else:
            kind, message = "", f"{type(error).__name__}: {message}"
        os.write(output, json.dumps({"type": kind, "message": message[:_MAX_MESSAGE_CHARS]}).encode())
        sys.exit(1)


def _convert(request: ConversionRequest, path: Path) -> None:
    weights, layers = Weights("file", Path(request.weights_path), digest=""), tuple(request.layers)
    path.touch()  # fails now, rather than after the ten seconds that converting takes

    from live_cam.explain.runtime.conversion import convert, save
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.models.resnet50 import build_network

    graph = StepGraph(build_network(weights), layers, request.score)
    save(convert(graph.concrete(request.batch_size, request.num_targets)), path)


if __name__ == "__main__":
    _main(ConversionRequest(**json.loads(sys.argv[1])), Path(sys.argv[2]))
