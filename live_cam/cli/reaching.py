"""The addresses under which this machine and others reach the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import typer

from live_cam.cli.qr import show_qr

EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses that stand for all of this machine's, each with the one by which it reaches itself."""


def page_address(scheme: str, host: str, port: int, token: str | None) -> str:
    """Gives the page's address under a name of this machine; the token makes it one that lets in."""
    name = EVERYWHERE.get(host, host)
    if ":" in name:
        name = f"[{name}]"
    return f"{scheme}://{name}:{port}/" + (f"?token={quote(token, safe='')}" if token else "")


def tell_others(scheme: str, names: Sequence[str], host: str, port: int, token: str | None) -> None:
    """Tells the address that others use where it is another than ours, and phones the way to a secure page.

    Args:
        scheme: http or https.
        names: What others call this machine, the best name first.
        host: What is listened on.
        port: Its port.
        token: What they must show.
    """
    from live_cam.web.access import is_loopback

    if host in EVERYWHERE and not names:
        typer.echo("This machine is on no network, so that nobody else gets here; connect it and start live-cam again")
        return
    name = [*names, host][0]
    address = page_address(scheme, name, port, token)
    if scheme == "http":
        if names:
            typer.echo(f"For others on the network: {address}")
    elif is_loopback(name):
        typer.echo("To let phones on the same network in, start it with --host 0.0.0.0")
    else:
        typer.echo(f"From a phone on the same network: {address}")
        show_qr(address)
        typer.echo("The browser warns once, since the certificate was made on this machine: go on to the page.")
