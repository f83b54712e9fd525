import threading

import pytest


@pytest.fixture(autouse=True)
def no_thread_outlasts_its_test():
    yield
    for thread in threading.enumerate():
        if thread.name in ("capture", "worker"):
            thread.join(10.0)
            assert not thread.is_alive(), f"the thread {thread.name} outlasts the test"
