import json
import subprocess
import sys

import pytest

_HEAVY = {"tensorflow", "keras", "gradio"}
_SLOW = _HEAVY | {"openvino", "fastapi", "starlette", "uvicorn", "cv2", "av", "PIL", "numpy", "httpx", "rich", "segno"}


def _run(statement):
    return _output_of(statement).split()


def _output_of(statement):
    done = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("statement", ["import live_cam", "from live_cam.cli.app import app"])
def test_importing_the_package_or_its_command_line_loads_neither_network_nor_page(statement):
    assert _run(f"{statement}; import sys; print(*({_HEAVY!r} & sys.modules.keys()))") == []


_MISSING_VIDEO = "annotate missing.mp4 -o new.mp4"
_WORDS = [
    "--version",
    "--help",
    "serve --help",
    "annotate --help",
    "wrongcommand",
    "exlpain missing.jpg",
    "explain missing.jpg --layer conv5",
    "explain photo.jpg --method gradCAM",
    "ftp://camera.example",
    "serve --wrong",
    "serve demo --size 3",
    "demo browser",
    "demo --kiosk --record new.mp4",
    "annotate --wrong",
    "annotate missing*.mp4 -o new.mp4",
    "explain missing.jpg",
    "explain missing.jpg --target nosuchclass",
    "check model.keras missing.jpg",
]


def test_help_and_a_wrong_word_load_neither_networks_nor_what_opens_cameras_and_files():
    # Each run is a fork of one process, which saves its start.
    printed = _output_of(f"""
import json, os, sys
from live_cam import __main__
from live_cam.cli import app
end = os._exit
for words in {[*_WORDS, _MISSING_VIDEO]!r}:
    if os.fork():
        os.wait()
        continue
    descriptor = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    def report(status):
        os.write(descriptor, json.dumps([words, *({_SLOW!r} & sys.modules.keys())]).encode() + b"\\n")
        end(0)
    os._exit = report
    sys.argv = ["live-cam", *words.split()]
    __main__.main()
""")
    loaded = {words: set(modules) for words, *modules in map(json.loads, printed.splitlines())}
    for_a_missing_video = loaded.pop(_MISSING_VIDEO)
    assert loaded == {words: set() for words in _WORDS}
    assert not for_a_missing_video & (_HEAVY | {"openvino", "cv2"})


def test_importing_the_package_takes_so_little_that_ctrl_c_is_handled_early():
    statement = "import sys; before = set(sys.modules); import live_cam; print(*(set(sys.modules) - before))"
    assert set(_run(statement)) <= {"live_cam", "__future__"}


def test_what_the_package_offers_is_imported_when_needed():
    statement = "import live_cam; print(live_cam.Frame.__name__, live_cam.Target.__name__, live_cam.__version__)"
    assert _run(statement)[:2] == ["Frame", "Target"]


def test_metrics_are_offered_without_loading_the_network():
    statement = "import live_cam, sys; print(live_cam.metrics.road.__name__, *({!r} & sys.modules.keys()))"
    assert _run(statement.format(_HEAVY | {"openvino"})) == ["road"]


def test_the_explainer_can_be_imported_from_the_package_without_loading_the_network():
    statement = "import live_cam, sys; print(live_cam.Explainer.__name__, 'tensorflow' in sys.modules)"
    assert _run(statement) == ["Explainer", "False"]


def test_the_server_and_the_first_page_are_imported_without_gradio():
    assert _run("import live_cam.web.server, live_cam.web.app, sys; print('gradio' in sys.modules)") == ["False"]


def test_the_warning_that_fastapi_ignores_in_one_thread_is_ignored_in_all():
    imports = "import live_cam.web.app, typing, warnings; from pydantic import Field, TypeAdapter"
    field = "TypeAdapter(typing.Annotated[int, Field(alias='visitor')])"
    assert _run(f"{imports}; warnings.simplefilter('error', append=True); {field}") == []


def test_gradio_reads_and_writes_no_type_stubs():
    statement = """
import sys
from live_cam.web.ui.gradio_import import without_stubs
opened = []
sys.addaudithook(lambda event, arguments: event == "open" and opened.append(str(arguments[0])))
with without_stubs():
    import gradio
print(gradio.Button.__name__, any("gradio" in name for name in opened), [name for name in opened if ".pyi" in name])
"""
    assert _run(statement) == ["Button", "True", "[]"]
