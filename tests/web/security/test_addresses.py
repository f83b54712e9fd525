"""This machine's addresses on the network."""

from __future__ import annotations

import errno
import ipaddress
import socket

import pytest

from live_cam.web.security.addresses import local_addresses


class Network:
    """Fakes the kernel's choice of an interface; `routes` has this machine's address by family."""

    def __init__(self, routes):
        self.routes = routes

    def __call__(self, family, kind):
        if family not in self.routes:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return self.Probe(self.routes[family])

    class Probe:
        def __init__(self, address):
            self.address = address

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def connect(self, address):
            pass

        def getsockname(self):
            return (self.address, 40000)


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ({socket.AF_INET: "192.168.1.20", socket.AF_INET6: "fd00::20"}, ["192.168.1.20"]),
        ({socket.AF_INET6: "fd00::20"}, ["fd00::20"]),
        ({}, []),
    ],
    ids=["both kinds", "IPv6 alone", "no network"],
)
def test_the_address_is_that_of_the_interface_to_the_network(monkeypatch, routes, expected):
    monkeypatch.setattr(socket, "socket", Network(routes))
    assert local_addresses() == expected


def test_this_machines_addresses_are_its_own():
    for address in local_addresses():
        family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
        with socket.socket(family) as listener:
            listener.bind((address, 0))  # refused for an address of another machine
