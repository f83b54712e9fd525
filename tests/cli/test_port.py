"""The port of the page."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from live_cam.cli import port
from live_cam.cli.port import bind_port
from live_cam.errors import ServeError
from live_cam.web.listener import bind


@pytest.fixture
def two_ports(monkeypatch):
    """The default port and the one after it, of which the first is taken."""
    with ExitStack() as stack:
        for default in range(20000, 30000, 2):
            monkeypatch.setattr(port, "DEFAULT_PORT", default)
            monkeypatch.setattr(port, "_PORTS_TRIED", 2)
            try:
                bind("127.0.0.1", default + 1).close()
                stack.enter_context(bind("127.0.0.1", default))
            except ServeError:
                continue
            break
        yield default, default + 1


def test_where_the_default_port_is_in_use_the_next_one_is_taken_and_named(two_ports, capsys):
    with bind_port("127.0.0.1", None) as listener:
        assert listener.getsockname()[1] == two_ports[1]
        assert capsys.readouterr().out == f"Port {two_ports[0]} is in use; the page is at port {two_ports[1]}\n"
        with pytest.raises(ServeError, match=rf"the ports {two_ports[0]} to {two_ports[1]} of .* --port"):
            bind_port("127.0.0.1", None)


def test_a_port_that_was_asked_for_is_taken_or_none(two_ports, capsys):
    with pytest.raises(ServeError, match=f"cannot listen on 127.0.0.1, port {two_ports[0]}: .*--port"):
        bind_port("127.0.0.1", two_ports[0])
    bind_port("127.0.0.1", two_ports[1]).close()
    assert capsys.readouterr().out == ""


def test_an_address_of_another_machine_is_an_error_at_the_first_port(capsys):
    with pytest.raises(ServeError, match=r"cannot listen on 192\.0\.2\.1, port 7860"):
        bind_port("192.0.2.1", None)
