"""Tables of ranges: what a network's convolutions read and write, measured once on photographs."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import ModelError
from live_cam.files import atomic_file
from live_cam.models.preprocessing import Preprocessing

TABLES: Final = Path(__file__).parent / "tables"
"""Those that are part of the package; `scripts/int8_table.py` makes them."""

_SCALES_PER_OCTAVE: Final = 8

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ConvolutionRanges:
    """The ranges of a convolution, in units of the scaled channels.

    Attributes:
        read: Of what it reads.
        written: Of what it writes, where that is added to something; None where a ReLU follows.
    """

    read: Range
    written: Range | None


@dataclass(frozen=True, slots=True, eq=False)
class RangeTable:
    """What is known of a network for computing it in int8.

    Attributes:
        digest: SHA-256 (hex) of the network's weights.
        layer: The activation that is explained.
        preprocessing: What the network received of the pixels, as JSON values.
        convolutions: The ranges of the convolutions to compute in int8, by the digests of their kernels.
        scales: What channels are divided by, by groups; see `ChannelGroups`.
        pictures: From which pictures it was made.
        agreement: What it reached on pictures that it was not made from; see `Agreement.describe`.
    """

    digest: str
    layer: str
    preprocessing: dict[str, Any]
    convolutions: dict[str, ConvolutionRanges]
    scales: dict[str, NDArray[np.float32]]
    pictures: str
    agreement: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a table.

        Raises:
            ModelError: It can't be read, or is none.
        """
        try:
            with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as file:
                header = json.loads(file["header"].tobytes())
                ranges = [tuple(row) for row in file["ranges"].tolist()]
                names, sizes = header["groups"], header["group_sizes"]
                octaves = np.split(file["scales"], np.cumsum(sizes)[:-1])
        except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile, zlib.error) as error:
            raise ModelError(f"{path} is no table of ranges ({error}); make one with `live-cam calibrate`") from error
        convolutions = {
            key: ConvolutionRanges(row[:2], None if np.isnan(row[2]) else row[2:])
            for key, row in zip(header["convolutions"], ranges, strict=True)
        }
        scales = {name: _scales(each) for name, each in zip(names, octaves, strict=True)}
        named = {name: header[name] for name in ("digest", "layer", "preprocessing", "pictures", "agreement")}
        return cls(convolutions=convolutions, scales=scales, **named)

    def write(self, path: Path) -> None:
        """Writes the table as .npz, complete or not at all."""
        none = (np.nan, np.nan)
        header = {
            "digest": self.digest,
            "layer": self.layer,
            "preprocessing": self.preprocessing,
            "pictures": self.pictures,
            "agreement": self.agreement,
            "convolutions": list(self.convolutions),
            "groups": list(self.scales),
            "group_sizes": [len(each) for each in self.scales.values()],
        }
        octaves = [scale_steps(each) for each in self.scales.values()]
        with atomic_file(path) as file:
            np.savez_compressed(
                file,
                header=np.frombuffer(json.dumps(header).encode(), np.uint8),
                ranges=np.array([(*each.read, *(each.written or none)) for each in self.convolutions.values()]),
                scales=np.concatenate(octaves) if octaves else np.empty(0, np.int8),
            )

    @property
    def key(self) -> str:
        """A digest of what the table says of the graph."""
        parts = [repr(sorted(self.convolutions.items()))]
        parts += [f"{name} {scale_steps(each).tobytes().hex()}" for name, each in sorted(self.scales.items())]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def table_name(digest: str) -> str:
    """Returns the file name of a network's table."""
    return f"int8-{hashlib.sha256(digest.encode()).hexdigest()[:16]}.npz"


def find_table(digest: str, layer: str, preprocessing: Preprocessing, places: Sequence[Path]) -> Path | None:
    """Returns the file of a network's table: the package's, or one that was made on this machine.

    Args:
        digest: The digest of its weights.
        layer: What is explained.
        preprocessing: What it receives of the pixels.
        places: Files that may be what was made on this machine.
    """
    for path in (TABLES / table_name(digest), *places):
        with suppress(ModelError):
            table = RangeTable.read(path)
            if (table.digest, table.layer, table.preprocessing) == (digest, layer, _as_json(preprocessing)):
                return path
    return None


def _as_json(preprocessing: Preprocessing) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(asdict(preprocessing)))
    return values


def rounded_scales(scales: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Returns scales as a table can hold them: one byte each, eighths of octaves."""
    return _scales(scale_steps(scales))


def scale_steps(scales: NDArray[np.floating[Any]]) -> NDArray[np.int8]:
    """Returns scales as eighths of octaves."""
    steps = np.rint(_SCALES_PER_OCTAVE * np.log2(scales))
    return np.asarray(np.clip(steps, -127, 127), np.int8)


def _scales(steps: NDArray[np.int8]) -> NDArray[np.float32]:
    return np.exp2(steps.astype(np.float32) / _SCALES_PER_OCTAVE, dtype=np.float32)
