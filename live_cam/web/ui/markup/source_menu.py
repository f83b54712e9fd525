"""HTML of what viewers choose the source by."""

from __future__ import annotations

from typing import Final

from live_cam.pipeline.session import Session

_OWN_META: Final = '<meta name="live-cam-own">'


def source_menu(number: int, kiosk: bool, name_id: str = "") -> str:
    """Returns the name of a feed's source, which the page's scripts make a menu, but not in a kiosk.

    Args:
        number: The feed.
        kiosk: Whether the name stands alone.
        name_id: The id of the element with the name.
    """
    identified = f'id="{name_id}" ' if name_id else ""
    name = f'<span {identified}data-live="source"></span>'
    return name if kiosk else f'<span class="live-sources" data-feed="{number}">{name}</span>'


def own_camera_meta(session: Session) -> str:
    """Returns what lets the page offer viewers their own camera, if it may beside what all see."""
    return _OWN_META if session.visitors is not None and len(session.feeds) == 1 else ""
