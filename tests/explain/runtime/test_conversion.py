"""Writing a converted model."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def test_model_that_cannot_be_written_raises_an_os_error(tmp_path):
    from openvino import Model, Type
    from openvino import opset14 as ops

    from live_cam.explain.runtime.conversion import save

    parameter = ops.parameter([1], Type.f32)
    model = Model([ops.add(parameter, ops.constant(np.ones(1, np.float32)))], [parameter])
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="step"):
        save(model, tmp_path / "file" / "step.xml")
