"""An address as a QR code in the terminal, for phones."""

from __future__ import annotations

from io import StringIO

import segno
from rich.console import Console
from rich.text import Text

_BORDER_MODULES = 2  # half of what the standard asks for: scanners do with it, and the code fits 24 lines
_COLORS = "color(231) on color(16)"  # white and black as such: a light terminal would else show a negative


def show_qr(address: str) -> None:
    """Prints a QR code to standard output where that is a terminal with room for it; else does nothing."""
    code = segno.make_qr(address)
    columns, modules_down = code.symbol_size(border=_BORDER_MODULES)
    lines = (modules_down + 1) // 2
    console = Console(highlight=False)
    shows_blocks = console.is_terminal and not console.is_dumb_terminal and not console.options.ascii_only
    if shows_blocks and console.width >= columns and console.height > lines:
        blocks = StringIO()
        code.terminal(blocks, border=_BORDER_MODULES, compact=True)
        console.print(Text(blocks.getvalue().rstrip("\n"), _COLORS, no_wrap=True))
