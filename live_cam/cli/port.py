"""The port of the page: the one that is asked for, or else one that is free."""

from __future__ import annotations

import errno
from socket import socket
from typing import Final

from live_cam.cli.terminal import echo
from live_cam.errors import ServeError

DEFAULT_PORT: Final = 7860
_PORTS_TRIED = 20


def bind_port(host: str, port: int | None) -> socket:
    """Binds a port of the page.

    Args:
        host: The address to listen on.
        port: The port, 0 for any that is free; None for the default or, where that is in use, one of those after it,
            which is said.

    Raises:
        ServeError: The port, or each of those, is in use; or the address is not one of this machine.
    """
    from live_cam.web.listener import bind

    if port is not None:
        return bind(host, port)
    for candidate in range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED):
        try:
            listener = bind(host, candidate)
        except ServeError as error:
            if getattr(error.__cause__, "errno", None) != errno.EADDRINUSE:
                raise
            continue
        if candidate != DEFAULT_PORT:
            echo(f"Port {DEFAULT_PORT} is in use; the page is at port {candidate}")
        return listener
    last = DEFAULT_PORT + _PORTS_TRIED - 1
    raise ServeError(f"the ports {DEFAULT_PORT} to {last} of {host} are in use; give one that is free with --port")
