"""Sessions of browsers that have shown the token."""

from __future__ import annotations

import secrets
from collections import OrderedDict

_MAX_SESSIONS = 1000
_ID_BYTES = 32


class Sessions:
    """Random ids, kept in memory only; beyond `_MAX_SESSIONS` the one unused for longest ends."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def start(self) -> str:
        """Returns the id of a new session."""
        session_id = secrets.token_urlsafe(_ID_BYTES)
        self._ids[session_id] = None
        if len(self._ids) > _MAX_SESSIONS:
            self._ids.popitem(last=False)
        return session_id

    def use(self, session_id: str) -> bool:
        """Returns whether there is a session of that id."""
        if session_id not in self._ids:
            return False
        self._ids.move_to_end(session_id)
        return True
