"""What is explained: a classifier, and where its network is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from live_cam.models.classifier import Classifier
from live_cam.models.network_file import NetworkFile


@dataclass(frozen=True, slots=True)
class Model:
    """A model to explain.

    Attributes:
        classifier: What it offers.
        digest: SHA-256 (hex) of its weights.
        file: Where its network is; None for one in memory.
        command_options: The options that open the same model on the command line.
        layer_sizes: Height, width and channels of each layer that can be explained, input side first; empty for
            the default model.
        network: The `live_cam.models.network.Network` in memory; None for one in a file.
    """

    classifier: Classifier
    digest: str
    file: NetworkFile | None
    layer_sizes: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    network: Any = None
    command_options: tuple[str, ...] = ()

    def build(self) -> Any:
        """Returns the `live_cam.models.network.Network`; takes seconds for one in a file.

        Raises:
            LiveCamError: The file is missing or damaged, or not what it was.
        """
        if self.network is not None:
            return self.network
        from live_cam.models.build import build_network

        assert self.file is not None
        return build_network(self.file)
