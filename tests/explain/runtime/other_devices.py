"""Runs as the process that measures a device, on a machine with more of them: one is faster, one lies, one crashes."""

import os

import numpy as np

from live_cam.child_task import serve_task
from live_cam.explain.runtime.device_process import _measure


def measure(request):
    path, device, precision = request
    if device == "GPU.1":
        os.abort()
    if device == "NPU" and precision == "auto":
        precision = "float32"
    found = _measure((path, "CPU", precision))
    speed = {"CPU": 1, "GPU.0": 4, "NPU": 9}[device]
    if device == "NPU":
        found["maps"] = [np.roll(values, 1, axis=0).tolist() for values in found["maps"]]
    return {**found, "step_ms": found["step_ms"] / speed}


if __name__ == "__main__":
    serve_task(measure)
