from dataclasses import replace

import numpy as np
import pytest

from live_cam.explain.occlusion import NOTHING_RGB
from live_cam.frame import EncodedFrame, Look, Target
from live_cam.pipeline.trust import Trust

LION = 291


class SeesTopLeft:
    """A network that knows the lion by the top left quarter of the picture alone."""

    def logits(self, frames):
        answers = np.zeros((len(frames), 1000), np.float32)
        for answer, frame in zip(answers, frames, strict=True):
            quarter = frame[: frame.shape[0] // 2, : frame.shape[1] // 2]
            answer[LION] = 15 * np.any(quarter != NOTHING_RGB, axis=-1).mean()
        return answers


@pytest.fixture
def show(make_explanation, make_frame):
    """Gives a picture whose map is hottest in one corner: `show(row, column, target=Target(LION))`."""

    def shown(row, column, target=Target(LION)):  # noqa: B008 (frozen)
        values = np.zeros((7, 7), np.float32)
        values[row : row + 3, column : column + 3] = 2.0
        logits = np.zeros(1000, np.float32)
        logits[LION] = 15.0
        explanation = replace(make_explanation(target), saliency_map=values, steady_map=values, logits=logits)
        return EncodedFrame(b"", make_frame(np.full((224, 224, 3), 200, np.uint8)), explanation, Look())

    return shown


@pytest.fixture
def trust():
    """By chance, random fifths may cost nearly nothing, so chance is the same each time."""
    return Trust(np.random.default_rng(0))


def put_to_the_test(trust, shown, times=60):
    for _ in range(times):
        trust.ask(shown.explanation)
        trust.test(shown, SeesTopLeft())
    return trust.score


def test_a_map_that_points_at_what_matters_is_called_faithful_and_one_that_does_not_is_not(trust, show):
    right = put_to_the_test(trust, show(0, 0))
    assert right.verdict == "faithful"
    assert right.fall > right.random_fall + 0.1
    wrong = put_to_the_test(Trust(np.random.default_rng(0)), show(4, 4))
    assert wrong.verdict == "unfaithful"
    assert wrong.fall < wrong.random_fall


def test_another_question_forgets_what_was_found_for_the_last_one(trust, show):
    assert put_to_the_test(trust, show(0, 0)) is not None
    trust.ask(show(0, 0, Target(285)).explanation)
    assert trust.score is None


def test_the_first_result_comes_after_the_hottest_and_some_random_fifths(trust, show):
    assert put_to_the_test(trust, show(0, 0), times=1) is None
    assert put_to_the_test(trust, show(0, 0), times=3) is not None


def test_a_map_without_evidence_is_not_tested(trust, show):
    shown = show(0, 0)
    nothing = replace(shown, explanation=replace(shown.explanation, strength=0.0))
    assert put_to_the_test(trust, nothing) is None


def test_a_picture_that_stands_still_is_not_tested_for_ever(trust, show):
    shown = show(0, 0)
    put_to_the_test(trust, shown)
    found = trust.score
    put_to_the_test(trust, shown)
    assert trust.score == found
    trust.ask(show(0, 0, Target(285)).explanation)
    assert put_to_the_test(trust, show(4, 4, Target(LION))) is not None, "another question is"
