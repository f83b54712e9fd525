"""A cluster for as long as it is needed: one that runs already, or one of this machine alone."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final

from live_cam.errors import LiveCamError, UsageError

LOCAL: Final = "local"
"""In place of an address: a cluster of this machine, which ends with the work."""

_ADDRESS: Final = re.compile(r"auto|local|(?P<host>[\w.-]+|\[[\da-fA-F:]+\]):(?P<port>\d{1,5})")
_CONNECT_LIMIT_S: Final = 5.0
_STORE_BYTES: Final = 300_000_000
_QUIET: Final[dict[str, Any]] = {"log_to_driver": False, "configure_logging": False}


def is_address(word: str) -> bool:
    """Whether a word is the address of a cluster: `HOST:PORT`, `auto`, or `local`."""
    return _ADDRESS.fullmatch(word) is not None


def require_cluster(address: str) -> None:
    """Checks, without the seconds that it takes to connect, that something may answer at an address.

    Args:
        address: `HOST:PORT`; `auto` for a cluster that this machine belongs to; or `LOCAL`.

    Raises:
        UsageError: It is no address; or Ray is not installed.
        LiveCamError: Nothing listens there, for which Ray itself waits a minute and then ends the process.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise UsageError(f"{address!r:.80} is no address of a Ray cluster; give HOST:PORT, auto, or local")
    if find_spec("ray") is None:
        raise UsageError("--ray needs Ray; install it with: pip install 'live-cam[ray]'")
    if found["host"] is not None:
        _require_listener(found["host"].strip("[]"), int(found["port"]))


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connects this process to a cluster, and at the end from it.

    Nothing is reported to Ray's makers, and a cluster of this machine has no dashboard and asks for a random token: its
    ports are open to the network, and whoever may use them may run any program.

    Args:
        address: As for `require_cluster`.

    Raises:
        UsageError: It is no address; or Ray is not installed.
        LiveCamError: No cluster answers there.
    """
    require_cluster(address)
    # Read when Ray is imported and connects; the processes that it starts inherit them.
    variables = {"RAY_USAGE_STATS_ENABLED": "0"}
    if address == LOCAL:
        variables |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with _environment(variables):
        import ray

        # It has no option against writing there of each worker that was lost, which may be in the midst of our JSON.
        vars(ray._private.worker)["print_to_stdstream"] = lambda *_, **__: None
        try:
            if address == LOCAL:
                ray.init("local", include_dashboard=False, object_store_memory=_STORE_BYTES, **_QUIET)
            else:
                ray.init(address, **_QUIET)
        except Exception as error:
            reason = " ".join(str(error).split())
            failed = "Ray can't be started here" if address == LOCAL else f"no Ray cluster answers at {address}"
            raise LiveCamError(f"{failed} ({reason:.200}); see `ray status` there") from error
        try:
            yield
        finally:
            ray.shutdown()


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables, and sets them back."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _require_listener(host: str, port: int) -> None:
    """Raises `LiveCamError` if nothing listens."""
    try:
        socket.create_connection((host, port), _CONNECT_LIMIT_S).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LiveCamError(f"no Ray cluster answers at {host}:{port} ({reason}); see `ray status` there") from error
