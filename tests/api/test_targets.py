"""Classes that a program names."""

import numpy as np
import pytest

from live_cam.api.targets import resolve_target
from live_cam.errors import UnknownLabelError, UsageError
from live_cam.models.labels import imagenet_labels
from live_cam.types import Target

LABELS = imagenet_labels()


@pytest.mark.parametrize(
    ("target", "contrast", "expected"),
    [
        (None, None, Target()),
        (291, None, Target(291)),
        (0, 999, Target(0, 999)),
        (np.int64(291), np.uint8(3), Target(291, 3)),
        ("lion", "TIGER", Target(291, 292)),
        ("291", None, Target(291)),
        (None, "tiger", Target(None, 292)),
        (Target(291), "tiger", Target(291, 292)),
        (Target(291, 292), None, Target(291, 292)),
        (Target(counterfactual=True), None, Target(counterfactual=True)),
        (Target("lion", "tiger"), None, Target(291, 292)),  # type: ignore[arg-type]
    ],
)
def test_a_class_is_named_by_number_label_or_target(target, contrast, expected):
    resolved = resolve_target(target, contrast, LABELS, "gradcam")
    assert resolved == expected
    assert type(resolved.index) in (int, type(None))


@pytest.mark.parametrize("given", [-1, 1000, np.int64(-1), 10**30, "lino", "-1", "", Target(-1)])
def test_a_class_that_does_not_exist_is_an_error(given):
    with pytest.raises(UnknownLabelError):
        resolve_target(given, None, LABELS, "gradcam")
    with pytest.raises(UsageError):
        resolve_target(None, given, LABELS, "gradcam")


@pytest.mark.parametrize("given", [True, np.True_, 291.0, b"lion", ["lion"], [291], np.array([291]), Target(True)])
def test_what_is_no_class_is_an_error(given):
    with pytest.raises(UsageError, match="by its label or its number") as caught:
        resolve_target(given, None, LABELS, "gradcam")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "contrast", "method", "message"),
    [
        ("lion", 291, "gradcam", "the same class, 'lion'"),
        (Target(291, 292), "tiger", "gradcam", "contrast class already"),
        (Target(counterfactual=True), "tiger", "gradcam", "counterfactual"),
        ("lion", None, "eigencam", "eigencam is classless"),
    ],
)
def test_targets_that_contradict_themselves_are_errors(target, contrast, method, message):
    with pytest.raises(UsageError, match=message):
        resolve_target(target, contrast, LABELS, method)
