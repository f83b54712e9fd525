"""The wheel, installed without the repository, and without TensorFlow, as in the container."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import httpx
import pytest
from uv import find_uv_bin

from live_cam.explain.runtime.int8.backend import float32_step
from live_cam.models.open import ModelOptions, open_model
from live_cam.models.weights.find import silent
from live_cam.tensorflow_package import record_converters
from tests.processes import LiveCam

PROJECT = Path(__file__).parents[1]
NEEDED = "there is no TensorFlow here"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([find_uv_bin(), "build", "--quiet", "--wheel", "--out-dir", folder, PROJECT], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def program(wheel, tmp_path_factory) -> Path:
    """`live-cam` from the wheel, with all other packages of this environment but TensorFlow and Keras."""
    folder = tmp_path_factory.mktemp("installed")
    venv, packages = folder / "venv", folder / "packages"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    install = [find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--python", venv / "bin" / "python", wheel]
    subprocess.run(install, check=True)
    packages.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(("tensorflow", "keras", "live_cam", "_live_cam")):
            (packages / path.name).symlink_to(path)
    (own,) = venv.glob("lib/python3.*/site-packages")
    (own / "packages.pth").write_text(f"{packages}\n")
    return venv / "bin" / "live-cam"


@pytest.fixture
def cache(weights, tmp_path, monkeypatch) -> Path:
    """The cache of a container: the weights, and what was converted when it was built."""
    step = float32_step(open_model(None, ModelOptions(), silent))
    step.prepare(1, 1)
    converted = step.find_converted(1, 1).parent
    folder = tmp_path / "live_cam"
    folder.mkdir()
    for path in (converted, weights.path):
        (folder / path.name).symlink_to(path)
    record_converters(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return folder


def test_it_holds_every_file_of_the_package(wheel):
    listed = subprocess.run(["git", "ls-files", "live_cam"], cwd=PROJECT, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(wheel) as packed:
        assert set(packed.namelist()) >= set(listed.stdout.split())


def test_without_tensorflow_two_sources_are_explained_with_what_was_converted_before(program, cache):
    live_cam = LiveCam("demo", "demo", program=[program])
    try:
        page = httpx.get(live_cam.url).text
        scripts = re.findall(r'(?:src|href)="(/?[^":]+\.(?:js|css))"', page)
        assert scripts
        assert [path for path in scripts if httpx.get(f"{live_cam.url}{path.lstrip('/')}").status_code != 200] == []
        assert shown(live_cam)["layer"] == "conv5_block3_out"
        httpx.patch(f"{live_cam.url}settings", json={"layer": "conv3_block4_out"}).raise_for_status()
        after = shown(live_cam)
        while NEEDED not in after["preparing"]:
            after = shown(live_cam, after["seq"])
        assert after["layer"] == "conv5_block3_out"
        assert after["state"] == "live"
    finally:
        live_cam.stop()


@pytest.mark.parametrize(
    "words", [("layers",), ("explain", "{lion}", "-o", "{new}", "--model", "mobilenet_v2")], ids=lambda words: words[0]
)
def test_without_tensorflow_what_needs_it_is_one_line(program, cache, gradio_media, words):
    words = [word.format(lion=gradio_media / "images" / "lion.jpg", new=cache / "new.png") for word in words]
    ended = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    (line,) = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout, line.startswith(f"live-cam: {NEEDED}")) == (1, "", True), line


def test_without_tensorflow_doctor_says_so_and_misses_nothing(program):
    code = 'from live_cam.cli.doctor import _package; print(_package("tensorflow", "tensorflow"))'
    printed = subprocess.check_output([program.parent / "python", "-c", code], text=True, cwd=program.parent)
    assert printed.startswith("Check(ok=False, needed=False, text='" + NEEDED)


def shown(live_cam, seq=-1):
    """Returns the data of the first overlay after that number."""
    return json.loads(httpx.get(f"{live_cam.url}frame.jpg?after={seq}").headers["X-Live-Cam"])
