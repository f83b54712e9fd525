"""What the maps are worth: published metrics of a sample, and how much lies on the objects, where there are boxes."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from live_cam.api.measure import Values, locate, measure_with, with_random_weights
from live_cam.api.picture_set.batches import BATCH_SIZE, explain_full_batch, predict_batched, read_batches
from live_cam.api.picture_set.boxes import BoxPx
from live_cam.api.picture_set.pictures import Picture
from live_cam.errors import OutputError
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.metrics.base import explain_with
from live_cam.explain.saliency.targets import probabilities
from live_cam.files import write_error
from live_cam.report.results import Row, identity, write_whole
from live_cam.types import Frame, Target

MEASURED_N: Final = 32
"""How many pictures are measured at most; each takes as long as to explain about 250."""

_DIGITS: Final = 6

OfMaps = Mapping[str, Values]
"""The values of `map`, `random` and `centre`; see `live_cam.api.measure`."""


def measure_sample(
    explainer: ExplainerProtocol,
    rows: Sequence[Row],
    pictures: Mapping[str, Picture],
    maps: NDArray[np.float32],
    path: Path,
    on_progress: Callable[[int, int], None],
) -> dict[str, OfMaps]:
    """Measures pictures at equal distances in the order of their names.

    Args:
        explainer: Explains `BATCH_SIZE` pictures in one call.
        rows: What is known of the pictures.
        pictures: Their files.
        maps: float32 (lines, h, w).
        path: Where the values are kept, a line of JSON for each picture, so that a run can go on after a kill.
        on_progress: Called with the numbers of pictures that are done, and of all.

    Returns:
        The values by the names of the pictures; one that can't be read any more has none.

    Raises:
        OutputError: A value can't be written.
    """
    sample = {row.name: row for row in rows[:: -(-len(rows) // MEASURED_N)]}
    try:
        with path.open("a+b", buffering=0) as file:
            found = _read(file, path, [pictures[name] for name in sample])
            on_progress(len(found), len(sample))
            missing = [pictures[name] for name in sample if name not in found]
            randomized = with_random_weights(explainer) if missing else None
            for batch in read_batches(missing, [explainer.classifier]):
                for each in batch:
                    row = sample[each.picture.name]
                    values = _measure(explainer, randomized, each.inputs[0].rgb, maps[row.number], row)
                    line = f"{json.dumps({'file': row.name, **identity(each.picture), 'metrics': values})}\n"
                    write_whole(file, path, line.encode())
                    found[row.name] = _with_nan(values)
                    on_progress(len(found), len(sample))
    except OSError as error:
        raise write_error(path, error) from error
    return {name: found[name] for name in sample if name in found}


def locate_all(
    rows: Sequence[Row], maps: NDArray[np.float32], boxes: Mapping[str, Sequence[BoxPx]], input_px: tuple[int, int]
) -> dict[str, OfMaps]:
    """Returns pointing game and relevance mass of the pictures that have boxes, by their names."""
    return {
        row.name: locate(maps[row.number], boxes[row.name], row.size_px, row.map_box, input_px, _seed(row))
        for row in rows
        if row.name in boxes
    }


def _read(file: BinaryIO, path: Path, pictures: Sequence[Picture]) -> dict[str, OfMaps]:
    """Returns what the file has of these pictures as they are, and cuts off what a kill has left of a line."""
    file.seek(0)
    data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    file.truncate(len(whole))
    try:
        records = {record["file"]: record for record in map(json.loads, whole.splitlines())}
        known = [(each, records[each.name]) for each in pictures if each.name in records]
        return {each.name: _with_nan(record["metrics"]) for each, record in known if record | identity(each) == record}
    except (ValueError, LookupError, TypeError, AttributeError):
        raise OutputError(f"{path} is damaged; remove it") from None


def _with_nan(values: Mapping[str, Mapping[str, float | None]]) -> OfMaps:
    return {name: {key: math.nan if v is None else v for key, v in of_map.items()} for name, of_map in values.items()}


def _seed(row: Row) -> int:
    """Returns the same number for a picture in each run."""
    return zlib.crc32(row.name.encode())


def _measure(
    explainer: ExplainerProtocol,
    randomized: ExplainerProtocol | None,
    image: NDArray[np.uint8],
    saliency_map: NDArray[np.float32],
    row: Row,
) -> dict[str, dict[str, float | None]]:
    target = row.top[0].index

    def predict(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        return probabilities(predict_batched(explainer, list(images)), explainer.classifier.head)

    def explain(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        frames = [Frame(each, pts_ns=0) for each in images]
        parts = [frames[start : start + BATCH_SIZE] for start in range(0, len(frames), BATCH_SIZE)]
        explained = [explain_full_batch(explainer, part, [[Target(target)]] * len(part)) for part in parts]
        return np.array([each.saliency_map for part in explained for (each,) in part])

    explain_randomized = None if randomized is None else explain_with(randomized, target)
    values = measure_with(predict, explain, explain_randomized, image, saliency_map, target, _seed(row))
    return {
        name: {metric: None if math.isnan(value) else round(value, _DIGITS) for metric, value in of_map.items()}
        for name, of_map in values.items()
    }
