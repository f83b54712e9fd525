"""Opens HDF5 files of others: no links out of the file, and no more values than bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py

from live_cam.errors import ModelError

_MAX_OBJECTS: Final = 200_000
# Weights hardly compress; zeros do, and a file of a few kilobytes may declare terabytes of them.
_MAX_EXPANSION: Final = 16
_FREE_BYTES: Final = 1 << 20


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Opens a file for reading, once all its objects are known to lie within it.

    Raises:
        ModelError: The file is damaged, refers to other files, or declares more values than it holds.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ModelError(
            f"the HDF5 file is damaged or cut short ({next(iter(str(error).splitlines()), '')})"
        ) from error
    with file:
        num_bytes = sum(_inspect(dataset) for dataset in _datasets(file))
        if num_bytes > _MAX_EXPANSION * path.stat().st_size + _FREE_BYTES:
            raise ModelError(f"the file declares {num_bytes:,} bytes of weights, but has {path.stat().st_size:,}")
        yield file


def num_values(group: Any) -> int:
    """Returns how many numbers the datasets in a group hold."""
    return sum(dataset.size for dataset in _datasets(group))


def read_names(group: Any, attribute: str) -> list[str]:
    """Reads a list of names, which Keras splits where it has more than 64 KB."""
    chunks = itertools.takewhile(group.attrs.__contains__, (f"{attribute}{i}" for i in itertools.count()))
    keys = [attribute] if attribute in group.attrs else chunks
    return [read_text(name) for key in keys for name in group.attrs[key]]


def read_text(value: Any) -> str:
    """Returns an attribute that is text, which older versions of Keras and h5py write as bytes."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _datasets(group: Any) -> Iterator[Any]:
    """Yields each dataset once; a hard link may lead back to a group above."""
    seen: set[Any] = set()
    groups = [group]
    while groups:
        current = groups.pop()
        for name in current:
            if not isinstance(current.get(name, getlink=True), h5py.HardLink):
                raise ModelError(
                    f"the file refers to another place by the link {name!r:.80}; Keras writes no such file"
                )
            item = current[name]
            info = h5py.h5o.get_info(item.id)
            if info.addr in seen:
                continue
            seen.add(info.addr)
            if len(seen) > _MAX_OBJECTS:
                raise ModelError(f"the file holds more than {_MAX_OBJECTS:,} objects")
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif isinstance(item, h5py.Dataset):
                yield item


def _inspect(dataset: Any) -> int:
    """Returns the number of bytes of a dataset's values."""
    if dataset.is_virtual or dataset.external:
        raise ModelError(f"the weights {dataset.name!r:.80} lie in another file; models hold all that they need")
    if dataset.dtype.kind not in "fiub":
        return 0
    return int(dataset.size) * int(dataset.dtype.itemsize)
