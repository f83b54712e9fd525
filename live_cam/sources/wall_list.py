"""A file that names cameras, one on each line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from live_cam.errors import UsageError
from live_cam.sources.spec import check_spec
from live_cam.sources.url import CameraUrl

_NAMED: Final = re.compile(r"(?P<name>[^=]*\S)\s+=\s+(?P<spec>.+)")
_MAX_CAMERAS: Final = 10_000


@dataclass(frozen=True, slots=True)
class ListedCamera:
    """A line of the file.

    Attributes:
        name: What viewers see, without credentials.
        spec: As for `live_cam.sources.factory.create_source`; may hold a password, so that `repr` leaves it out.
    """

    name: str
    spec: str = field(repr=False)


def read_camera_list(path: Path) -> list[ListedCamera]:
    """Reads the cameras of a file: a source on each line, or `name = source`; without empty lines and `# comments`.

    Raises:
        UsageError: The file can't be read, names no camera or too many, or a line names no source.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"{path} can't be read ({error.strerror}); give a file with a source on each line") from error
    except ValueError as error:
        raise UsageError(f"{path} is not text in UTF-8; give a file with a source on each line") from error
    cameras = []
    for number, line in enumerate(map(str.strip, lines), 1):
        if line and not line.startswith("#"):
            named = _NAMED.fullmatch(line)
            name, spec = (named["name"], named["spec"]) if named else ("", line)
            try:
                check_spec(spec)
                cameras.append(ListedCamera(name or _shown(spec), spec))
            except UsageError as error:
                raise UsageError(f"{path} line {number}: {error}") from None
    if not cameras or len(cameras) > _MAX_CAMERAS:
        raise UsageError(f"{path} names {len(cameras)} cameras; give 1 to {_MAX_CAMERAS}, a source on each line")
    return cameras


def _shown(spec: str) -> str:
    return CameraUrl.parse(spec).name if "://" in spec else Path(spec).name or spec
