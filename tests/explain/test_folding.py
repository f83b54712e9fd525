"""The network with its batch norms folded away against the network as it was."""

import hashlib

import numpy as np
import pytest
from PIL import Image

MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32)
RESTAURANT = 762
KEPT = ("conv1_conv", "conv4_block3_2_conv", "conv5_block3_3_conv")


def relative_error(found, expected) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def correlation(a, b) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def digest(network) -> str:
    return hashlib.sha256(b"".join(variable.numpy().tobytes() for variable in network.variables)).hexdigest()


def batch_norms(network):
    import keras

    return [layer.name for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]


def convolutions_before_batch_norms(network):
    return {name.removesuffix("_bn") + "_conv" for name in batch_norms(network)}


@pytest.fixture(scope="module")
def small(photographs):
    return [
        np.asarray(Image.fromarray(photograph).resize((224, 224), Image.Resampling.BOX))
        for photograph in photographs.values()
    ]


@pytest.fixture(scope="module")
def prepared(small):
    return np.stack(small)[..., ::-1].astype(np.float32) - MEAN_BGR


@pytest.fixture(scope="module")
def outputs(prepared):
    """Runs a network on the photographs: `outputs(network, names)` gives what those layers and the head give."""
    import keras

    def run(network, names=()):
        names = [*names, network.layers[-1].name]
        model = keras.Model(network.input, [network.get_layer(name).output for name in names])
        return {name: output.numpy() for name, output in zip(names, model(prepared, training=False), strict=True)}

    return run


@pytest.fixture(scope="module")
def before(network, outputs):
    """What every layer gave before folding."""
    from live_cam.explain.network import activations

    return outputs(network, tuple(activations(network)))


def test_no_batch_norm_is_left(network):
    from live_cam.explain.folding import fold

    assert len(batch_norms(network)) == 53
    for kept in ((), KEPT):
        folded = fold(network, kept, "float32")
        assert batch_norms(folded) == []
        assert [layer.name for layer in folded.layers[1:]] == [layer.name for layer in network.layers[1:]]


def test_folding_changes_no_output(network, outputs, before):
    from live_cam.explain.folding import fold

    folded = convolutions_before_batch_norms(network)
    after = outputs(fold(network, (), "float32"), [name for name in before if name not in {*folded, "predictions"}])
    assert len(folded) == 53
    for name, found in after.items():
        assert relative_error(found, before[name]) < 1e-4, name
    np.testing.assert_array_equal(after["predictions"].argmax(axis=-1), before["predictions"].argmax(axis=-1))


def test_a_folded_convolution_gives_what_its_batch_norm_gives(network, outputs):
    from live_cam.explain.folding import fold

    after = outputs(fold(network, (), "float32"), ("conv3_block2_1_conv", "conv3_block2_1_bn"))
    np.testing.assert_array_equal(after["conv3_block2_1_conv"], after["conv3_block2_1_bn"])


def test_a_kept_convolution_gives_what_it_gave(network, outputs, before):
    from live_cam.explain.folding import fold

    norms = [name.removesuffix("_conv") + "_bn" for name in KEPT]
    after = outputs(fold(network, KEPT, "float32"), (*KEPT, *norms))
    for name, found in after.items():
        assert relative_error(found, before[name]) < 1e-4, name
    # Not by chance: what it gives and what its batch norm gives differ.
    for convolution, norm in zip(KEPT, norms, strict=True):
        assert relative_error(after[convolution], after[norm]) > 0.1


@pytest.mark.parametrize("kept", [(), ("convolution",)])
def test_a_bias_before_a_batch_norm_counts(kept):
    """In a network of one block, since those of the real weights are nearly all zero."""
    import keras

    from live_cam.explain.folding import fold

    rng = np.random.default_rng(0)
    picture = keras.Input((8, 8, 3))
    features = keras.layers.Conv2D(4, 3, padding="same", name="convolution")(picture)
    network = keras.Model(picture, keras.layers.ReLU()(keras.layers.BatchNormalization()(features)))
    for variable in network.variables:
        variable.assign(rng.uniform(0.5, 2.0, variable.shape))
    pictures = rng.standard_normal((1, 8, 8, 3)).astype(np.float32)
    expected = network(pictures, training=False).numpy()
    assert 0.0 < (expected > 0.0).mean() < 1.0
    assert relative_error(fold(network, kept, "float32")(pictures, training=False).numpy(), expected) < 1e-5


