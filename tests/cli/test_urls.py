"""The URLs printed for other machines."""

import pytest

from live_cam.cli.urls import page_url, print_urls


@pytest.mark.parametrize(
    ("host", "token", "url"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:7860/"),
        ("0.0.0.0", "a b", "http://127.0.0.1:7860/?token=a%20b"),
        ("::", None, "http://[::1]:7860/"),
        ("cam.local", "a/b&c", "http://cam.local:7860/?token=a%2Fb%26c"),
    ],
)
def test_url_of_the_page(host, token, url):
    assert page_url("http", host, 7860, token) == url


@pytest.mark.parametrize(
    ("scheme", "names", "host", "printed"),
    [
        ("http", [], "127.0.0.1", ""),
        ("http", [], "192.168.1.20", ""),
        ("http", ["192.168.1.20"], "0.0.0.0", "For others on the network: http://192.168.1.20:7860/?token=a%20b\n"),
        ("http", ["fd00::20"], "::", "For others on the network: http://[fd00::20]:7860/?token=a%20b\n"),
        ("https", [], "127.0.0.1", "For access from phones on the same network, restart it with --host 0.0.0.0\n"),
    ],
)
def test_others_get_a_url_that_reaches_this_machine(capsys, scheme, names, host, printed):
    print_urls(scheme, names, host, 7860, "a b")
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_without_a_network_the_hint_does_not_suggest_the_host_in_use(capsys, scheme, host):
    print_urls(scheme, [], host, 7860, "secret")
    (line,) = capsys.readouterr().out.splitlines()
    assert "not on a network" in line
    assert "--host" not in line


@pytest.mark.parametrize(
    ("names", "host", "url"),
    [
        (["cam.local", "192.168.1.20"], "0.0.0.0", "https://cam.local:7860/?token=secret"),
        ([], "192.168.1.20", "https://192.168.1.20:7860/?token=secret"),
    ],
)
def test_phones_get_the_url_of_the_secure_page(capsys, names, host, url):
    print_urls("https", names, host, 7860, "secret")
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"From a phone on the same network: {url}"
    assert "warns once" in last
