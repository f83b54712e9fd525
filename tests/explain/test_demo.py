"""What the real network says of the demo: it knows what is shown, and takes a line of writing for a carton."""

from functools import cache

import numpy as np
import pytest

from live_cam.explain.saliency.occlusion import occlude, patch
from live_cam.explain.saliency.targets import probabilities
from live_cam.sources.demo import HEIGHT_PX, WIDTH_PX, demo_frame
from live_cam.sources.demo_scenes import SCENES, SHORTCUT
from live_cam.types import Frame, Target

pytestmark = pytest.mark.slow

STARTS_S = np.cumsum([0.0, *(scene.duration_s for scene in SCENES)])
WRITTEN_AT_S = np.linspace(SHORTCUT.writing[1], SHORTCUT.writing[2], 4)
# Places on the writing, in fractions of the frame.
XS, Y = np.linspace(0.05, 0.77, 9), 0.717


@pytest.fixture(scope="module")
def probability(explainer):
    """Returns the probability of each class in a frame: `probability(rgb)["lion"]`."""
    labels, head = explainer.classifier.labels, explainer.classifier.head
    return lambda rgb: dict(zip(labels, probabilities(explainer.logits([rgb])[0], head), strict=True))


@cache
def shortcut(elapsed_s):
    return demo_frame(STARTS_S[SCENES.index(SHORTCUT)] + elapsed_s)


@pytest.mark.parametrize(
    ("number", "labels"),
    [
        (0, {"lion"}),
        (1, {"cheetah"}),
        (3, {"espresso"}),
        (4, {"lion", "cheetah"}),
        (5, {"tripod"}),
        (6, {"Egyptian cat"}),
    ],
)
def test_the_network_names_what_is_shown(probability, number, labels):
    for time_s in STARTS_S[number] + np.linspace(0.1, 0.95, 4) * SCENES[number].duration_s:
        found = probability(demo_frame(time_s))
        assert set(sorted(found, key=found.__getitem__)[-len(labels) :]) == labels
        assert sum(found[label] for label in labels) > 0.65


def test_writing_turns_the_lion_into_a_carton(probability):
    assert probability(shortcut(0.0))["lion"] > 0.9
    assert probability(shortcut(SHORTCUT.duration_s - 0.1))["lion"] > 0.9
    for elapsed_s in WRITTEN_AT_S:
        found = probability(shortcut(elapsed_s))
        assert found["carton"] > 0.55
        assert found["lion"] < 0.15


def test_hiding_the_writing_brings_the_lion_back(explainer, probability):
    def hide(x, elapsed_s):
        return occlude(shortcut(elapsed_s), patch(x, Y, WIDTH_PX, HEIGHT_PX), explainer.classifier.input_px)

    lion = [min(probability(hide(x, elapsed_s))["lion"] for elapsed_s in WRITTEN_AT_S) for x in XS]
    assert max(lion) > 0.85
    assert sum(each > 0.5 for each in lion) >= 5


def test_the_map_jumps_from_the_lion_onto_the_writing(explainer):
    before, after = (
        explainer.explain_all([Frame(shortcut(elapsed_s), 0)], [Target()])[0][0].saliency_map
        for elapsed_s in (0.0, WRITTEN_AT_S[1])
    )
    # Rows 4 and 5 of 7 are those of the writing.
    assert before[4:6].sum() < 0.4 * before.sum()
    assert after[4:6].sum() > 0.7 * after.sum()
