"""Ranges that are put into the graph of a step."""

import numpy as np
import openvino as ov
import pytest

from live_cam.errors import ModelError
from live_cam.explain.runtime.conversion_process import ConversionRequest, convert_in_subprocess
from live_cam.explain.runtime.int8.calibrate import measure_ranges
from live_cam.explain.runtime.int8.quantise import quantise
from live_cam.explain.runtime.int8.table import RangeTable
from live_cam.models.network_file import NetworkFile

pytestmark = pytest.mark.slow

KEPT_N = 1


@pytest.fixture(scope="module")
def table(converted, pictures):
    convolutions, scales = measure_ranges(ov.Core().read_model(converted), pictures[::2], KEPT_N)
    return RangeTable("digest", "layer", {}, convolutions, scales, "photographs", {})


@pytest.fixture
def quantised(read_step, table):
    model = read_step()
    quantise(model, table)
    return model


def test_activations_are_close_to_float32_on_other_pictures(quantised, read_step, run, pictures):
    activations, expected = run(quantised, pictures[1::2])[0], run(read_step(), pictures[1::2])[0]
    assert not np.allclose(activations, expected, rtol=1e-4)  # it did compute in less than float32
    for one, other in zip(activations, expected, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95


def test_the_head_reads_the_very_activation_that_is_returned(quantised, run, pictures, small_network):
    kernel, bias = small_network.get_layer("predictions").get_weights()
    activations, _, logits = run(quantised, pictures[:6])
    assert np.abs(activations.mean(axis=(1, 2)) @ kernel + bias - logits).max() < 1e-3


def test_kernels_are_stored_as_int8(converted, quantised, table, tmp_path):
    table.write(tmp_path / "table.npz")
    # From what is converted already, without the network.
    request = ConversionRequest(NetworkFile("none.npz"), (), "logit", 1, 1, str(tmp_path / "table.npz"), str(converted))
    convert_in_subprocess(request, tmp_path / "int8.xml")
    stored = ov.Core().read_model(tmp_path / "int8.xml")
    for model in (quantised, stored):
        constants = [node for node in model.get_ordered_ops() if node.get_type_name() == "Constant"]
        kernels = [node for node in constants if len(node.shape) == 4 and node.get_element_type() == ov.Type.i8]
        assert len(kernels) == len(table.convolutions) == 20 - KEPT_N


def test_both_sides_of_residual_sums_are_quantised(quantised):
    sums = [
        node
        for node in quantised.get_ordered_ops()
        if node.get_type_name() == "Add"
        and {each.get_node().get_type_name() for each in node.input_values()} == {"FakeQuantize"}
    ]
    assert len(sums) == 5


def test_the_table_of_another_network_is_an_error(read_step, table):
    other = {f"{key[:-1]}x": ranges for key, ranges in table.convolutions.items()}
    with pytest.raises(ModelError, match="that of another network"):
        quantise(read_step(), RangeTable("digest", "layer", {}, other, table.scales, "photographs", {}))
    with pytest.raises(ModelError, match="that of another network"):
        quantise(read_step(), RangeTable("digest", "layer", {}, table.convolutions, {}, "photographs", {}))


def test_zero_is_a_step_of_every_range(table):
    for low, high in (limits for each in table.convolutions.values() for limits in (each.read, each.written) if limits):
        steps = low / ((high - low) / 255)
        assert low <= 0 < high
        assert steps == pytest.approx(round(steps), abs=1e-3)
