"""Converts the step in a subprocess, so that TensorFlow's two gigabytes are released when it is done."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from live_cam.child_task import Task, run_task, serve_task
from live_cam.models.network_file import NetworkFile
from live_cam.types import Score

_MODULE: Final = "live_cam.explain.runtime.conversion_process"  # it runs as __main__
_FAILURE: Final = "converting the network for OpenVINO"
_loaded: Final[SimpleQueue[Task]] = SimpleQueue()  # at most one process, which waits for its request


@dataclass(frozen=True, slots=True)
class ConversionRequest:
    """What to convert.

    Attributes:
        network: Where the network is.
        layers, score: What to explain.
        batch_size, num_targets: N and K; K = 0 is the forward pass alone.
        int8_table: The file of the ranges to quantise with; empty for float32.
        converted: The .xml file of the same in float32, which is quantised without TensorFlow; empty if there is none.
    """

    network: NetworkFile
    layers: tuple[str, ...]
    score: Score
    batch_size: int
    num_targets: int
    int8_table: str = ""
    converted: str = ""


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
    request = replace(request, network=request.network.absolute())
    arguments = [asdict(request), str(path.absolute())]
    try:
        loaded = _loaded.get_nowait()
    except Empty:
        run_task(_MODULE, arguments, _FAILURE)
        return
    with closing(loaded):
        loaded.run(arguments)


def load_ahead() -> None:
    """Starts the process of the next conversion, which loads TensorFlow before it is asked."""
    if _loaded.empty():
        with suppress(OSError):  # the conversion tries again, and reports it
            _loaded.put(Task(_MODULE, _FAILURE, ahead=True))


def end_loaded() -> None:
    """Ends the process that `load_ahead` has started, if no conversion took it."""
    with suppress(Empty):
        _loaded.get_nowait().close()


def _load() -> None:
    from live_cam.explain.runtime import conversion, step_graph  # noqa: F401
    from live_cam.models import resnet50  # noqa: F401


def _convert(arguments: tuple[dict[str, Any], str]) -> None:
    request, path = arguments[0], Path(arguments[1])
    path.touch()  # fails now, rather than after the ten seconds that converting takes

    if not request["converted"]:
        from live_cam.explain.runtime.conversion import convert, save
        from live_cam.explain.runtime.step_graph import StepGraph
        from live_cam.models.build import build_network

        network = build_network(NetworkFile.from_json(request["network"]))
        graph = StepGraph(network, tuple(request["layers"]), request["score"])
        save(convert(graph.concrete(request["batch_size"], request["num_targets"])), path)
    if request["int8_table"]:
        from live_cam.explain.runtime.int8.quantise import quantise_file

        quantise_file(Path(request["converted"] or path), Path(request["int8_table"]), path)


if __name__ == "__main__":
    serve_task(_convert, load=_load)
