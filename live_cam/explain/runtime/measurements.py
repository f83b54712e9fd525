"""What was measured once on this machine: values of JSON in the cache, each in a file of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from live_cam.files import atomic_file

T = TypeVar("T")

_UNREADABLE: Final = (OSError, ValueError, LookupError, TypeError)


def measure_once(
    cache: Path, kind: str, depends_on: Sequence[str], measure: Callable[[], Any], parse: Callable[[Any], T]
) -> T:
    """Returns what the cache knows, or measures; a cache that can't be written keeps nothing.

    Args:
        cache: The folder.
        kind: What is measured, with which the names of its files start.
        depends_on: What tells this measurement from others of its kind.
        measure: Returns a value of JSON.
        parse: Makes the result of such a value; what raises LookupError, TypeError or ValueError is measured anew.
    """
    key = hashlib.sha256("\0".join(depends_on).encode()).hexdigest()[:16]
    path = cache / f"{kind}-{key}.json"
    with suppress(*_UNREADABLE):
        return parse(json.loads(path.read_text("utf-8")))
    value = measure()
    with suppress(OSError), atomic_file(path) as file:
        file.write(json.dumps(value).encode())
    return parse(value)


def all_measured(cache: Path, kind: str, parse: Callable[[Any], T]) -> Iterator[T]:
    """Yields all that the cache knows of a kind; see `measure_once`."""
    for path in sorted(cache.glob(f"{kind}-*.json")):
        with suppress(*_UNREADABLE):
            yield parse(json.loads(path.read_text("utf-8")))
