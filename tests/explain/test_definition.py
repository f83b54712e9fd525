"""The step as a graph, apart from who compiles it."""

import gc

import pytest


@pytest.mark.parametrize("targets_k", [0, 1])
def test_a_traced_function_needs_nobody_to_keep_its_definition(define, targets_k):
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    look = define().concrete(1, targets_k)
    gc.collect()
    frozen = convert_variables_to_constants_v2(look)
    assert [output.shape[-1] for output in frozen.outputs][-1] == 1000
