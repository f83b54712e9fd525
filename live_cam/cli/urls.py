"""The URLs of the page, printed for this machine and for others, with a QR code for phones."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Final
from urllib.parse import quote

from live_cam.cli.terminal import echo

WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""The addresses that mean all interfaces, each with the loopback address of its family."""

_BORDER_MODULES = 2  # half of the standard's quiet zone: scanners accept it, and the code fits 24 lines
_COLORS = "color(231) on color(16)"  # white and black themselves: a light terminal would invert the code


def page_url(scheme: str, host: str, port: int, token: str | None) -> str:
    """Returns the URL of the page at a host of this machine, with the token that grants access."""
    name = WILDCARDS.get(host, host)
    if ":" in name:
        name = f"[{name}]"
    return f"{scheme}://{name}:{port}/" + (f"?token={quote(token, safe='')}" if token else "")


def print_urls(scheme: str, names: Sequence[str], host: str, port: int, token: str | None) -> None:
    """Prints the URL for other machines if it differs from ours, and how phones reach a secure page.

    Args:
        scheme: http or https.
        names: Host names and addresses of this machine for others, the best first.
        host: The address listened on.
        port: Its port.
        token: The access token.
    """
    from live_cam.web.security.access import is_loopback

    if host in WILDCARDS and not names:
        echo("This machine is not on a network, so no other can reach it; connect it and restart live-cam")
        return
    name = [*names, host][0]
    url = page_url(scheme, name, port, token)
    if scheme == "http":
        if names:
            echo(f"For others on the network: {url}")
    elif is_loopback(name):
        echo("For access from phones on the same network, restart it with --host 0.0.0.0")
    else:
        echo(f"From a phone on the same network: {url}")
        show_qr(url)
        echo("The browser warns once, since the certificate is self-signed: continue to the page.")


def show_qr(url: str) -> None:
    """Prints a QR code if standard output is a terminal with room for it; does nothing otherwise."""
    import segno
    from rich.console import Console
    from rich.text import Text

    code = segno.make_qr(url)
    columns, modules_down = code.symbol_size(border=_BORDER_MODULES)
    lines = (modules_down + 1) // 2
    console = Console(highlight=False)
    shows_blocks = console.is_terminal and not console.is_dumb_terminal and not console.options.ascii_only
    if shows_blocks and console.width >= columns and console.height > lines:
        blocks = StringIO()
        code.terminal(blocks, border=_BORDER_MODULES, compact=True)
        console.print(Text(blocks.getvalue().rstrip("\n"), _COLORS, no_wrap=True))
