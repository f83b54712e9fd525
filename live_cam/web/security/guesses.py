"""Wrong tokens: an address that sends several waits, from guess to guess twice as long."""

from __future__ import annotations

import ipaddress
import logging
from collections import OrderedDict
from dataclasses import dataclass

from live_cam.clock import Clock

# A person mistypes.
_FREE_GUESSES = 5
_MAX_DOUBLINGS = 6  # of a second
_FORGOTTEN_AFTER_S = 600.0
_MAX_ADDRESSES = 1000
_LOG_INTERVAL_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Guesses:
    count: int
    last_s: float


class WrongTokens:
    """Counts the wrong tokens of each address, of the `_MAX_ADDRESSES` that guessed last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guesses: OrderedDict[str, _Guesses] = OrderedDict()
        self._logged_s: float | None = None

    def wait_s(self, address: str) -> float:
        """Returns for how long no token from an address is looked at; usually 0."""
        guesses = self._guesses.get(_client(address))
        if guesses is None or guesses.count < _FREE_GUESSES:
            return 0.0
        wait_s = 2.0 ** min(guesses.count - _FREE_GUESSES, _MAX_DOUBLINGS)
        return max(0.0, guesses.last_s + wait_s - self._now_s())

    def add(self, address: str) -> None:
        """Counts a wrong token, and logs a line at most once in `_LOG_INTERVAL_S` if its address has to wait now."""
        client, now_s = _client(address), self._now_s()
        before = self._guesses.pop(client, _Guesses(0, now_s))
        count = 1 if before.last_s + _FORGOTTEN_AFTER_S < now_s else before.count + 1
        self._guesses[client] = _Guesses(count, now_s)
        if len(self._guesses) > _MAX_ADDRESSES:
            self._guesses.popitem(last=False)
        if count >= _FREE_GUESSES and (self._logged_s is None or self._logged_s + _LOG_INTERVAL_S <= now_s):
            self._logged_s = now_s
            _log.warning("%s sent %d wrong tokens, and now has to wait between them", client, count)

    def _now_s(self) -> float:
        return self._clock.now_ns() / 1e9


def _client(address: str) -> str:
    """Returns what one client has to itself: an IPv4 address, or the 64 bits of an IPv6 network."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a proxy's, or a Unix socket
        return "an unknown address"
    if ip.version == 4:
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((int(ip), 64), strict=False))
