"""What is known of each picture: a line of JSON and a map, written at once, so that a run can go on after a kill."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from live_cam.api.picture_set.pictures import Picture
from live_cam.errors import OutputError
from live_cam.files import atomic_file, write_error
from live_cam.types import Box, ClassScore

_DIGITS: Final = 6

_COLUMNS: Final = (
    "file", "true", "predicted", "probability", "second", "second_probability", "true_probability", "correct",
    "margin", "entropy_bits", "evidence",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of a picture.

    Attributes:
        number: Which line of `results.jsonl` and which map it is.
        name: The picture.
        true_class: Its true class; None if that is not known.
        top: The top classes, highest probability first.
        true_probability: The probability of the true class; None if that is not known.
        margin: By how much the first probability exceeds the second.
        entropy_bits: Of the probabilities; None where they are no distribution.
        evidence: See `live_cam.explain.saliency.evidence`.
        size_px: Height and width of the picture.
        map_box: What of it the map covers.
    """

    number: int
    name: str
    true_class: int | None
    top: tuple[ClassScore, ...]
    true_probability: float | None
    margin: float
    entropy_bits: float | None
    evidence: float
    size_px: tuple[int, int]
    map_box: Box

    @property
    def is_mistake(self) -> bool:
        """Whether the true class is known and another one."""
        return self.true_class is not None and self.true_class != self.top[0].index


