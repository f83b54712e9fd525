"""Runs as a conversion whose weights do not fit, but knows so without TensorFlow."""

import json
import sys
from pathlib import Path

from live_cam.errors import WeightsError
from live_cam.explain.runtime import conversion_process


def refuse(request, _path):
    raise WeightsError(f"{Path(request.weights_path).name} does not match ResNet50")


if __name__ == "__main__":
    conversion_process._convert = refuse
    request = conversion_process.ConversionRequest(**json.loads(sys.argv[1]))
    conversion_process._main(request, Path(sys.argv[2]))
