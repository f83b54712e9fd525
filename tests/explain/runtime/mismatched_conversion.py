"""Runs as a conversion whose weights do not fit, but knows so without TensorFlow."""

from pathlib import Path

from live_cam.child_task import serve_task
from live_cam.errors import WeightsError


def refuse(arguments):
    raise WeightsError(f"{Path(arguments[0]['network']['path']).name} does not match ResNet50")


if __name__ == "__main__":
    serve_task(refuse)
