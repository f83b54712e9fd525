"""Which classes two models share, and what the page says of their answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from live_cam.explain.comparison import ModelPair
from live_cam.models.classifier import Classifier
from live_cam.types import ClassScore, Target

FIRST = Classifier("a", ("cat", "lion", "fire_engine"), {"last": ""}, ("last",))
SECOND = Classifier("b", ("Lion", "Fire engine", "dog", "lion"), {"last": ""}, ("last",))
CAT, LION, ENGINE = range(3)


@pytest.fixture
def compare(make_explanation):
    """Compares what the models say: `compare("lion", 0.97, "dog", 0.55, asked=Target(LION))`."""

    def compare_(first, first_probability, second, second_probability, asked=Target()):
        pair = ModelPair(FIRST, SECOND)

        def explain(classifier, label, probability, target):
            index = classifier.labels.index(label)
            target = replace(target, index=index if target.index is None else target.index)
            return replace(
                make_explanation(),
                smoothed_top=(ClassScore(index, label, probability),),
                target=target,
                target_label=classifier.labels[target.index],
                contrast_label=None if target.contrast is None else classifier.labels[target.contrast],
            )

        ours = explain(FIRST, first, first_probability, asked)
        theirs = explain(SECOND, second, second_probability, pair.second_target(asked))
        return pair.compare(ours, theirs, chosen=asked != Target())

    return compare_


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(), Target()),
        (Target(ENGINE), Target(1)),
        (Target(CAT), Target()),
        (Target(LION, ENGINE), Target(0, 1)),
        (Target(LION, CAT), Target(0)),
        (Target(None, LION), Target(None, 0)),
        (Target(CAT, counterfactual=True), Target()),
        (Target(LION, counterfactual=True), Target(0, counterfactual=True)),
    ],
)
def test_the_second_model_is_asked_for_the_classes_of_the_same_names(target, expected):
    assert ModelPair(FIRST, SECOND).second_target(target) == expected


def test_two_classes_that_are_one_to_the_second_model_are_no_contrast():
    first = replace(FIRST, labels=("lion", "LION", "cat"))
    assert ModelPair(first, SECOND).second_target(Target(0, 1)) == Target(0)


@pytest.mark.parametrize(
    ("answers", "agree", "words"),
    [
        (("lion", 0.97, "Lion", 0.55), True, "agree: lion"),
        (("fire_engine", 0.5, "Fire engine", 0.55), True, "agree: fire_engine"),
        (("lion", 0.97, "Fire engine", 0.55), False, "disagree: a says lion 97 %, b says Fire engine 55 %"),
        (("lion", 0.97, "dog", 0.55), False, "disagree: a says lion 97 % (it has no class dog), b says dog 55 %"),
        (("cat", 0.97, "Lion", 0.55), False, "disagree: a says cat 97 %, b says Lion 55 % (it has no class cat)"),
    ],
)
def test_a_line_says_whether_they_agree_and_where_their_classes_differ(compare, answers, agree, words):
    assert compare(*answers) == {"agree": agree, "words": words, "note": ""}


@pytest.mark.parametrize(
    ("asked", "note"),
    [
        (Target(CAT), "b has no class cat: its map explains dog"),
        (Target(LION, CAT), "b has no class cat: its map explains Lion"),
        (Target(LION), ""),
        (Target(LION, ENGINE), ""),
    ],
)
def test_a_note_names_the_chosen_class_that_the_second_model_lacks(compare, asked, note):
    assert compare("lion", 0.97, "dog", 0.55, asked)["note"] == note
