import subprocess
import sys

import pytest

_HEAVY = {"tensorflow", "keras", "gradio"}


@pytest.mark.parametrize("statement", ["import live_cam", "from live_cam.cli import app"])
def test_importing_the_package_or_its_command_line_loads_neither_network_nor_page(statement):
    told = subprocess.run(
        [sys.executable, "-c", f"{statement}; import sys; print(*({_HEAVY!r} & sys.modules.keys()))"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.split() == []


def test_the_explainer_is_reachable_from_the_package_without_loading_the_network():
    told = subprocess.run(
        [sys.executable, "-c", "import live_cam, sys; print(live_cam.Explainer.__name__, 'tensorflow' in sys.modules)"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.stdout.split() == ["Explainer", "False"], told.stderr
