"""Network camera URLs: validation, and display without secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from live_cam.errors import UsageError
from live_cam.urls import split_url

SCHEMES = ("rtsp", "rtsps", "http", "https")
HTTP_SCHEMES = ("http", "https")
DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}

_EXAMPLE = "give one like rtsp://user:password@192.168.1.20:554/stream"


@dataclass(frozen=True, slots=True)
class CameraUrl:
    """The URL of a network camera.

    Attributes:
        url: The complete URL, credentials included, as FFmpeg reads it: scheme in lower case, a colon behind the user
            name, the zone of an IPv6 address as it is. Never shown, not even by `repr`.
        scheme: One of `SCHEMES`.
        name: Scheme, host, port if given, and path, each omitted if it may contain a secret.
        host: The host, without brackets.
        port: The port, by default that of the scheme.
        credentials: User name and password, which may be empty; None if there are none. Never shown either.
    """

    url: str = field(repr=False)
    scheme: str
    name: str
    host: str
    port: int
    credentials: tuple[str, str] | None = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> CameraUrl:
        """Parses a URL.

        Raises:
            UsageError: It can't be opened; the message repeats nothing of it but the scheme.
        """
        scheme = url.partition("://")[0].lower()
        if "://" not in url or scheme not in SCHEMES:
            raise UsageError(f"that is no URL of a network camera; {_EXAMPLE}")
        parts, host, port = split_url(url, _EXAMPLE)
        host = _decode_zone(host)
        credentials = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
        name = _name(url, scheme, host, port)
        return cls(_for_ffmpeg(url, parts), scheme, name, host, port or DEFAULT_PORTS[scheme], credentials)


def _for_ffmpeg(url: str, parts: SplitResult) -> str:
    user_info, at, address = parts.netloc.rpartition("@")
    if user_info and ":" not in user_info:
        user_info += ":"  # without it, FFmpeg does not log in
    rest = url.partition("://")[2][len(parts.netloc) :]
    return f"{parts.scheme}://{user_info}{at}{_decode_zone(address)}{rest}"


def _decode_zone(address: str) -> str:
    """Returns an address with its zone as the system knows it; URLs write `%25eth0` (RFC 6874)."""
    return address.replace("%25", "%", 1) if ":" in address else address


def _name(url: str, scheme: str, host: str, port: int | None) -> str:
    authority = re.split(r"[/?#]", url.partition("://")[2])[0]
    if "@" in url and "@" not in authority:
        # A password that contains one of these makes its start look like the host.
        return f"{scheme}:// camera"
    shown_host = f"[{host}]" if ":" in host else host
    # Some cameras expect user name and password in the path: /user=admin_password=secret
    segments = urlsplit(url).path.removeprefix("/").split("/")
    public = next((index for index, segment in enumerate(segments) if re.search(r"[=;@]", segment)), len(segments))
    return f"{scheme}://{shown_host}{'' if port is None else f':{port}'}/{'/'.join(segments[:public])}".rstrip("/")
