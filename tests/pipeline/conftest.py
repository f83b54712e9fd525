import threading

import pytest


def _belongs_to_session(thread):
    return thread.name in ("capture", "worker") or thread.name.startswith("reader of ")


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test():
    yield
    for thread in threading.enumerate():
        if _belongs_to_session(thread):
            thread.join(30.0)
            assert not thread.is_alive(), f"the thread {thread.name} outlives the test"
