"""Unpacks zip archives and reads JSON of others, within bounds."""

from __future__ import annotations

import json
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any, Final

from live_cam.errors import ModelError

_MAX_MEMBERS: Final = 10_000
_MAX_UNPACKED_BYTES: Final = 8 << 30
# Weights hardly compress, text does: a small archive may hold much of it.
_MAX_EXPANSION: Final = 20
_FREE_BYTES: Final = 64 << 20
_MAX_JSON_BYTES: Final = 32 << 20
_CHUNK_BYTES: Final = 1 << 20
_ENCRYPTED: Final = 0x1


def unpack(path: Path, folder: Path) -> None:
    """Unpacks a zip archive into an empty folder.

    Raises:
        ModelError: The archive is damaged, its members lie outside the folder, or it unpacks to far more than its size.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check(members, path.stat().st_size)
            for member in members:
                _unpack_member(archive, member, folder / member.filename)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            f"the archive is damaged or cut short ({next(iter(str(error).splitlines()), repr(error)):.200})"
        ) from error


def read_json(text: str | bytes) -> Any:
    """Parses JSON of Keras; its tuples and shapes become lists.

    Raises:
        ModelError: It is not JSON in UTF-8, too long, or nested too deep.
    """
    if len(text) > _MAX_JSON_BYTES:
        raise ModelError(f"its configuration has {len(text):,} bytes, more than {_MAX_JSON_BYTES:,}")
    try:
        return json.loads(text, object_hook=_plain)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"its configuration is not valid JSON ({error!s:.200})") from error


def _plain(value: dict[str, Any]) -> Any:
    is_sequence = value.get("class_name") in ("__tuple__", "TensorShape") and "items" in value
    return value["items"] if is_sequence else value


def _check(members: list[zipfile.ZipInfo], num_packed_bytes: int) -> None:
    if len(members) > _MAX_MEMBERS:
        raise ModelError(f"the archive has more than {_MAX_MEMBERS:,} files")
    limit = min(_MAX_UNPACKED_BYTES, _FREE_BYTES + _MAX_EXPANSION * num_packed_bytes)
    unpacked = sum(member.file_size for member in members)
    if unpacked > limit:
        raise ModelError(f"the archive of {num_packed_bytes:,} bytes unpacks to {unpacked:,}, which no model does")
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise ModelError("the archive has several files of one name")
    for member in members:
        name = PurePosixPath(member.filename)
        is_link = stat.S_ISLNK(member.external_attr >> 16)
        if name.is_absolute() or ".." in name.parts or "\\" in member.filename or ":" in member.filename or is_link:
            raise ModelError(f"the archive has the file {member.filename!r:.80}, which leads out of its folder")
        if member.flag_bits & _ENCRYPTED:
            raise ModelError("the archive has a password; unpack it first")


def _unpack_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    remaining = member.file_size
    with archive.open(member) as packed, target.open("xb") as file:
        while chunk := packed.read(_CHUNK_BYTES):
            remaining -= len(chunk)
            if remaining < 0:
                raise ModelError(f"the file {member.filename!r:.80} in the archive is longer than declared")
            file.write(chunk)
