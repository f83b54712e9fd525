import pytest

from live_cam.errors import UsageError
from live_cam.teach.labels import check_label


def test_a_name_loses_the_spaces_around_it():
    assert check_label("  my mug ", ["hand"]) == "my mug"
    assert check_label("Käse 🧀", []) == "Käse 🧀"


@pytest.mark.parametrize(
    "label", ["", "  ", "a" * 41, "a/b", "..", ".hidden", "a.", "C:", "a\nb", "<b>", "a\x1bb", 'a"b']
)
def test_what_could_be_no_folder_is_refused_in_one_line(label):
    with pytest.raises(UsageError, match="is no name for a class") as refused:
        check_label(label, [])
    assert "\n" not in str(refused.value)


def test_two_classes_have_two_names():
    with pytest.raises(UsageError, match="'mug' already"):
        check_label("Mug", ["mug"])
