"""Where a network is and how it is built, as a value that another process can be given; imports no network library."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from live_cam.models.preprocessing import CAFFE, Preprocessing


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """A file that `live_cam.models.build.build_network` builds a network from.

    Attributes:
        path: A weight file, a model file or a folder; empty for weights that Keras finds or downloads.
        kind: `weights` of an application; a whole model of `keras`; or a graph that `openvino` reads.
        application: The Keras application that the weights are of, such as `ResNet50`.
        preprocessing: What the network receives of the pixels; None for what the file says.
        output: Name of the output to explain, where there are several.
        trusted: Whether code that the file brings may run.
        shuffle_seed: What shuffles the weights, for comparison with the trained ones; None to leave them as they are.
    """

    path: str
    kind: Literal["weights", "keras", "openvino"] = "weights"
    application: str = "ResNet50"
    preprocessing: Preprocessing | None = CAFFE
    output: str | None = None
    trusted: bool = False
    shuffle_seed: int | None = None

    def absolute(self) -> NetworkFile:
        """Returns the same for a process with another working directory."""
        if not self.path:
            return self
        return replace(self, path=str(Path(self.path).absolute()))

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> NetworkFile:
        """Returns what `dataclasses.asdict` has made values of JSON from."""
        preprocessing = values["preprocessing"]
        return cls(**{**values, "preprocessing": preprocessing and Preprocessing.from_json(preprocessing)})
