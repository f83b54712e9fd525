"""Classifiers in the files that OpenVINO reads: ONNX, OpenVINO's own and TFLite. None of them knows gradients."""

import sys

# OpenVINO reports its import to its makers unless this module is missing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
