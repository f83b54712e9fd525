"""Icons as inline SVG, in the colour of the text beside them."""

from __future__ import annotations

from typing import Final

_PATHS: Final = {
    "check": '<circle cx="12" cy="12" r="9"/><path d="m8 12 3 3 5-6"/>',
    "close": '<path d="m6 6 12 12M18 6 6 18"/>',
    "freeze": '<path d="M9 5v14M15 5v14"/>',
    "help": '<path d="M9.5 9a2.5 2.5 0 1 1 3.5 2.3c-.7.4-1 .9-1 1.7M12 17h.01"/><circle cx="12" cy="12" r="9"/>',
    "hide": '<path d="M4 4h16v16H4z"/><path d="M9 9h6v6H9z" fill="currentColor"/>',
    "link": '<path d="M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1"/>',
    "maps": '<path d="M3 5h5v14H3zM9.5 5h5v14h-5zM16 5h5v14h-5z"/>',
    "power": '<path d="M12 3v9M6.5 7a8 8 0 1 0 11 0"/>',
    "present": '<path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"/>',
    "record": '<circle cx="12" cy="12" r="6" fill="currentColor"/>',
    "resume": '<path d="m8 5 11 7-11 7z" fill="currentColor"/>',
    "snapshot": '<path d="M4 8h3l2-3h6l2 3h3v11H4z"/><circle cx="12" cy="13" r="3.5"/>',
    "stop": '<path d="M6 6h12v12H6z" fill="currentColor"/>',
    "teach": '<path d="M2 10 12 5l10 5-10 5z"/><path d="M6 12.5V17c3 3 9 3 12 0v-4.5M22 10v6"/>',
    "theme": '<path d="M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z"/>',
    "warning": '<path d="M12 3 2 20h20z"/><path d="M12 10v4M12 17h.01"/>',
}


def icon(name: str) -> str:
    """Returns an icon, which screen readers skip: a word or a label belongs beside it."""
    return f'<svg class="live-icon live-icon-{name}" viewBox="0 0 24 24" aria-hidden="true">{_PATHS[name]}</svg>'
