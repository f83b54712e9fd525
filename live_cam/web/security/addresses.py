"""The address of this machine on its network."""

from __future__ import annotations

import socket

# Addresses reserved for documentation: their route starts at the interface that leads to other machines.
_REMOTE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_DISCARD_PORT = 9


def local_addresses() -> list[str]:
    """Returns this machine's address on its network, or an empty list if there is no network; sends nothing.

    An IPv6 address is returned only if there is no IPv4 address: most systems change it daily, which would change the
    page's URL and its certificate.
    """
    for family, remote in _REMOTE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((remote, _DISCARD_PORT))
                return [probe.getsockname()[0]]
        except OSError:  # no network, or not of this kind
            continue
    return []
