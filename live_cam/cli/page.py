"""Where a page is served: its options, and its port, token, certificate and URLs."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from socket import socket
from typing import TYPE_CHECKING

from live_cam.cli.terminal import echo
from live_cam.cli.urls import WILDCARDS, page_url, print_urls

if TYPE_CHECKING:
    from live_cam.web.security.certificate import Certificate


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Where a page is served, and to whom.

    Attributes:
        port: None for the default, or the next one that is free.
        token: None to generate one where it is required.
        public: Whether none is required anywhere.
    """

    host: str
    port: int | None
    extra_hosts: tuple[str, ...]
    token: str | None
    https: bool
    open_browser: bool
    public: bool


@dataclass(frozen=True, slots=True)
class ServedPage:
    """A page whose port is bound.

    Attributes:
        token: The token that is required; None if none is.
        addresses: Those of this machine, if it listens on all.
        certificate: None without HTTPS.
    """

    options: PageOptions
    listener: socket
    token: str | None
    addresses: list[str]
    certificate: Certificate | None

    def announce(self, names: str, notes: Sequence[str] = ()) -> None:
        """Prints what is shown and where, with further lines in between, and opens the page if that is wanted."""
        options = self.options
        scheme, port = "https" if options.https else "http", self.listener.getsockname()[1]
        url = page_url(scheme, options.host, port, self.token)
        echo(f"{names}: {url}  (Ctrl-C stops it)")
        for note in notes:
            echo(note)
        # Without HTTPS an extra host is a proxy's, which listens on another port.
        others = [*options.extra_hosts, *self.addresses] if options.https else self.addresses
        print_urls(scheme, others, options.host, port, self.token)
        if options.open_browser:
            _open_browser(url)


def secured(options: PageOptions, listener: socket) -> ServedPage:
    """Gives a page whose port is bound its token and certificate, where it requires them."""
    from live_cam.web.security.access import token_needed
    from live_cam.web.security.addresses import local_addresses
    from live_cam.web.security.certificate import certificate

    token = options.token
    if token is None and not options.public and token_needed(options.host, options.extra_hosts):
        token = secrets.token_urlsafe(12)
    addresses = local_addresses() if options.host in WILDCARDS else []
    chain = certificate([options.host, *options.extra_hosts, *addresses]) if options.https else None
    return ServedPage(options, listener, token, addresses, chain)


def _open_browser(url: str) -> None:
    """Opens the page, unless only a text browser could, which would take over the terminal."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    timer = threading.Timer(1.0, webbrowser.open, [url])
    timer.daemon = True
    timer.start()
