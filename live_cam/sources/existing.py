"""Telling apart the ways in which a file is not there."""

from __future__ import annotations

from pathlib import Path

from live_cam.errors import SourceError


def require_file(path: Path, instead: str) -> None:
    """Raises `SourceError`, which offers what to give `instead`, unless the path is that of a file."""
    try:
        reason = None if path.is_file() else "is not a file" if path.exists() else "does not exist"
    except OSError as error:  # a name too long, a folder that may not be entered
        reason = f"can't be looked at ({error.strerror})"
    if reason is not None:
        raise SourceError(f"{path} {reason}; give {instead}")
