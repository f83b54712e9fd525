"""The step as a graph, independent of the runtime that compiles it."""

import gc

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("num_targets", [0, 1])
def test_traced_function_keeps_the_variables_of_its_graph(make_graph, num_targets):
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    function = make_graph().concrete(1, num_targets)
    gc.collect()
    frozen = convert_variables_to_constants_v2(function)
    assert [output.shape[-1] for output in frozen.outputs][-1] == 1000
