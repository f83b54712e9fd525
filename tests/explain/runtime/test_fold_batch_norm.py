"""The network with its batch norms folded, against the network as it was."""

import functools
import hashlib

import numpy as np
import pytest

from tests.networks import SMALL_LOWER_LAYER

pytestmark = pytest.mark.slow

KEPT = ("conv1_conv", "conv4_block1_2_conv", "conv5_block2_3_conv")


def relative_error(found, expected) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def digest(network) -> str:
    return hashlib.sha256(b"".join(variable.numpy().tobytes() for variable in network.variables)).hexdigest()


def batch_norms(network):
    import keras

    return [layer.name for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]


def convolutions_before_batch_norms(network):
    return {name.removesuffix("_bn") + "_conv" for name in batch_norms(network)}


@pytest.fixture(scope="module")
def fold():
    from live_cam.explain.runtime.fold_batch_norm import fold_batch_norm

    return fold_batch_norm


@pytest.fixture(scope="module")
def fold_small(fold, small_network):
    """`fold_small(kept)`: the small network, folded in float32. Must not be changed."""
    return functools.cache(lambda kept: fold(small_network, kept, "float32"))


@pytest.fixture(scope="module")
def outputs(inputs, caffe_preprocess):
    """Runs a network on photographs: `outputs(network, names)` returns the outputs of these layers and of the head."""
    import keras

    def run(network, names=(), labels=("lion", "espresso")):
        names = [*names, network.layers[-1].name]
        model = keras.Model(network.input, [network.get_layer(name).output for name in names])
        results = model(caffe_preprocess([inputs[label] for label in labels]), training=False)
        return {name: output.numpy() for name, output in zip(names, results, strict=True)}

    return run


@pytest.fixture(scope="module")
def before(small_network, outputs):
    """The outputs of all layers before folding."""
    from live_cam.models.network import Network

    return outputs(small_network, tuple(Network(small_network).activations))


@pytest.mark.parametrize("kept", [(), KEPT])
def test_no_batch_norm_remains(fold_small, small_network, kept):
    assert len(batch_norms(small_network)) == 20
    folded = fold_small(kept)
    assert batch_norms(folded) == []
    assert [layer.name for layer in folded.layers[1:]] == [layer.name for layer in small_network.layers[1:]]


def test_folding_changes_no_output(fold_small, small_network, outputs, before):
    folded = convolutions_before_batch_norms(small_network)
    names = [name for name in before if name not in {*folded, "predictions"}]
    after = outputs(fold_small(()), names)
    assert len(folded) == 20
    for name, found in after.items():
        assert relative_error(found, before[name]) < 1e-4, name


def test_folded_convolution_outputs_what_its_batch_norm_did(fold_small, outputs):
    after = outputs(fold_small(()), ("conv3_block1_1_conv", "conv3_block1_1_bn"))
    np.testing.assert_array_equal(after["conv3_block1_1_conv"], after["conv3_block1_1_bn"])


def test_kept_convolution_outputs_what_it_did(fold_small, outputs, before):
    norms = [name.removesuffix("_conv") + "_bn" for name in KEPT]
    after = outputs(fold_small(KEPT), (*KEPT, *norms))
    for name, found in after.items():
        assert relative_error(found, before[name]) < 1e-4, name
    # Not by chance: the outputs of the convolution and of its batch norm differ.
    for convolution, norm in zip(KEPT, norms, strict=True):
        assert relative_error(after[convolution], after[norm]) > 0.1


@pytest.mark.parametrize("kept", [(), ("convolution",)])
def test_bias_before_a_batch_norm_is_folded(fold, kept):
    import keras

    rng = np.random.default_rng(0)
    images = keras.Input((8, 8, 3))
    features = keras.layers.Conv2D(4, 3, padding="same", name="convolution")(images)
    network = keras.Model(images, keras.layers.ReLU()(keras.layers.BatchNormalization()(features)))
    for variable in network.variables:
        variable.assign(rng.uniform(0.5, 2.0, variable.shape))
    samples = rng.standard_normal((1, 8, 8, 3)).astype(np.float32)
    expected = network(samples, training=False).numpy()
    assert 0.0 < (expected > 0.0).mean() < 1.0
    assert relative_error(fold(network, kept, "float32")(samples, training=False).numpy(), expected) < 1e-5


def test_every_convolution_can_be_kept(fold, small_network, outputs, before):
    names = [name for name in before if name != "predictions"]
    after = outputs(fold(small_network, names, "float32"), names)
    for name, found in after.items():
        assert relative_error(found, before[name]) < 1e-4, name


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_head_stays_in_float32(fold, small_network, precision):
    folded = fold(small_network, ("conv1_conv",), precision)
    assert {layer.compute_dtype for layer in folded.layers[1:-2]} == {precision}
    assert [layer.name for layer in folded.layers[-2:]] == ["avg_pool", "predictions"]
    assert {layer.compute_dtype for layer in folded.layers[-2:]} == {"float32"}
    assert {variable.dtype for variable in folded.variables} == {"float32"}
    assert folded.output.dtype == "float32"


@pytest.fixture(scope="module")
def explain(make_graph, inputs):
    """Runs a graph without freezing it, since on a GPU it never is: `explain(label, index, method, layer, ...)`."""
    import tensorflow as tf

    from live_cam.explain.saliency.methods import saliency_maps

    def run(label, index, method, layer, **options):
        target = np.zeros((1, 1, 1000), np.float32)
        target[..., index] = 1.0
        function = make_graph(layer, **options).concrete(1, 1)
        outputs = function(tf.constant(inputs[label][np.newaxis]), tf.constant(target))
        activations, gradients, logits = (each.numpy() for each in outputs)
        return saliency_maps(method, [activations], [gradients]), logits

    return run


def test_float16_keeps_gradients_below_its_range(explain, before):
    # A class of a probability so small that without scaling its gradients vanish in float16.
    exponentials = np.exp(before["predictions"][0].astype(np.float64))
    index = int(np.argmin(np.abs(np.log(exponentials / exponentials.sum()) - np.log(1e-6))))
    in_float16, in_float32 = (
        explain("lion", index, "layercam", SMALL_LOWER_LAYER, score="probability", precision=precision)[0]
        for precision in ("float16", "float32")
    )
    assert 0.0 < in_float32.max() < 1e-4
    # 1 without scaling; processors that also add in float16 reach 0.14.
    assert relative_error(in_float16, in_float32) < 0.25


def test_folding_leaves_the_network_unchanged(fold, small_network):
    before, names = digest(small_network), batch_norms(small_network)
    folded = fold(small_network, KEPT, "bfloat16")
    for variable in folded.variables:
        variable.assign(variable * 0.0)
    assert digest(small_network) == before
    assert batch_norms(small_network) == names
    assert {layer.compute_dtype for layer in small_network.layers} == {"float32"}
