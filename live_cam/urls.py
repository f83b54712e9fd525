"""URLs that a user gives, taken apart without repeating their secrets."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from live_cam.errors import UsageError


def split_url(url: str, example: str) -> tuple[SplitResult, str, int | None]:
    """Splits a URL that has a scheme.

    Args:
        url: The URL, which may contain a password.
        example: What to give instead, for messages, such as `give one like rtsp://192.168.1.20/stream`.

    Returns:
        Its parts, the host without brackets, and the port if there is one.

    Raises:
        UsageError: It has no valid host and port; the message repeats nothing of it but the scheme.
    """
    scheme = url.partition("://")[0].lower()
    if re.search(r"[\x00-\x20\x7f]", url):
        raise UsageError(f"the {scheme}:// URL contains a space or control character; percent-encode it (%20)")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, 0
    # Outside the `except`: the ValueError quotes the URL with its secrets and must not become the context.
    if port == 0:
        raise UsageError(
            f"the {scheme}:// URL has no valid host and port; {example}, "
            "and write / ? # @ : in a password as %2F %3F %23 %40 %3A"
        )
    if not host:
        raise UsageError(f"the {scheme}:// URL has no host; {example}")
    return parts, host, port
