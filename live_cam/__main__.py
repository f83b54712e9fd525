"""`python -m live_cam` is `live-cam`."""

from live_cam.cli import run

run()
