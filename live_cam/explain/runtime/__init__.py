"""The compiled step on TensorFlow or OpenVINO. Each of the heavy libraries is imported only if it is selected."""

import sys

# OpenVINO reports its import to its makers unless this module is missing. Set here, before any module of this package
# can import OpenVINO, in subprocesses too.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
