import pytest


@pytest.mark.xdist_group("groups")
def test_tests_of_a_group_run_in_one_process(request):
    """Else each process would start a cluster of Ray: pytest 9.2 hides the groups from pytest-xdist 3.8."""
    is_grouped = getattr(request.config.option, "loadgroup", False)
    assert request.node.nodeid.endswith("@groups") == is_grouped
