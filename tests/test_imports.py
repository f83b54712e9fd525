import subprocess
import sys

import pytest

_HEAVY = {"tensorflow", "keras", "gradio"}


def _run(statement):
    done = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("statement", ["import live_cam", "from live_cam.cli.app import app"])
def test_importing_the_package_or_its_command_line_loads_neither_network_nor_page(statement):
    assert _run(f"{statement}; import sys; print(*({_HEAVY!r} & sys.modules.keys()))") == []


def test_importing_the_package_takes_so_little_that_ctrl_c_is_handled_early():
    statement = "import live_cam, sys; print(*({'numpy', 'importlib.metadata', 'typer'} & sys.modules.keys()))"
    assert _run(statement) == []


def test_what_the_package_offers_is_imported_when_needed():
    statement = "import live_cam; print(live_cam.Frame.__name__, live_cam.Target.__name__, live_cam.__version__)"
    assert _run(statement)[:2] == ["Frame", "Target"]


def test_metrics_are_offered_without_loading_the_network():
    statement = "import live_cam, sys; print(live_cam.metrics.road.__name__, *({!r} & sys.modules.keys()))"
    assert _run(statement.format(_HEAVY | {"openvino"})) == ["road"]


def test_the_explainer_can_be_imported_from_the_package_without_loading_the_network():
    statement = "import live_cam, sys; print(live_cam.Explainer.__name__, 'tensorflow' in sys.modules)"
    assert _run(statement) == ["Explainer", "False"]
