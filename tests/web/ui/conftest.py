from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    """Lets one process run all of these, one after the other: a browser and what it caches, and a core to run it on."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("browser"))
