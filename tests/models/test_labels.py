"""The class names, and finding a class by what a person types."""

from collections import defaultdict
from importlib import resources

import pytest

from live_cam.errors import LiveCamError, UnknownLabelError, UsageError
from live_cam.models.labels import find_label, fold_label, imagenet_labels, search_names


def test_there_are_1000_distinct_labels():
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
        (998, "ear of corn"),
        (999, "toilet paper"),
    ],
)
def test_labels_are_in_the_order_of_the_logits(index, label):
    assert imagenet_labels()[index] == label


def test_every_label_is_found_by_its_own_name():
    assert [find_label(label, imagenet_labels()) for label in imagenet_labels()] == list(range(1000))


@pytest.mark.parametrize("text", ["Egyptian cat", "egyptian cat", "EGYPTIAN_CAT", "  Egyptian_cat\n", "285", " 285 "])
def test_label_is_found_in_any_spelling(text):
    assert find_label(text, imagenet_labels()) == 285


@pytest.mark.parametrize(
    ("own", "name"),
    [("ear", "ear of corn"), ("EAR", "ear of corn"), ("beach_wagon", "station wagon"), ("ice bear", "polar bear")],
)
def test_a_renamed_class_is_found_by_the_name_that_imagenet_gave_it(own, name):
    labels = imagenet_labels()
    assert own not in labels
    assert labels[find_label(own, labels)] == name
    assert fold_label(own) == fold_label(name)


@pytest.mark.parametrize(
    ("word", "name"), [("king of beasts", "lion"), ("Puma", "cougar"), ("panthera_leo", "lion"), ("cock", "rooster")]
)
def test_a_class_is_found_by_each_word_of_its_synset(word, name):
    labels = imagenet_labels()
    assert labels[find_label(word, labels)] == name


def test_a_word_of_several_synsets_is_answered_with_all_of_them():
    with pytest.raises(UnknownLabelError, match="several classes are called 'catamount'; give 'cougar' or 'lynx'"):
        find_label("catamount", imagenet_labels())


def test_every_word_of_every_synset_finds_its_class_or_names_it():
    labels = imagenet_labels()
    words_of = resources.files("live_cam.models").joinpath("imagenet_synsets.txt").read_text("utf-8").splitlines()
    answers = defaultdict(str)
    for word in {word for words in words_of for word in words.split(", ")}:
        try:
            answers[word] = labels[find_label(word, labels)]
        except UnknownLabelError as error:
            answers[word] = str(error)
    for label, words in zip(labels, words_of, strict=True):
        for word in words.split(", "):  # of which one may be the label of another class
            assert label in answers[word] or fold_label(word) == fold_label(answers[word])


def test_the_page_searches_synonyms_of_imagenets_classes_alone():
    names = search_names(imagenet_labels())
    assert names[286] == "cougar – puma, catamount, mountain lion, painter, panther, Felis concolor"
    assert names[0] == "tench – Tinca tinca"
    assert names[849] == "teapot", "there is no other"
    assert search_names(["cougar", "puma"]) == ["cougar", "puma"]


def test_no_name_of_imagenets_leads_to_another_class():
    labels = imagenet_labels()
    assert [find_label(fold_label(label), labels) for label in labels] == list(range(1000))


def test_another_models_labels_are_left_as_they_are():
    assert find_label("EAR", ["ear of corn", "ear", "nose"]) == 1
    with pytest.raises(UnknownLabelError, match="did you mean 'nose'"):
        find_label("nosy", ["ear", "nose"])


@pytest.mark.parametrize(
    ("text", "near"), [("cheeta", "cheetah"), ("egyptain cat", "Egyptian cat"), ("expresso", "espresso")]
)
def test_misspelled_label_is_answered_with_a_suggestion(text, near):
    with pytest.raises(UnknownLabelError, match=f"{text}.*did you mean .*'{near}'"):
        find_label(text, imagenet_labels())


@pytest.mark.parametrize("text", ["", "   ", "1000", "-1", "2.5", "²", "٣", "qqqqqqqq", "x" * 10_000])
def test_unknown_label_is_a_usage_error(text):
    with pytest.raises(UsageError) as caught:
        find_label(text, imagenet_labels())
    assert caught.value.exit_status == 2
    assert isinstance(caught.value, LiveCamError)
    assert isinstance(caught.value, ValueError)
    # The text of a LookupError is shown in quotes, as its repr.
    assert not isinstance(caught.value, LookupError)
    assert "\n" not in str(caught.value)


def test_ambiguous_label_is_answered_with_all_candidates():
    with pytest.raises(UnknownLabelError, match=r"'crane \(bird\)'") as caught:
        find_label("crane", imagenet_labels())
    assert "'crane (machine)'" in str(caught.value)
