"""Fuzzes the HTTP routes of a running live-cam with schemathesis, and fails if it logs a traceback or ends.

    pip install "schemathesis>=4,<5"
    python -m scripts.fuzz [--examples 200] [--seed 0]

The requests are derived from the parameters that the routes declare, valid and not, and go to a program with two
sources, with visitors, and as a kiosk. Left out is `/stream.mjpg`, which does not end.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi.openapi.utils import get_openapi

from live_cam.pipeline.recordings import RecordingOptions
from live_cam.pipeline.session import Session
from live_cam.web.api.analysis import analysis_routes
from live_cam.web.api.frames import frame_routes
from live_cam.web.api.recordings import recording_routes
from live_cam.web.api.settings import settings_routes
from tests.conftest import FakeExplainer
from tests.processes import LiveCam

MODES = {"viewers": ["demo", "demo"], "visitors": ["browser", "--visitors", "2"], "kiosk": ["demo", "--kiosk"]}
# What routes read themselves instead of declaring it.
BODIES = {("/settings", "patch"): "application/json", ("/visit", "post"): "image/jpeg"}


def openapi(recordings: Path) -> dict[str, Any]:
    """Returns the OpenAPI document of all modes' routes."""
    explainer: Any = FakeExplainer()  # type: ignore[no-untyped-call]
    session = Session([], explainer, 1, RecordingOptions(recordings))
    routers = [
        frame_routes(session),
        settings_routes(session, kiosk=False),
        analysis_routes(session),
        recording_routes(session),
    ]
    routes = [route for router in routers for route in router.routes]
    document = get_openapi(title="live_cam", version="1", routes=routes)
    del document["paths"]["/stream.mjpg"]
    for (path, method), media_type in BODIES.items():
        document["paths"][path][method]["requestBody"] = {"content": {media_type: {"schema": {}}}}
    return document


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=100, help="requests for each route and phase")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    schemathesis = shutil.which("schemathesis")
    if schemathesis is None:
        sys.exit('schemathesis is not on PATH; pip install "schemathesis>=4,<5"')
    command = [schemathesis, "run", "--max-examples", str(args.examples), "--seed", str(args.seed)]
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        document = Path(scratch, "openapi.json")
        document.write_text(json.dumps(openapi(Path(scratch))), "utf-8")
        for name, arguments in MODES.items():
            failed |= not withstands([*command, str(document)], name, [*arguments, "--recordings-dir", scratch])
    sys.exit(failed)


def withstands(command: Sequence[str], name: str, arguments: Sequence[str]) -> bool:
    """Sends requests to a live-cam with these arguments; whether it goes on, and has logged no traceback."""
    with tempfile.TemporaryFile("w+") as log:
        live_cam = LiveCam(*arguments, explains=False, stderr=log)
        try:
            # Its checks of statuses and schemas are not what this is about: 503 is right before the first frame.
            checks = ["--checks", "unsupported_method", "--continue-on-failure"]
            fuzzer = subprocess.run([*command, "--url", live_cam.url, *checks], stdout=subprocess.PIPE, text=True)
            lives = live_cam.stats() is not None
        finally:
            live_cam.kill()
        log.seek(0)
        logged = log.read()
    print(
        fuzzer.stdout, f"{name}: {logged.count('Traceback')} tracebacks; {'goes on' if lives else 'does not respond'}"
    )
    if "Traceback" in logged:
        print(logged)
    return lives and "Traceback" not in logged


if __name__ == "__main__":
    main()
