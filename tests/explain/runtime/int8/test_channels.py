"""Scaling channels changes no result."""

import numpy as np
import openvino as ov
import pytest
from openvino import opset14 as ops

from live_cam.explain.runtime.int8.channels import ChannelGroups

pytestmark = pytest.mark.slow


def test_a_network_whose_channels_are_scaled_computes_the_same(read_step, run, pictures):
    expected = run(read_step(), pictures[:4])
    model = read_step()
    groups = ChannelGroups(model)
    rng = np.random.default_rng(0)
    names = {groups.written_by(each): each.kernel.shape[0] for each in groups.convolutions}
    kernels = {each.key for each in groups.convolutions}
    groups.scale(model, {name: np.exp2(rng.uniform(-3, 3, size)).astype(np.float32) for name, size in names.items()})
    assert not kernels & {each.key for each in ChannelGroups(model).convolutions}  # all of them were scaled
    for one, other in zip(run(model, pictures[:4]), expected, strict=True):
        assert np.abs(one - other).max() < 1e-4 * np.abs(other).max()


def test_residual_streams_are_groups_and_branches_have_their_own(read_step):
    groups = ChannelGroups(read_step())
    assert len(groups.convolutions) == 1 + 4 * 4 + 3
    written = [groups.written_by(each) for each in groups.convolutions]
    # conv1; two in each of five blocks; a stream in each of the four stages, which two blocks of stage 5 share.
    assert len(set(written)) == 1 + 2 * 5 + 4
    assert None not in written
    assert groups.read_by(groups.convolutions[0]) is None


def test_what_passes_a_sigmoid_is_not_scaled():
    pixels = ops.parameter([1, 4, 4, 3], np.uint8)
    features = ops.transpose(ops.convert(pixels, "f32"), ops.constant([0, 3, 1, 2]))
    kernels = [np.ones((3, 3, 1, 1), np.float32) * i for i in (1, 2)]

    def convolve(values, kernel):
        return ops.convolution(values, ops.constant(kernel), [1, 1], [0, 0], [0, 0], [1, 1])

    gated = convolve(ops.sigmoid(convolve(features, kernels[0])), kernels[1])
    activation = ops.relu(gated)
    groups = ChannelGroups(ov.Model([ops.transpose(activation, ops.constant([0, 2, 3, 1]))], [pixels], "gated"))
    first, second = groups.convolutions
    assert groups.written_by(first) is None
    assert groups.read_by(second) is None
    assert groups.written_by(second) is not None
