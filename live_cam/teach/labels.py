"""Names of taught classes, which are names of folders, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from live_cam.errors import UsageError

MAX_CHARS: Final = 40
_FORBIDDEN: Final = frozenset('/\\:*?"<>|')


def check_label(label: str, others: Sequence[str]) -> str:
    """Returns a name for a class without the spaces around it.

    Raises:
        UsageError: It is too long, could not be the name of a folder on all systems, or is that of another class.
    """
    name = label.strip()
    is_name = 0 < len(name) <= MAX_CHARS and name.isprintable() and not _FORBIDDEN & set(name)
    if not is_name or name.startswith(".") or name.endswith("."):
        raise UsageError(
            f"{label[:MAX_CHARS]!r} is no name for a class; give 1 to {MAX_CHARS} characters without "
            f"{' '.join(sorted(_FORBIDDEN))}, and no dot at the start or end"
        )
    alike = next((other for other in others if other.casefold() == name.casefold()), None)
    if alike is not None:
        raise UsageError(f"there is a class {alike!r} already; give another name")
    return name
