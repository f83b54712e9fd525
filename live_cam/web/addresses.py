"""The addresses by which others on the network reach this machine."""

from __future__ import annotations

import socket

# Addresses kept for documentation, which nobody has: the way to them begins at the interface that leads to others.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_DISCARD_PORT = 9


def own_addresses() -> list[str]:
    """Gives this machine's address on its network, or an empty list where it is on none; sends nothing.

    An IPv6 address is given only where there is no IPv4 address: most systems change theirs daily, and with it the
    page's address and its certificate would change.
    """
    for family, elsewhere in _ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((elsewhere, _DISCARD_PORT))
                return [probe.getsockname()[0]]
        except OSError:  # no network, or not of this kind
            continue
    return []
