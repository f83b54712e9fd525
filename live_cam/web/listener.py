"""The port of the page; apart from the server, whose imports take seconds."""

from __future__ import annotations

import os
import socket

from live_cam.errors import ServeError


def bind(host: str, port: int) -> socket.socket:
    """Binds the port, before anything slow is started.

    Raises:
        ServeError: The port is in use, or the address is not one of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":  # elsewhere the option would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen()
        except OSError:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ServeError(f"cannot listen on {host}, port {port}: {reason}; change --host or --port") from error
    return listener
