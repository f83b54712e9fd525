"""What is printed of the addresses under which others reach the page."""

import pytest

from live_cam.cli.reaching import tell_others


@pytest.mark.parametrize(
    ("scheme", "names", "host", "told"),
    [
        ("http", [], "127.0.0.1", ""),
        ("http", [], "192.168.1.20", ""),
        ("http", ["192.168.1.20"], "0.0.0.0", "For others on the network: http://192.168.1.20:7860/?token=a%20b\n"),
        ("http", ["fd00::20"], "::", "For others on the network: http://[fd00::20]:7860/?token=a%20b\n"),
        ("https", [], "127.0.0.1", "To let phones on the same network in, start it with --host 0.0.0.0\n"),
    ],
)
def test_others_are_told_an_address_that_leads_here_from_elsewhere(capsys, scheme, names, host, told):
    tell_others(scheme, names, host, 7860, "a b")
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_without_a_network_that_is_told_and_not_to_listen_where_it_listens_already(capsys, scheme, host):
    tell_others(scheme, [], host, 7860, "secret")
    (line,) = capsys.readouterr().out.splitlines()
    assert "is on no network" in line
    assert "--host" not in line


@pytest.mark.parametrize(
    ("names", "host", "address"),
    [
        (["cam.local", "192.168.1.20"], "0.0.0.0", "https://cam.local:7860/?token=secret"),
        ([], "192.168.1.20", "https://192.168.1.20:7860/?token=secret"),
    ],
)
def test_phones_are_told_the_way_to_a_secure_page(capsys, names, host, address):
    tell_others("https", names, host, 7860, "secret")
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"From a phone on the same network: {address}"
    assert "warns once" in last
