import pytest

from live_cam.frame import ClassScore, Target
from live_cam.pipeline.controls import Settings
from live_cam.pipeline.questions import targets

LION, TIGER, CAT, BEE = 291, 292, 285, 309
SEEN = (ClassScore(LION, "lion", 0.6), ClassScore(TIGER, "tiger", 0.3), ClassScore(CAT, "Egyptian cat", 0.05))


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        (Settings(), [Target(LION)]),
        (Settings(target=BEE), [Target(BEE)]),
        (Settings(question="against"), [Target(LION, against=True)]),
        (Settings(question="against", target=BEE), [Target(BEE, against=True)]),
        (Settings(question="versus"), [Target(LION, TIGER)]),
        (Settings(question="versus", target=TIGER), [Target(TIGER, LION)]),
        (Settings(question="versus", target=BEE), [Target(BEE, LION)]),
        (Settings(question="versus", other=BEE), [Target(LION, BEE)]),
        (Settings(question="versus", other=LION), [Target(TIGER, LION)]),
        (Settings(question="beside", other=LION), [Target(TIGER), Target(LION)]),
        (Settings(question="why", other=LION), [Target(LION)]),
        (Settings(question="beside"), [Target(LION), Target(TIGER)]),
        (Settings(question="beside", target=TIGER), [Target(TIGER), Target(LION)]),
        (Settings(question="beside", target=BEE, other=CAT), [Target(BEE), Target(CAT)]),
        (Settings(question="versus", target=TIGER, other=TIGER), [Target(TIGER, LION)]),
        (Settings(question="beside", target=BEE, other=BEE), [Target(BEE), Target(LION)]),
    ],
)
def test_classes_left_open_are_the_likeliest_and_the_runner_up_of_what_is_shown(settings, asked):
    assert targets(settings, SEEN, "gradcam") == asked


@pytest.mark.parametrize("question", ["why", "versus", "beside"])
def test_before_the_first_picture_the_likeliest_class_is_asked_about(question):
    assert targets(Settings(question=question), (), "gradcam") == [Target()]


def test_two_named_classes_need_no_picture_before():
    assert targets(Settings(question="versus", target=CAT, other=BEE), (), "gradcam") == [Target(CAT, BEE)]


@pytest.mark.parametrize("question", ["why", "versus", "against", "beside"])
def test_a_method_that_knows_no_classes_is_asked_one_question_whatever_was_chosen(question):
    assert targets(Settings(question=question, target=BEE, other=CAT), SEEN, "eigencam") == [Target(LION)]
