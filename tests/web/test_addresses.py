import errno
import ipaddress
import socket

import pytest

from live_cam.web.addresses import own_addresses


class Network:
    """Stands in for the kernel's choice of the interface; `ways` gives this machine's address by family."""

    def __init__(self, ways):
        self.ways = ways

    def __call__(self, family, kind):
        if family not in self.ways:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return self.Probe(self.ways[family])

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
    ("ways", "expected"),
    [
        ({socket.AF_INET: "192.168.1.20", socket.AF_INET6: "fd00::20"}, ["192.168.1.20"]),
        ({socket.AF_INET6: "fd00::20"}, ["fd00::20"]),
        ({}, []),
    ],
    ids=["both kinds", "IPv6 alone", "no network"],
)
def test_the_address_is_the_lasting_one_of_those_that_lead_to_others(monkeypatch, ways, expected):
    monkeypatch.setattr(socket, "socket", Network(ways))
    assert own_addresses() == expected


def test_this_machines_addresses_are_its_own():
    for address in own_addresses():
        family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
        with socket.socket(family) as listener:
            listener.bind((address, 0))  # refused for an address of another machine