class Results:
    """The files of a report that grow with each picture; one process at a time may have them open.

    `results.jsonl` has a line for each picture, `maps.npz` its map at the same place. While a run goes on, the maps are
    in a hidden file. A picture that has changed since gets a further line, and the last one counts.

    Attributes:
        folder: The folder of the report.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Creates the folder, or opens that of an earlier run.

        Raises:
            OutputError: It can't be written, is in use, holds other files, or was made with other settings.
        """
        self.folder = folder
        self._lines_path, self._maps_path = folder / "results.jsonl", folder / ".maps.part"
        self._is_finished = False
        self._lock = FileLock(folder / ".live_cam.lock", timeout=0)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._check_settings(settings)
            self._lock.acquire()
            self._lines, self._maps = self._open()
        except Timeout as error:
            raise OutputError(f"another live-cam why writes into {folder}; wait until it ends") from error
        except OutputError:
            raise
        except OSError as error:
            raise write_error(error.filename or folder, error) from error

    def _check_settings(self, settings: Mapping[str, Any]) -> None:
        path = self.folder / "settings.json"
        if not path.exists():
            if any(not each.name.startswith(".") for each in self.folder.iterdir()):
                raise OutputError(f"{self.folder} holds other files; give a new folder for the report")
            with atomic_file(path) as file:
                file.write(f"{json.dumps(settings, indent=2)}\n".encode())
            return
        try:
            found = json.loads(path.read_bytes())
            differing = [key for key in settings if key != "live_cam" and found.get(key) != settings[key]]
        except (ValueError, AttributeError):
            raise OutputError(f"{path} is not that of a report; give a new folder") from None
        if differing:
            raise OutputError(
                f"{self.folder} was made with another {', '.join(differing)}; give another folder or remove it"
            )

    def _open(self) -> tuple[BinaryIO, BinaryIO]:
        """Opens both files where they are both complete: a kill may have cut the last line or its map."""
        finished = self.folder / "maps.npz"
        if finished.exists() and not self._maps_path.exists():
            _extract_maps(finished, self._maps_path)
        kept = self._lines_path.read_bytes() if self._lines_path.exists() else b""
        kept = kept[: kept.rfind(b"\n") + 1]
        try:
            records = [json.loads(line) for line in kept.splitlines()]
            self._shape: tuple[int, ...] = tuple(records[0]["map"]["shape"]) if records else (0, 0)
        except (ValueError, LookupError, TypeError):
            raise OutputError(f"{self._lines_path} is damaged; give another folder or remove it") from None
        lines, maps = (path.open("ab", buffering=0) for path in (self._lines_path, self._maps_path))
        both_n = min(len(records), maps.tell() // self._map_bytes) if records else 0
        lines.truncate(sum(len(line) for line in kept.splitlines(keepends=True)[:both_n]))
        maps.truncate(both_n * self._map_bytes)
        self._done = {record["file"]: (number, record) for number, record in enumerate(records[:both_n])}
        self._count = both_n
        return lines, maps

    @property
    def _map_bytes(self) -> int:
        return 4 * math.prod(self._shape)

    def missing(self, pictures: Sequence[Picture]) -> list[Picture]:
        """Returns the pictures that have no result, or have changed since."""
        return [picture for picture in pictures if not self._is_done(picture)]

    def _is_done(self, picture: Picture) -> bool:
        _, record = self._done.get(picture.name, (0, None))
        return record is not None and record | identity(picture) == record

    def append(self, picture: Picture, record: Mapping[str, Any], saliency_map: NDArray[np.float32]) -> None:
        """Writes the result of a picture.

        Raises:
            OutputError: The disk is full, or fails.
        """
        whole = {"file": picture.name, **identity(picture), **record}
        self._shape = saliency_map.shape
        # The map first: a line without one would count as done.
        write_whole(self._maps, self._maps_path, np.ascontiguousarray(saliency_map, np.float32).tobytes())
        write_whole(self._lines, self._lines_path, f"{json.dumps(whole)}\n".encode())
        self._done[picture.name] = (self._count, whole)
        self._count += 1

    def rows(self, pictures: Sequence[Picture]) -> list[Row]:
        """Returns what is known of those of the pictures that have a result."""
        return [_row(*self._done[picture.name]) for picture in pictures if self._is_done(picture)]

    def maps(self) -> NDArray[np.float32]:
        """Returns the maps float32 (lines, h, w), which stay on the disk until they are used."""
        return np.memmap(self._maps_path, np.float32, "r", shape=(self._count, *self._shape))

    def finish(self, rows: Sequence[Row], measured: Mapping[str, Mapping[str, float]]) -> None:
        """Writes `results.csv` and `maps.npz`.

        Args:
            rows: What is known of the pictures.
            measured: Further columns: values by their titles, by the names of those pictures that have any.

        Raises:
            OutputError: The disk is full, or fails.
        """
        table = io.StringIO(newline="")
        writer = csv.writer(table)
        titles = list(dict.fromkeys(title for values in measured.values() for title in values))
        writer.writerow((*_COLUMNS, *titles))
        for row in rows:
            values = measured.get(row.name, {})
            known = (values.get(title, math.nan) for title in titles)
            cells = _cells(row, self._done[row.name][1])
            writer.writerow([*cells, *("" if math.isnan(value) else round(value, _DIGITS) for value in known)])
        names = sorted(self._done, key=lambda name: self._done[name][0])
        numbers = np.array([self._done[name][0] for name in names])
        try:
            with atomic_file(self.folder / "results.csv") as file:
                file.write(table.getvalue().encode())
            with atomic_file(self.folder / "maps.npz") as file:
                np.savez(file, maps=self.maps(), files=np.array(names), lines=numbers)
        except OSError as error:
            raise write_error(error.filename or self.folder, error) from error
        self._is_finished = True

    def close(self) -> None:
        """Closes the files; the hidden one is removed if its maps are in `maps.npz`."""
        self._lines.close()
        self._maps.close()
        if self._is_finished:
            self._maps_path.unlink(missing_ok=True)
        Path(self._lock.lock_file).unlink(missing_ok=True)  # while locked, so that it is no other process's file
        self._lock.release()


def _extract_maps(archive: Path, path: Path) -> None:
    with zipfile.ZipFile(archive) as members, members.open("maps.npy") as source, path.open("wb") as target:
        np.lib.format.read_magic(source)
        np.lib.format.read_array_header_1_0(source)
        shutil.copyfileobj(source, target)


def identity(picture: Picture) -> dict[str, Any]:
    """Returns what a result depends on of its picture, as JSON values."""
    return {"bytes": picture.size_bytes, "mtime_ns": picture.modified_ns, "true": picture.true_class}


def write_whole(file: BinaryIO, path: Path, data: bytes) -> None:
    """Writes data at once to a file without a buffer.

    Raises:
        OutputError: The disk is full, or fails.
    """
    try:
        written = file.write(data)
    except OSError as error:
        raise write_error(path, error) from error
    if written != len(data):
        raise OutputError(f"cannot write {path}: the disk is full; make room and run the same command again")


def _row(number: int, record: Mapping[str, Any]) -> Row:
    return Row(
        number,
        record["file"],
        record["true"],
        tuple(ClassScore(**each) for each in record["top"]),
        record["true_probability"],
        record["margin"],
        record["entropy_bits"],
        record["evidence"],
        tuple(record["size_px"]),
        tuple(record["map_box"]),
    )


def _cells(row: Row, record: Mapping[str, Any]) -> list[Any]:
    first, *others = row.top
    second = others[0] if others else None
    return [
        _harmless(row.name),
        _harmless(record["true_label"] or ""),
        _harmless(first.label),
        first.probability,
        _harmless(second.label) if second else "",
        second.probability if second else "",
        "" if row.true_probability is None else row.true_probability,
        "" if row.true_class is None else int(not row.is_mistake),
        row.margin,
        "" if row.entropy_bits is None else row.entropy_bits,
        row.evidence,
    ]


def _harmless(text: str) -> str:
    """Returns text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
