"""The Space for Hugging Face, started as it is there: `python app.py` beside the package, behind a proxy."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.processes import LiveCam, free_port

PROJECT = Path(__file__).parents[2]
NAME = "somebody-live-cam.space.example"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def space(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("space") / "new"
    environment = {**os.environ, "LIVE_CAM_VENV": sys.prefix}
    subprocess.run([PROJECT / "scripts" / "space", folder], check=True, env=environment)
    return folder


def test_it_requires_the_versions_that_the_tests_run_with(space):
    constraints = (PROJECT / "constraints.txt").read_text("utf-8").casefold().replace("_", "-").splitlines()
    required = (space / "requirements.txt").read_text("utf-8").splitlines()
    assert {line.partition("==")[0] for line in required} >= {"gradio", "openvino", "tensorflow", "typer"}
    assert {line.partition("==")[0] for line in set(required) - set(constraints)} <= {"setuptools", "wheel"}
    (gradio,) = re.findall(r"^sdk_version: (.*)$", (space / "README.md").read_text("utf-8"), re.MULTILINE)
    assert f"gradio=={gradio}" in required


def test_a_visitor_is_let_in_and_explained(space, weights, gradio_media, monkeypatch):
    port = free_port()
    monkeypatch.setenv("SPACE_HOST", NAME)
    monkeypatch.setenv("GRADIO_SERVER_PORT", str(port))
    live_cam = LiveCam(port=port, explains=False, program=[sys.executable, space / "app.py"])
    try:
        with httpx.Client(base_url=live_cam.url, headers={"Host": NAME}, timeout=60) as visitor:
            page = visitor.get("/")
            assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert "frame-ancestors *" in page.headers["content-security-policy"]
            lion = (gradio_media / "images" / "lion.jpg").read_bytes()
            while (shown := visitor.post("visit?visitor=anna", content=lion)).status_code == 204:
                pass  # the step took longer than a visitor is kept waiting
            assert json.loads(shown.headers["X-Live-Cam"])["top"][0]["label"] == "lion"
    finally:
        live_cam.stop()
