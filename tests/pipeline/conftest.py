import threading

import pytest


def _is_of_a_session(thread):
    return thread.name in ("capture", "worker") or thread.name.startswith("reader of ")


@pytest.fixture(autouse=True)
def no_thread_outlasts_its_test():
    yield
    for thread in threading.enumerate():
        if _is_of_a_session(thread):
            thread.join(10.0)
            assert not thread.is_alive(), f"the thread {thread.name} outlasts the test"
