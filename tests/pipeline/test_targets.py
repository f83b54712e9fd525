import pytest

from live_cam.pipeline.settings import Settings, targets
from live_cam.types import ClassScore, Target

LION, TIGER, CAT, BEE = 291, 292, 285, 309
SHOWN = (ClassScore(LION, "lion", 0.6), ClassScore(TIGER, "tiger", 0.3), ClassScore(CAT, "Egyptian cat", 0.05))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(), [Target(LION)]),
        (Settings(target=BEE), [Target(BEE)]),
        (Settings(mode="counterfactual"), [Target(LION, counterfactual=True)]),
        (Settings(mode="counterfactual", target=BEE), [Target(BEE, counterfactual=True)]),
        (Settings(mode="contrast"), [Target(LION, TIGER)]),
        (Settings(mode="contrast", target=TIGER), [Target(TIGER, LION)]),
        (Settings(mode="contrast", target=BEE), [Target(BEE, LION)]),
        (Settings(mode="contrast", other=BEE), [Target(LION, BEE)]),
        (Settings(mode="contrast", other=LION), [Target(TIGER, LION)]),
        (Settings(mode="side_by_side", other=LION), [Target(TIGER), Target(LION)]),
        (Settings(mode="class", other=LION), [Target(LION)]),
        (Settings(mode="side_by_side"), [Target(LION), Target(TIGER)]),
        (Settings(mode="side_by_side", target=TIGER), [Target(TIGER), Target(LION)]),
        (Settings(mode="side_by_side", target=BEE, other=CAT), [Target(BEE), Target(CAT)]),
        (Settings(mode="contrast", target=TIGER, other=TIGER), [Target(TIGER, LION)]),
        (Settings(mode="side_by_side", target=BEE, other=BEE), [Target(BEE), Target(LION)]),
    ],
)
def test_open_classes_are_the_top_class_and_the_runner_up_of_what_is_shown(settings, expected):
    assert targets(settings, SHOWN, "gradcam") == expected


@pytest.mark.parametrize("mode", ["class", "contrast", "side_by_side"])
def test_before_the_first_frame_the_target_is_the_top_class(mode):
    assert targets(Settings(mode=mode), (), "gradcam") == [Target()]


def test_two_chosen_classes_need_no_frame_before():
    assert targets(Settings(mode="contrast", target=CAT, other=BEE), (), "gradcam") == [Target(CAT, BEE)]


@pytest.mark.parametrize("mode", ["class", "contrast", "counterfactual", "side_by_side"])
def test_a_classless_method_has_a_single_target_whatever_was_chosen(mode):
    assert targets(Settings(mode=mode, target=BEE, other=CAT), SHOWN, "eigencam") == [Target(LION)]
