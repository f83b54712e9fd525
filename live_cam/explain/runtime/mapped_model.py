"""Models whose weights are mapped from their file, and leave memory again once the device has its own copy of them."""

from __future__ import annotations

import mmap
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov


@dataclass(frozen=True, slots=True)
class MappedModel:
    """A model and its weights, which must be kept as long as anything that was compiled from it.

    Attributes:
        model: The model.
        weights: The .bin file; a private mapping, since OpenVINO accepts no tensor that is read-only.
    """

    model: ov.Model
    weights: mmap.mmap

    @classmethod
    def read(cls, core: ov.Core, path: Path) -> MappedModel:
        """Reads an .xml file, and maps the .bin file beside it.

        Raises:
            RuntimeError: A file is missing or corrupt.
        """
        try:
            with path.with_suffix(".bin").open("rb") as file:
                weights = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            xml = path.read_bytes()
        except (OSError, ValueError) as error:  # mmap refuses an empty file with a ValueError
            raise RuntimeError(f"{path} can't be read: {error}") from error
        tensor = ov.Tensor(np.frombuffer(weights, np.uint8), shared_memory=True)
        return cls(core.read_model(xml, tensor), weights)

    def unload(self) -> None:
        """Gives the memory of the weights back, where the system can; what is needed again is read again."""
        if sys.platform == "linux":
            self.weights.madvise(mmap.MADV_DONTNEED)
