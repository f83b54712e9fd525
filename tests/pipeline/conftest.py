import threading

import pytest

from tests.cli.conftest import live_cam

__all__ = ["live_cam"]


def _belongs_to_session(thread):
    return thread.name in ("capture", "worker") or thread.name.startswith("reader of ")


@pytest.fixture(autouse=True)
def session_threads():
    """Returns the threads of the test's sessions: `session_threads()`; none may outlive the test.

    Those of sites that tests of `web` share in the same process are not among them.
    """
    before = set(threading.enumerate())

    def threads():
        return [thread for thread in set(threading.enumerate()) - before if _belongs_to_session(thread)]

    yield threads
    for thread in threads():
        thread.join(30.0)
        assert not thread.is_alive(), f"the thread {thread.name} outlives the test"
