"""The address of a network camera: checked, and told without what is secret in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from live_cam.errors import UsageError

SCHEMES = ("rtsp", "rtsps", "http", "https")

_USUAL_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_EXAMPLE = "give one like rtsp://user:password@192.168.1.20:554/stream"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a network camera is.

    Attributes:
        url: All of it, credentials included; never shown, not even by `repr`.
        name: Scheme, host, port if given, and path; where one of them may hold a secret, it is left out.
        host: As one looks it up.
        port: The one given, else that of the scheme.
    """

    url: str = field(repr=False)
    name: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> Address:
        """Takes an address apart.

        Raises:
            UsageError: It is none that can be opened; the message repeats nothing of it but scheme and host.
        """
        scheme = url.partition("://")[0].lower()
        if "://" not in url or scheme not in SCHEMES:
            raise UsageError(f"that is no address of a network camera; {_EXAMPLE}")
        if re.search(r"[\x00-\x20\x7f]", url):
            raise UsageError(
                f"the {scheme}:// address holds a space or a control character; write it as %20 and the like"
            )
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, 0
        # Outside of the `except`, so that the error that quotes the address is no context of this one.
        if port == 0:
            raise UsageError(
                f"the {scheme}:// address has no valid host and port; {_EXAMPLE}, "
                "and write / ? # @ : in a password as %2F %3F %23 %40 %3A"
            )
        if not host:
            raise UsageError(f"the {scheme}:// address names no host; {_EXAMPLE}")
        return cls(url, _name(url, scheme, host, port), host, port or _USUAL_PORTS[scheme])


def _name(url: str, scheme: str, host: str, port: int | None) -> str:
    authority = re.split(r"[/?#]", url.partition("://")[2])[0]
    if "@" in url and "@" not in authority:
        # A password with one of these in it makes its beginning look like the host.
        return f"{scheme}:// camera"
    shown_host = f"[{host}]" if ":" in host else host
    # Some cameras take user name and password as a part of the path: /user=admin_password=secret
    segments = urlsplit(url).path.removeprefix("/").split("/")
    public = next((index for index, segment in enumerate(segments) if re.search(r"[=;@]", segment)), len(segments))
    return f"{scheme}://{shown_host}{'' if port is None else f':{port}'}/{'/'.join(segments[:public])}".rstrip("/")
