import pytest

from live_cam.errors import LiveCamError, UnknownLabelError, UsageError
from live_cam.explain.labels import find_label, imagenet_labels


def test_there_are_1000_labels_and_no_two_can_be_mistaken_for_each_other():
    labels = imagenet_labels()
    assert len(labels) == 1000
    assert len({label.casefold() for label in labels}) == 1000
    assert all(label and label == label.strip() for label in labels)


@pytest.mark.parametrize(
    ("index", "label"),
    [
        (0, "tench"),
        (285, "Egyptian cat"),
        (291, "lion"),
        (293, "cheetah"),
        (549, "envelope"),
        (916, "web site"),
        (967, "espresso"),
        (999, "toilet tissue"),
    ],
)
def test_labels_stand_in_the_order_of_the_logits(index, label):
    assert imagenet_labels()[index] == label


def test_every_label_is_found_by_its_own_name():
    assert [find_label(label) for label in imagenet_labels()] == list(range(1000))


@pytest.mark.parametrize("text", ["Egyptian cat", "egyptian cat", "EGYPTIAN_CAT", "  Egyptian_cat\n", "285", " 285 "])
def test_a_label_is_found_however_it_is_typed(text):
    assert find_label(text) == 285


@pytest.mark.parametrize(
    ("text", "near"), [("cheeta", "cheetah"), ("egyptain cat", "Egyptian cat"), ("expresso", "espresso")]
)
def test_a_slip_of_the_finger_is_answered_with_the_name_meant(text, near):
    with pytest.raises(UnknownLabelError, match=f"{text}.*did you mean .*'{near}'"):
        find_label(text)


@pytest.mark.parametrize("text", ["", "   ", "1000", "-1", "2.5", "²", "٣", "qqqqqqqq", "x" * 10_000])
def test_what_names_no_class_is_a_usage_error_that_ends_with_status_2(text):
    with pytest.raises(UsageError) as caught:
        find_label(text)
    assert caught.value.exit_status == 2
    assert isinstance(caught.value, LiveCamError)
    assert isinstance(caught.value, ValueError)
    # A LookupError's text is shown in quotes, as its repr.
    assert not isinstance(caught.value, LookupError)
    assert "\n" not in str(caught.value)


def test_a_name_that_several_classes_share_is_answered_with_all_of_them():
    with pytest.raises(UnknownLabelError, match=r"'crane \(bird\)'") as caught:
        find_label("crane")
    assert "'crane (machine)'" in str(caught.value)
