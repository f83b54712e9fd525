"""Exits with 0 if the page of this machine answers that frames flow; the container's HEALTHCHECK."""

from __future__ import annotations

import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final

_PORT: Final = 7860
_TIMEOUT_S: Final = 5


def main() -> None:
    unverified = ssl._create_unverified_context()  # the certificate of --https is its own
    for connection in (
        HTTPConnection("127.0.0.1", _PORT, timeout=_TIMEOUT_S),
        HTTPSConnection("127.0.0.1", _PORT, timeout=_TIMEOUT_S, context=unverified),
    ):
        try:
            connection.request("GET", "/healthz")
            sys.exit(connection.getresponse().status != 200)
        except (OSError, HTTPException):
            continue
    sys.exit(1)


if __name__ == "__main__":
    main()