def test_every_convolution_can_be_kept(network, outputs, before):
    from live_cam.explain.folding import fold

    names = [name for name in before if name != "predictions"]
    after = outputs(fold(network, names, "float32"), names)
    for name, found in after.items():
        assert relative_error(found, before[name]) < 1e-4, name


@pytest.mark.parametrize(("precision", "dtype"), [("bfloat16", "bfloat16"), ("float16", "float16")])
def test_half_precision_ends_at_the_head(network, precision, dtype):
    from live_cam.explain.folding import fold

    folded = fold(network, ("conv1_conv",), precision)
    assert {layer.compute_dtype for layer in folded.layers[1:-2]} == {dtype}
    assert [layer.name for layer in folded.layers[-2:]] == ["avg_pool", "predictions"]
    assert {layer.compute_dtype for layer in folded.layers[-2:]} == {"float32"}
    assert {variable.dtype for variable in folded.variables} == {"float32"}
    assert folded.output.dtype == "float32"


@pytest.fixture(scope="module")
def assert_nearly_as_before(small, before, values):
    """Compares what `explain` gives for each photograph, maps and logits, with plain Keras in float32."""

    def compare(explain):
        for n, photograph in enumerate(small):
            maps, logits = explain(photograph[np.newaxis], np.zeros((1, 1, 1000), np.float32))
            likeliest = before["predictions"][n].argmax()
            assert logits.argmax() == likeliest
            # What the head makes of each place.
            by_place = before["conv5_block3_out"][n] @ values["predictions/kernel"][:, likeliest] / 49.0
            assert correlation(maps, np.maximum(by_place, 0.0)) > 0.99
            assert not np.allclose(maps, np.maximum(by_place, 0.0), rtol=1e-5)  # it did compute in less than float32

    return compare


def test_bfloat16_gives_the_same_label_and_nearly_the_same_map(make_step, assert_nearly_as_before):
    assert_nearly_as_before(make_step(precision="bfloat16"))


def test_float16_gives_the_same_label_and_nearly_the_same_map(define, assert_nearly_as_before):
    import tensorflow as tf

    from live_cam.explain.methods import saliency_maps

    look = define(precision="float16").concrete(1, 1)  # not frozen, since on a GPU it never is

    def explain(*inputs):
        activations, gradients, logits = (each.numpy() for each in look(*map(tf.constant, inputs)))
        return saliency_maps("gradcam", [activations], [gradients]), logits

    assert_nearly_as_before(explain)


def test_float16_keeps_gradients_too_small_for_it(define, photographs):
    """Of the espresso's photograph the network believes 0.00002 that it shows a restaurant."""
    import tensorflow as tf

    from live_cam.explain.methods import saliency_maps

    rgb = np.asarray(Image.fromarray(photographs["espresso"]).resize((224, 224), Image.Resampling.BOX))
    targets = np.zeros((1, 1, 1000), np.float32)
    targets[0, 0, RESTAURANT] = 1.0
    maps = []
    for precision in ("float16", "float32"):
        look = define("conv4_block6_out", score="probability", precision=precision).concrete(1, 1)
        activations, gradients, _ = (each.numpy() for each in look(tf.constant(rgb[np.newaxis]), tf.constant(targets)))
        maps.append(saliency_maps("layercam", [activations], [gradients]))
    in_float16, in_float32 = maps
    assert 0.0 < in_float32.max() < 1e-3
    assert relative_error(in_float16, in_float32) < 0.05


def test_folding_leaves_the_network_as_it_was(network, values):
    from live_cam.explain.folding import fold

    before, names = digest(network), batch_norms(network)
    folded = fold(network, KEPT, "bfloat16")
    for variable in folded.variables:
        variable.assign(variable * 0.0)
    assert digest(network) == before
    assert batch_norms(network) == names
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
    for variable in network.variables:
        np.testing.assert_array_equal(variable.numpy(), values[variable.path])
